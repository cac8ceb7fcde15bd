// SPDX-License-Identifier: Apache-2.0
// See cluster_list.hpp.
#include "spctl/cluster_list.hpp"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <optional>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "spctl/kernel_abilities.hpp"
#include "spctl/message.hpp"

namespace sp::spctl {
namespace {

constexpr int32_t kDaemon = 1; // the number that an spd has on its node

// A memory file only, or one of domains' memory (gnttab-shm/module): what else a stranger's descriptor leads to is not
// opened.
bool leads_to_segment(const std::string& link) {
  constexpr int64_t kModuleMagic = 0x73706d65;
  char target[64];
  const ssize_t bytes = readlink(link.c_str(), target, sizeof target);
  const std::string_view path(target, static_cast<size_t>(std::max<ssize_t>(bytes, 0)));
  if (path.starts_with("/memfd:superproc-cluster")) return true;
  struct statfs system {};
  return path == "/superproc-segment" && statfs(link.c_str(), &system) == 0 && system.f_type == kModuleMagic;
}

std::string segment_link(int32_t keeper) { return fmt::format("/proc/{}/fd/{}", keeper, wire::kKeeperSegment); }

bool is_keeper(const Numbers& process) {
  return process.space != 0 && process.inside == wire::kKeeperPid &&
         read_line(fmt::format("/proc/{}/comm", process.outside).c_str()) == "spd";
}

// The first argument of its spd.
std::optional<uint32_t> node_of(int32_t keeper) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", keeper), std::ios::binary);
  std::string name, node;
  std::getline(file, name, '\0');
  std::getline(file, node, '\0');
  uint32_t number = 0;
  const auto parsed = std::from_chars(node.data(), node.data() + node.size(), number);
  if (parsed.ec != std::errc() || parsed.ptr != node.data() + node.size()) return std::nullopt;
  return number;
}

std::vector<std::byte> read_at(int descriptor, uint64_t offset, size_t bytes) {
  std::vector<std::byte> copy(bytes);
  const ssize_t count = pread(descriptor, copy.data(), bytes, static_cast<off_t>(offset));
  copy.resize(count > 0 ? static_cast<size_t>(count) : 0);
  return copy;
}

tl::expected<IsolatedCluster, ReadError> read_cluster(int descriptor) {
  auto view = parse_cluster(read_at(descriptor, 0, sizeof(wire::ClusterHeader)));
  if (!view) return tl::unexpected<ReadError>(view.error());
  IsolatedCluster cluster{std::move(*view), {}, {}, 0};
  cluster.nodes.resize(cluster.view.nodes.size());
  for (uint32_t i = 0; i < cluster.view.moved_high; ++i)
    if (auto moved = parse_moved(read_at(descriptor, moved_offset(i), kMovedHeadBytes), cluster.view)) {
      moved->record = i;
      cluster.moved.push_back(*moved);
    }
  return cluster;
}

class Search {
public:
  explicit Search(const NumberTable& numbers) : numbers_(numbers) {}

  void look_at(const Numbers& keeper) {
    const std::string link = segment_link(keeper.outside);
    if (!leads_to_segment(link)) return;
    const int descriptor = open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat file {};
    if (descriptor < 0 || fstat(descriptor, &file) != 0) {
      found.unreadable.push_back({keeper.outside, errno_text(errno)});
    } else if (const auto known = std::find(files_.begin(), files_.end(), file.st_ino); known != files_.end()) {
      enter(found.clusters[static_cast<size_t>(known - files_.begin())], keeper);
    } else if (auto cluster = read_cluster(descriptor); !cluster) {
      found.unreadable.push_back({keeper.outside, cluster.error()});
    } else {
      enter(*cluster, keeper);
      cluster->keeper = keeper.outside;
      found.clusters.push_back(std::move(*cluster));
      files_.push_back(file.st_ino);
    }
    if (descriptor >= 0) close(descriptor);
  }

  ClusterList found;

private:
  void enter(IsolatedCluster& cluster, const Numbers& keeper) {
    const auto node = node_of(keeper.outside);
    if (node && *node < cluster.nodes.size())
      cluster.nodes[*node] = {numbers_.outside(keeper.space, kDaemon), keeper.space};
  }
  const NumberTable& numbers_;
  std::vector<ino_t> files_; // of found.clusters
};

} // namespace

int32_t IsolatedCluster::number() const {
  const auto first = std::find_if(nodes.begin(), nodes.end(), [](const IsolatedNode& node) { return node.spd > 0; });
  return first != nodes.end() ? first->spd : 0;
}

ClusterList list_clusters(const NumberTable& numbers) {
  Search search(numbers);
  for (const Numbers& process : numbers.all())
    if (is_keeper(process)) search.look_at(process);
  return std::move(search.found);
}

std::vector<std::byte> read_segment(const IsolatedCluster& cluster, uint64_t offset, size_t bytes) {
  const std::string link = segment_link(cluster.keeper);
  const int descriptor = leads_to_segment(link) ? open(link.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
  if (descriptor < 0) return {};
  std::vector<std::byte> copy = read_at(descriptor, offset, bytes);
  close(descriptor);
  return copy;
}

Place place_of(const std::vector<IsolatedCluster>& clusters, uint64_t space) {
  if (space == 0) return {nullptr, 0};
  for (const IsolatedCluster& cluster : clusters)
    for (uint32_t n = 0; n < cluster.nodes.size(); ++n)
      if (cluster.nodes[n].space == space) return {&cluster, n};
  return {nullptr, 0};
}

} // namespace sp::spctl
