// SPDX-License-Identifier: Apache-2.0
// See cluster_segment.hpp.
#include "spctl/cluster_segment.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>
#include <sys/mman.h>
#include <unistd.h>

#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "spctl/domains.hpp"
#include "spctl/ringer.hpp"
#include "vpid/lease.hpp"

namespace sp::spctl {
namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

int32_t highest_pid() {
  int32_t highest = 32768;
  std::ifstream("/proc/sys/kernel/pid_max") >> highest;
  return highest;
}

constexpr const char* kSteps[] = {"none",
#define SP_STEP(name) #name,
                                  SP_FAULT_STEPS(SP_STEP)
#undef SP_STEP
};

// Of tests: wire/fault.hpp.
void ask_for_fault(wire::Fault& fault) {
  const char* asked = getenv("SUPERPROC_PAUSE_AT");
  if (asked == nullptr) return;
  const std::string_view text = asked, step = text.substr(0, text.find(':'));
  for (uint32_t i = 1; i < std::size(kSteps); ++i)
    if (step == kSteps[i]) fault.step.store(static_cast<wire::Step>(i));
  if (step.size() < text.size()) fault.others_first.store(atoi(asked + step.size() + 1));
}

// For tests: as many programs can have moved at one time.
uint32_t record_count() {
  const char* asked = getenv("SUPERPROC_RECORDS");
  return asked == nullptr ? wire::kMovedCountMax : static_cast<uint32_t>(std::clamp(atoi(asked), 1, 512));
}

// For tests: as where no kernel wakes a sleeper of another node.
uint32_t wants_boards() {
  const char* asked = getenv("SUPERPROC_BELL");
  return asked != nullptr && std::string_view(asked) == "board";
}

} // namespace

bool format_cluster(const RunSettings& settings, const std::string& name, SegmentKind kind) {
  wire::ClusterHeader& c = wire::cluster();
  c.version = wire::kClusterVersion;
  c.bytes = sizeof c;
  c.node_count = settings.node_count;
  c.placement = settings.placement;
  c.cores_per_node = settings.cores_per_node;
  name.copy(c.name, sizeof c.name - 1);
  size_t at = 0; // it is known to fit
  for (const std::string& folder : settings.image) at += folder.copy(c.image + at, wire::kImageTextMax - 1 - at) + 1;
  c.moved_count = kind.record_count;
  c.has_boards = kind.has_boards;
  c.place_next.store(1); // the first child leaves the first node
  for (uint32_t t = 0; t < settings.node_count; ++t) {
    EventChannel::create(node_bell_line({t}));
    for (uint32_t s = 0; s < settings.node_count; ++s)
      (void)Ring::create(node_ring_memory({s}, {t}), kNodeRingStride, {s}, {t}, kNodeSlotCount);
  }
  ask_for_fault(c.fault);
  c.magic = wire::kClusterMagic;
  return vpid::lease_out(c, highest_pid());
}

int make_memory(const std::string& name, uint64_t bytes) {
  const int descriptor = memfd_create(name.c_str(), MFD_CLOEXEC);
  return descriptor >= 0 && ftruncate(descriptor, static_cast<off_t>(bytes)) == 0 ? descriptor : -1;
}

tl::expected<Segments, Refusal> make_segments(const RunSettings& settings, const std::string& name) {
  if (settings.backend == Backend::xen) return over_domains.make_segments(settings, name);
  std::vector<int> segments{make_memory("superproc-cluster", wire::kClusterBytes)};
  for (uint32_t n = 0; n < settings.node_count; ++n)
    segments.push_back(make_memory(fmt::format("superproc-pool-{}", n), wire::kPoolBytes));
  void* const there = reinterpret_cast<void*>(wire::kClusterBase);
  if (*std::min_element(segments.begin(), segments.end()) < 0 ||
      mmap(there, wire::kClusterBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, segments[0], 0) !=
          there)
    return refused(fmt::format("no memory for the cluster: {}", errno_text(errno)));
  if (!format_cluster(settings, name, {record_count(), wants_boards()}))
    return refused(fmt::format("kernel.pid_max is {}: too few process numbers for {} nodes; use fewer, or raise it",
                               highest_pid(), settings.node_count));
  std::vector<int> boards;
  for (uint32_t n = 0; wire::cluster().has_boards && n < settings.node_count; ++n)
    boards.push_back(make_board(n, settings.node_count));
  if (!boards.empty() && have_board(boards[0]) != 0)
    return refused(fmt::format("no memory for the nodes' boards: {}", errno_text(errno)));
  return Segments{segments, boards};
}

} // namespace sp::spctl
