// SPDX-License-Identifier: Apache-2.0
// The waiter hash as it lies in the control segment: buckets by the futex's address, and a waiter for each thread of the
// SubProcess, under its record's number. Behind those are spare ones: for who has no record, and for waits on several
// futexes. sync/waiter_hash.hpp has the protocol.
#pragma once
#include "gnttab-shm/event_channel.hpp"
#include "libsuperproc/sync/futex_waiters.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

inline constexpr uint32_t kSpareWaiterCount = 4096;
inline constexpr uint32_t kWaiterCount = wire::kThreadCountMax + kSpareWaiterCount;

enum class WaiterState : uint32_t { idle = 0, queued = 1, woken = 2 };

struct alignas(64) Waiter {
  wire::EventChannelLine bell; // its thread alone sleeps on it
  std::atomic<WaiterState> state;
  std::atomic<uint32_t> bucket;
  uint32_t next, previous; // waiter + 1, in the order of their coming; 0: none
  uint32_t bitset;
  uint32_t sleeper; // the waiter whose bell is rung
  uint32_t node;
  uint32_t reserved;
  uint64_t address;
  uint64_t ticket; // orders the waiters of a bucket
};
static_assert(sizeof(Waiter) == 128);

struct alignas(64) WaiterBucket {
  std::atomic<uint64_t> lock; // (node + 1) << 32 | tid of who holds it; 0: nobody
  uint64_t tickets;           // given out so far
  uint32_t first, last;       // waiter + 1; 0: none
};

struct WaiterTable {
  WaiterBucket buckets[kFutexBucketCount];
  std::atomic<uint64_t> spare[kSpareWaiterCount / 64]; // bit: taken
  Waiter waiters[kWaiterCount];
};
static_assert(sizeof(WaiterTable) <= wire::kWaiterBytes);

inline WaiterTable& waiter_table() { return *reinterpret_cast<WaiterTable*>(wire::kWaiterTable); }

} // namespace sp
