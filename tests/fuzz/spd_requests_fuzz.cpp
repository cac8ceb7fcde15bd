// SPDX-License-Identifier: Apache-2.0
// rooms: spd
// What any process of a cluster can make of the memory that spd reads: rings with random bytes, requests with random
// operations and arguments, records in every state with impossible values. spd must answer, and never signal a group,
// itself, or a process that no node has begun. What it would do to processes is replaced here by looking at it.
#include <csignal>
#include <cerrno>
#include <cstdarg>
#include <sys/syscall.h>

#include "gnttab-shm/node_queue.hpp"
#include "spd/agent.hpp"
#include "spd/bodies.hpp"
#include "spd/segment.hpp"
#include "spd/segments.hpp"
#include "spd/spaces.hpp"
#include "spd/watch.hpp"
#include "tests/fuzz/cluster_segment.hpp"
#include "vpid/numbers.hpp"

namespace {
using namespace sp;
using fuzz::insist;

constexpr uint32_t kNodeCount = 3, kRecordCount = 4;
constexpr auto kOperations = static_cast<uint32_t>(wire::NodeOperation::count) + 2; // two that there are not
constexpr NodeId kSelf{1};

bool ordinary(int64_t pid) { return pid > wire::kKeeperPid && pid < 32768; }
} // namespace

// ---- in place of libc's ----

extern "C" int kill(pid_t pid, int signal) noexcept {
  insist(ordinary(pid) && signal >= 0 && signal <= 64, "a signal to whom it must not reach");
  return 0;
}

extern "C" long syscall(long number, ...) noexcept {
  va_list list;
  va_start(list, number);
  const long first = va_arg(list, long), second = va_arg(list, long);
  va_end(list);
  if (number == SYS_pidfd_open) { // to take a descriptor
    insist(ordinary(static_cast<pid_t>(first)), "descriptors of whom it must not reach");
    return errno = ESRCH, -1;
  }
  insist(number == SYS_rt_tgsigqueueinfo, "a call that a request cannot mean");
  insist(ordinary(static_cast<pid_t>(first)) && ordinary(static_cast<pid_t>(second)),
         "a poke to whom it must not reach");
  return 0;
}

// ---- in place of what spd does to processes ----

namespace sp::vpid {
int32_t last_pid() { return 1000; }
bool set_next_pid(int32_t pid) {
  insist(ordinary(pid), "a number that no node gives out");
  return true;
}
void LeaseWatch::look() {}
} // namespace sp::vpid

namespace sp::spd {
long start_body(NodeId self, uint32_t record) {
  insist(self == kSelf && record < wire::kMovedCountMax, "a record beyond the last");
  return 0;
}
long stop_body(uint32_t record) { return start_body(kSelf, record); }
long start_resident(NodeId, uint64_t, uint64_t, int32_t) { return 0; } // it judges its arguments itself
int32_t resident_of(int32_t, int32_t) { return 0; }
long watch(Watched, uint32_t record, bool) {
  insist(record < wire::kMovedCountMax, "a record beyond the last");
  return 0;
}
long watch_token(pid_t, uint64_t, uint64_t, uint64_t) { return 0; }
long hold_space(NodeId, uint64_t, pid_t) { return 0; }
long let_go_space(NodeId, uint64_t, pid_t) { return 0; }
void let_go_spaces(NodeId, pid_t) {}
void let_go_segments(pid_t) {}
long serve_segment(NodeId, uint64_t, uint64_t, uint64_t) { return 0; } // any number; the kernel knows which there are
void sweep_segments(NodeId) {}
long restore_body(NodeId self, uint32_t record) { return start_body(self, record); }
long signal_first_program(int signal) {
  insist(signal >= 0 && signal <= 64, "no signal");
  return 0;
}
} // namespace sp::spd

namespace {

// As spd sees them: whatever a record says.
void spoil_records(fuzz::Bytes& bytes) {
  for (uint32_t i = 0; i < kRecordCount; ++i) {
    wire::Moved& m = wire::moved(i);
    m.state.store(static_cast<wire::MovedState>(bytes.next<uint8_t>() % 8));
    const auto kind = bytes.next<uint8_t>();
    const auto number = [&] { return kind % 2 ? bytes.next<int32_t>() : 300 + kind; };
    m.pid.store(number()), m.shadow_pid.store(number());
    m.body_node.store(kind % 4 ? kSelf.value : bytes.next<uint32_t>());
    m.shadow_node.store(bytes.next<uint32_t>());
  }
}

void request_directly(fuzz::Bytes& bytes) {
  Request request;
  request.operation = kNodeCount * 4 + 3 > bytes.size ? bytes.next<uint32_t>() : bytes.next<uint8_t>() % kOperations;
  for (uint64_t& argument : request.arguments)
    argument = bytes.next<uint8_t>() % 2 ? bytes.next<uint64_t>() : bytes.next<uint8_t>() % (kRecordCount + 1);
  const long result = spd::perform(kSelf, request);
  insist(result <= INT32_MAX && result > -4096, "no result");
}

void request_by_ring(fuzz::Bytes& bytes) {
  const NodeId source{bytes.next<uint8_t>() % kNodeCount};
  char* const ring = static_cast<char*>(node_ring_memory(source, kSelf));
  const size_t at = bytes.next<uint8_t>() % 2 ? 0 : bytes.next<uint16_t>() % wire::ring_bytes(kNodeSlotCount);
  bytes.fill(ring + at, std::min<size_t>(wire::ring_bytes(kNodeSlotCount) - at, 1 + bytes.next<uint16_t>() % 512));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes{data, size};
  fuzz::format_cluster(kNodeCount);
  static const bool found = (spd::find_cluster(), true);
  (void)found;
  for (uint32_t i = 0; i < kRecordCount; ++i) fuzz::format_record(i, kSelf, {0});
  const auto bell = EventChannel::open(node_bell_line(kSelf));
  NodeQueue queue(kSelf, *bell, static_cast<uint32_t>(wire::NodeOperation::count));
  for (uint32_t source = 0; source < kNodeCount; ++source)
    (void)queue.attach({source}, *Ring::open(node_ring_memory({source}, kSelf), kNodeRingStride));
  while (bytes.size > 0) {
    spoil_records(bytes);
    bytes.next<uint8_t>() % 2 ? request_directly(bytes) : request_by_ring(bytes);
    uint32_t taken_count = 0;
    while (const auto delivery = queue.take()) {
      insist(++taken_count <= kNodeCount * kNodeSlotCount, "more requests than slots");
      (void)queue.complete(*delivery, spd::perform(kSelf, delivery->taken.request));
    }
  }
  return 0;
}
