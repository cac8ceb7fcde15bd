// SPDX-License-Identifier: Apache-2.0
// rooms: spctl
// The bytes of an isolated cluster's segment from a hostile process: as they are, behind a stamp that is in order, and as
// records of moved SubProcesses; then as the text of files of /proc.
#include <algorithm>
#include <vector>

#include "spctl/cluster_reader.hpp"
#include "spctl/descriptor_list.hpp"
#include "spctl/event_log.hpp"
#include "spctl/process_numbers.hpp"
#include "spctl/socket_table.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace sp;
using fuzz::insist;

void read_records(std::span<const std::byte> bytes, const spctl::ClusterView& cluster) {
  for (size_t at = 0; at <= bytes.size(); at += spctl::kMovedHeadBytes) {
    const auto moved =
        spctl::parse_moved(bytes.subspan(at, std::min(bytes.size() - at, spctl::kMovedHeadBytes)), cluster);
    if (!moved) continue;
    insist(moved->body_node < cluster.nodes.size() && moved->shadow_node < cluster.nodes.size(),
           "a node beyond the last");
    insist(moved->pid > 0 && moved->shadow_pid > 0, "a number that no process has");
  }
}

void read(std::span<const std::byte> header, std::span<const std::byte> records) {
  const auto view = spctl::parse_cluster(header);
  if (!view) return insist(!view.error().empty(), "refused without a reason");
  insist(!view->nodes.empty() && view->nodes.size() <= kNodeCountMax, "too many nodes");
  insist(view->moved_high <= wire::kMovedCountMax, "too many records");
  for (const auto& node : view->nodes) {
    insist(node.first_pid > 0 && node.end_pid >= node.first_pid, "a lease that cannot be");
    insist(node.body_count <= wire::kMovedCountMax, "more bodies than records");
    insist(spctl::state_name(node.state) != nullptr, "no name");
  }
  read_records(records, *view);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read(input, input);
  static std::vector<std::byte> header;
  header.assign(sizeof(wire::ClusterHeader), std::byte{});
  std::copy_n(input.begin(), std::min(size, header.size()), header.begin());
  const uint32_t count = static_cast<uint32_t>(size % 4 == 0 ? 0 : 1 + size % (kNodeCountMax + 1));
  auto& stamp = *reinterpret_cast<wire::ClusterHeader*>(header.data());
  if (size % 8 != 0)
    stamp.magic = wire::kClusterMagic, stamp.version = wire::kClusterVersion, stamp.bytes = sizeof stamp;
  if (count != 0) stamp.node_count = count;
  for (uint32_t n = 0; n < kNodeCountMax && size % 3 == 0; ++n)
    stamp.nodes[n].first_pid = 300 + static_cast<int32_t>(n), stamp.nodes[n].end_pid = 400;
  read(header, input);
  (void)spctl::innermost_number({reinterpret_cast<const char*>(data), size}, 1);
  (void)spctl::innermost_number("\nNSpid:" + std::string(reinterpret_cast<const char*>(data), size), 1);
  (void)spctl::parse_event_log(input);
  if (const auto event = spctl::parse_logged(input, size))
    insist(event->text.size() <= wire::kEventTextBytes, "too much text");
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const int32_t number : spctl::parse_descriptors(input))
    insist(number >= 0 && static_cast<uint32_t>(number) < wire::kVfdCountMax, "a descriptor beyond the last");
  (void)spctl::open_flags_text(spctl::parse_fdinfo(text).flags);
  for (const char* protocol : {"tcp", "unix"}) (void)spctl::parse_socket(protocol, text);
  return 0;
}
