// SPDX-License-Identifier: Apache-2.0
// Futexes of threads whose nodes have no kernel in common: who waits on which address stands in a hash table in shared
// memory, and each waiter sleeps on a doorbell of its own. No kernel knows of the futex; waking another node's waiter
// is a store and, if it sleeps, its doorbell.
//
// One Waiter's life; it is linked to its bucket exactly while it is queued:
//
//   idle   -> queued   its thread, under the bucket's lock, where it has found the futex's value as it expected it
//   queued -> queued   on another address, maybe in another bucket: who requeues it, under both locks
//   queued -> woken    who wakes it, under the lock; the lock released, he rings the bell
//   queued -> idle     its thread, under the lock: time-out, signal, or another futex of several was woken
//   woken  -> idle     its thread
//
// No wake-up is lost. Between waiter and waker: the value is compared under the lock under which wakers look; wakers come
// after the value has been changed. A waker that finds nobody counted in the key's bucket (futex_waiters.hpp) does not
// even look: a waiter counts itself before it compares. Between ringer and sleeper: event_channel.hpp. Who has been woken
// may be gone when the bell rings, and its place another's, who then looks once in vain.
//
// Two buckets are locked in the order of their numbers. Locks are held for a few stores, with all handlers of the program put
// off (base/critical.hpp), and never while a bell is rung.
//
// What if it dies here? In a SubProcess's table threads end by themselves only while they hold no lock and wait for nothing;
// what kills a thread kills all of its node's. A waiter of a node that has ended is taken out by the next who looks at it, and
// not counted as woken. A lock whose holder's node has ended is taken from it; its bucket, which may be half changed, is made
// anew from the waiters that say of themselves that they are queued there. A count may then be too high, which costs a look,
// never too low.
//   In the cluster's table a process may be killed anywhere. The spd of its node, or whoever fences that, calls forget_all(): its
// waiters leave, and what woke one that never saw it wakes the next. A lock that is held for a second is taken as well: who
// holds it is dead, stopped, or never was.
//
// Whoever can write the table can lie in it, and the cluster's can be written by every process: so links are bounded, and a
// list ends after as many steps as there are waiters.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/sync/waiter_table.hpp"

namespace sp {

// Set by process/: has the resident of this node ended?
extern bool (*resident_has_ended)(NodeId node);

// For a waker that has changed the value: need it look at all?
inline bool may_have_waiters(uint64_t key, const uint32_t* counts = sp_futex_waiters) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return __atomic_load_n(&counts[futex_bucket_index(key)], __ATOMIC_RELAXED) != 0;
}

struct FutexValue {
  uint64_t key;
  uint64_t address; // where the caller sees it
  uint32_t expected;
};
// EAGAIN the value is another; EFAULT.
Result<> is_as_expected(uint64_t address, uint32_t expected);

class WaiterHash {
public:
  // For `self` of `node`, a thread, or in the cluster's table a process; uses no thread-local storage, so that the last step
  // of a thread can use it.
  WaiterHash(const WaiterTable& table, NodeId node, int32_t self)
      : table_(table), node_(node), self_(static_cast<uint32_t>(self)) {}

  // ---- waiting ----
  // Errors: EAGAIN the value is another; EFAULT.
  Result<> enqueue(uint32_t waiter, FutexValue value, uint32_t bitset, uint32_t sleeper);
  // However the wait has ended: true if somebody has woken the waiter.
  bool leave(uint32_t waiter);
  bool is_woken(uint32_t waiter) const { return table_.waiters[waiter].state.load() == WaiterState::woken; }
  EventChannel bell_of(uint32_t waiter);
  std::atomic<uint32_t>& bell_word(uint32_t waiter) { return table_.waiters[waiter].bell.word; }

  // Spare waiters; `near` a number to try first. Errors: ENOMEM.
  Result<uint32_t> take_spare(uint32_t near = 0);
  void give_back(uint32_t waiter);
  bool is_own(uint32_t waiter) const { return table_.waiters[waiter].owner.load() == owner_word(node_, self_); }

  // ---- waking ----
  // At most `most` of those with a bit of `bitset`, the longest waiting first. How many.
  uint32_t wake(uint64_t key, uint32_t most, uint32_t bitset = ~0u);
  bool may_have_waiters(uint64_t key) const { return sp::may_have_waiters(key, table_.counts); }

  struct Requeue {
    uint64_t from, to;
    uint32_t wake_most, move_most;
    uint64_t address;         // where the caller sees the word at `from`
    const uint32_t* expected; // its value; null: any
  };
  // How many were woken or moved. Errors: EAGAIN, EFAULT.
  Result<uint32_t> requeue(const Requeue& request);

  // ---- of somebody who has died ----
  // `owner` of `node`; 0: all of it.
  void forget_all(NodeId node, uint32_t owner);
  // One of the caller's own that it has jumped out of.
  void forget(uint32_t waiter);
  // Rings all bells: who sleeps looks again by himself.
  void ring_all();

private:
  class Locked;
  struct Rings;

  WaiterBucket& bucket(uint32_t index) { return table_.buckets[index]; }
  uint64_t lock_word() const { return static_cast<uint64_t>(node_.value + 1) << 32 | self_; }
  uint32_t bucket_of(const Waiter& waiter) const { return waiter.bucket.load() % kFutexBucketCount; }
  void count_in(uint32_t index) { __atomic_fetch_add(&table_.counts[index], 1, __ATOMIC_SEQ_CST); }
  void count_out(uint32_t index) { __atomic_fetch_sub(&table_.counts[index], 1, __ATOMIC_SEQ_CST); }
  // A process that moves keeps its number, and the old one's end comes later.
  static constexpr uint32_t kNumberBits = 22; // of a pid
  static constexpr uint32_t owner_word(NodeId node, uint32_t self) { return (node.value + 1) << kNumberBits | self; }
  static constexpr bool is_of(NodeId node, uint32_t owner) { return owner >> kNumberBits == node.value + 1; }
  void free_lock(uint32_t index, NodeId node, uint32_t owner);
  bool is_gone(uint32_t node) const;
  void lock(uint32_t index);
  void unlock(uint32_t index);
  void make_anew(uint32_t index);

  Waiter* at(uint32_t link);
  void link(uint32_t index, Waiter& waiter);
  void unlink(uint32_t index, Waiter& waiter);
  void drop(uint32_t index, Waiter& waiter, WaiterState then);
  void move(uint32_t from, Waiter& waiter, uint64_t to);
  void ring(const Rings& rings);

  WaiterTable table_;
  NodeId node_;
  uint32_t self_;
};

} // namespace sp
