// SPDX-License-Identifier: Apache-2.0
// See cluster_reader.hpp.
#include "spctl/cluster_reader.hpp"

#include <algorithm>
#include <cstring>
#include <fmt/core.h>
#include <memory>

#include "spctl/runtime_folder.hpp"

namespace sp::spctl {
namespace {

// Between a begin and an end that are counted one after the other it may be short of zero.
uint32_t bounded_count(uint32_t count) {
  return static_cast<uint32_t>(std::clamp(static_cast<int32_t>(count), 0, int32_t{wire::kMovedCountMax}));
}

ClusterNodeView view_of(const wire::ClusterNode& node) {
  return {node.state.load(std::memory_order_relaxed),
          node.first_pid,
          node.end_pid,
          bounded_count(node.body_count.load(std::memory_order_relaxed)),
          node.bodies_begun.load(std::memory_order_relaxed),
          node.dead_since.load(std::memory_order_relaxed),
          std::max(node.domain, 0)};
}

} // namespace

const char* state_name(wire::SpdState state) {
  switch (state) {
    case wire::SpdState::absent: return "absent";
    case wire::SpdState::running: return "running";
    case wire::SpdState::dead: return "dead";
  }
  return "unknown";
}

const char* memory_name(const ClusterNodeView& node) { return node.domain ? "ranges" : "memfds"; }

tl::expected<ClusterView, ReadError> parse_cluster(std::span<const std::byte> header) {
  const auto unreadable = [](std::string why) { return tl::unexpected<ReadError>(std::move(why)); };
  if (header.size() < sizeof(wire::ClusterHeader)) return unreadable("the cluster's segment is cut off");
  const auto storage = std::make_unique<wire::ClusterHeader>();
  wire::ClusterHeader& c = *storage;
  std::memcpy(static_cast<void*>(&c), header.data(), sizeof c);
  if (c.magic != wire::kClusterMagic) return unreadable("no cluster of superproc, or one that has not begun");
  if (c.version != wire::kClusterVersion || c.bytes != sizeof c)
    return unreadable(fmt::format("its cluster's segment is of version {} with {} bytes, this spctl reads version {} "
                                  "with {}; use the spctl of the same build",
                                  c.version, c.bytes, wire::kClusterVersion, sizeof c));
  if (c.node_count < 1 || c.node_count > kNodeCountMax)
    return unreadable(fmt::format("its cluster's segment names {} nodes; it is damaged", c.node_count));
  c.name[sizeof c.name - 1] = '\0';
  ClusterView view{};
  view.placement = c.placement;
  view.moved_high = std::min(c.moved_high.load(std::memory_order_relaxed), wire::kMovedCountMax);
  view.cores_per_node = c.cores_per_node;
  view.epoch = c.epoch.load(std::memory_order_relaxed);
  view.name = c.name;
  if (!is_cluster_name(view.name)) view.name.clear();
  for (uint32_t n = 0; n < c.node_count; ++n) {
    view.nodes.push_back(view_of(c.nodes[n]));
    if (view.nodes.back().first_pid <= 0 || view.nodes.back().end_pid < view.nodes.back().first_pid)
      return unreadable("its cluster's segment names process numbers that cannot be; it is damaged");
  }
  return view;
}

std::optional<MovedView> parse_moved(std::span<const std::byte> head, const ClusterView& cluster) {
  if (head.size() < kMovedHeadBytes) return std::nullopt;
  const auto storage = std::make_unique<wire::Moved>(); // aligned as the type wants; the rest stays empty
  std::memcpy(static_cast<void*>(storage.get()), head.data(), kMovedHeadBytes);
  const wire::MovedState state = storage->state.load(std::memory_order_relaxed);
  if (state != wire::MovedState::leaving && state != wire::MovedState::settled) return std::nullopt;
  const MovedView view{
      storage->pid.load(std::memory_order_relaxed), storage->shadow_pid.load(std::memory_order_relaxed),
      storage->body_node.load(std::memory_order_relaxed), storage->shadow_node.load(std::memory_order_relaxed)};
  const size_t node_count = cluster.nodes.size();
  if (view.pid <= 0 || view.shadow_pid <= 0 || view.body_node >= node_count || view.shadow_node >= node_count)
    return std::nullopt;
  return view;
}

std::vector<int32_t> parse_descriptors(std::span<const std::byte> bytes) {
  std::vector<int32_t> numbers;
  for (size_t n = 0; n < std::min<size_t>(bytes.size(), wire::kVfdCountMax); ++n)
    if ((std::to_integer<uint8_t>(bytes[n]) & wire::kVfdOpen) != 0) numbers.push_back(static_cast<int32_t>(n));
  return numbers;
}

} // namespace sp::spctl
