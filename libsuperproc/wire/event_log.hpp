// SPDX-License-Identifier: Apache-2.0
// What the daemons and parents of this user's isolated clusters have to say: a file beside the runtime folder, mapped by each,
// so that what was said is there whoever is killed afterwards, all of them included. A ring: the oldest goes.
//
// One record: a ticket from `written`; the slot's `sequence` 0, the record, `sequence` = ticket + 1. A writer that dies in
// between leaves a slot that readers pass over. To readers it is input: they copy, then check.
#pragma once
#include <atomic>
#include <cstdint>
#include <type_traits>

namespace sp::wire {

inline constexpr uint64_t kEventLogMagic = 0x31676f6c7073; // "splog1"
inline constexpr uint32_t kEventLogVersion = 1;
inline constexpr uint32_t kEventCount = 2048; // a power of two
inline constexpr uint32_t kEventTextBytes = 228;
inline constexpr uint32_t kNoNode = ~0u; // the cluster's parent says it

struct alignas(4096) EventLogHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t bytes; // sizeof(EventLogHeader)
  std::atomic<uint64_t> written;
};

struct alignas(64) LoggedEvent {
  std::atomic<uint64_t> sequence;
  int64_t time_ns; // since 1970
  int32_t cluster; // its parent's process number
  uint32_t node;
  uint32_t text_bytes;
  char text[kEventTextBytes];
};
static_assert(sizeof(LoggedEvent) == 256 && std::is_standard_layout_v<LoggedEvent>);

struct EventLog {
  EventLogHeader header;
  LoggedEvent events[kEventCount];
};

// "CLUSTER:PATH", for spd only.
inline constexpr const char* kEnvEventLog = "SUPERPROC_EVENT_LOG";

} // namespace sp::wire
