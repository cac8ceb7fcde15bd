// SPDX-License-Identifier: Apache-2.0
// A waiter hash as it lies in shared memory: buckets by the futex's key, with a count of who may wait for each, and waiters.
// The first `own_count` waiters belong to threads, by number; behind those are spare ones, which who waits takes for as long.
// sync/waiter_hash.hpp has the protocol. There are two such tables: a SubProcess's in its control segment, keyed by address,
// and the cluster's, keyed by the place in the nodes' pools (process/shared_futex.hpp).
#pragma once
#include "gnttab-shm/event_channel.hpp"
#include "libsuperproc/sync/futex_waiters.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

enum class WaiterState : uint32_t { idle = 0, queued = 1, woken = 2 };

struct alignas(64) Waiter {
  wire::EventChannelLine bell; // its thread alone sleeps on it
  std::atomic<WaiterState> state;
  std::atomic<uint32_t> bucket;
  uint32_t next, previous; // waiter + 1, in the order of their coming; 0: none
  uint32_t bitset;
  uint32_t sleeper; // the waiter whose bell is rung
  std::atomic<uint32_t> node;
  std::atomic<uint32_t> owner; // of a spare one: (node + 1) << 22 | number of who has taken it; 0: nobody
  uint64_t key;
  uint64_t ticket; // orders the waiters of a bucket
};
static_assert(sizeof(Waiter) == 128);

struct alignas(64) WaiterBucket {
  std::atomic<uint64_t> lock; // (node + 1) << 32 | number of who holds it; 0: nobody
  uint64_t tickets;           // given out so far
  uint32_t first, last;       // waiter + 1; 0: none
};

struct WaiterTable {
  WaiterBucket* buckets; // kFutexBucketCount
  uint32_t* counts;      // of who may wait, for each bucket
  Waiter* waiters;
  uint32_t own_count, count;
  std::atomic<uint32_t>* high; // spare ones that have ever been taken lie before this one
  bool (*has_ended)(NodeId node);
};

template <uint32_t kOwn, uint32_t kSpare>
struct WaiterMemory {
  static constexpr uint32_t kOwnCount = kOwn, kCount = kOwn + kSpare;
  WaiterBucket buckets[kFutexBucketCount];
  std::atomic<uint32_t> high;
  alignas(64) Waiter waiters[kCount];

  WaiterTable table(uint32_t* counts, bool (*has_ended)(NodeId)) {
    return {buckets, counts, waiters, kOwnCount, kCount, &high, has_ended};
  }
};

// ---- a SubProcess's ----

inline constexpr uint32_t kSpareWaiterCount = 4096;
using ThreadWaiters = WaiterMemory<wire::kThreadCountMax, kSpareWaiterCount>;
static_assert(sizeof(ThreadWaiters) <= wire::kWaiterBytes);
inline ThreadWaiters& thread_waiters() { return *reinterpret_cast<ThreadWaiters*>(wire::kWaiterTable); }

// ---- the cluster's ----

struct ClusterWaiters {
  uint32_t counts[kFutexBucketCount];
  WaiterMemory<0, 8192> waiters;
};
static_assert(sizeof(ClusterWaiters) <= wire::kClusterFutexBytes);
inline ClusterWaiters& cluster_waiters() { return *reinterpret_cast<ClusterWaiters*>(wire::kClusterFutexes); }
inline bool node_is_dead(NodeId node) {
  return wire::cluster().nodes[node.value].state.load(std::memory_order_relaxed) == wire::SpdState::dead;
}
inline WaiterTable cluster_table() { return cluster_waiters().waiters.table(cluster_waiters().counts, node_is_dead); }

} // namespace sp
