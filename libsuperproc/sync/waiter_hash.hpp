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
// after the value has been changed. A waker that finds nobody counted in the address's bucket (futex_waiters.hpp) does not
// even look: a waiter counts itself before it compares. Between ringer and sleeper: event_channel.hpp. Who has been woken
// may be gone when the bell rings, and its place another's, who then looks once in vain.
//
// Two buckets are locked in the order of their numbers. Locks are held for a few stores, with all handlers of the program put
// off (base/critical.hpp), and never while a bell is rung.
//
// What if it dies here? Threads end by themselves only while they hold no lock and wait for nothing; what kills a thread kills
// all of its node's. A waiter of a node that has ended is taken out by the next who looks at it, and not counted as woken. A
// lock whose holder's node has ended is taken from it; its bucket, which may be half changed, is made anew from the waiters
// that say of themselves that they are queued there. A count may then be too high, which costs a look, never too low.
//
// Keys are addresses, since the table is one address space's. Futexes that other processes share (MAP_SHARED of files) are
// still their kernel's; a table of the cluster's, by pool and offset, would be keyed the same way here: `address` is never
// dereferenced but by `is_as_expected`.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/sync/waiter_table.hpp"

namespace sp {

// Set by process/: has the resident of this node ended?
extern bool (*resident_has_ended)(NodeId node);

// For a waker that has changed the value: need it look at all?
inline bool may_have_waiters(uint64_t address) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return __atomic_load_n(&futex_bucket(address), __ATOMIC_RELAXED) != 0;
}

struct FutexValue {
  uint64_t address;
  uint32_t expected;
};

class WaiterHash {
public:
  // For the thread `tid` of `node`; uses no thread-local storage, so that the last step of a thread can use it.
  WaiterHash(WaiterTable& table, NodeId node, int32_t tid) : table_(table), node_(node), tid_(tid) {}

  // ---- waiting ----
  // Errors: EAGAIN the value is another; EFAULT.
  Result<> enqueue(uint32_t waiter, FutexValue value, uint32_t bitset, uint32_t sleeper);
  // However the wait has ended: true if somebody has woken the waiter.
  bool leave(uint32_t waiter);
  bool is_woken(uint32_t waiter) const { return table_.waiters[waiter].state.load() == WaiterState::woken; }
  EventChannel bell_of(uint32_t waiter);

  // Spare waiters. Errors: ENOMEM.
  Result<uint32_t> take_spare();
  void give_back(uint32_t waiter);

  // ---- waking ----
  // At most `most` of those with a bit of `bitset`, the longest waiting first. How many.
  uint32_t wake(uint64_t address, uint32_t most, uint32_t bitset = ~0u);

  struct Requeue {
    uint64_t from, to;
    uint32_t wake_most, move_most;
    const uint32_t* expected; // value at `from`; null: any
  };
  // How many were woken or moved. Errors: EAGAIN, EFAULT.
  Result<uint32_t> requeue(const Requeue& request);

private:
  class Locked;
  struct Rings;

  WaiterBucket& bucket(uint32_t index) { return table_.buckets[index]; }
  bool is_gone(uint32_t node) const;
  void lock(uint32_t index);
  void unlock(uint32_t index) { bucket(index).lock.store(0, std::memory_order_release); }
  void make_anew(uint32_t index);

  Waiter* at(uint32_t link);
  void link(uint32_t index, Waiter& waiter);
  void unlink(uint32_t index, Waiter& waiter);
  void drop(uint32_t index, Waiter& waiter, WaiterState then);
  void move(uint32_t from, Waiter& waiter, uint64_t to);
  void ring(const Rings& rings);

  WaiterTable& table_;
  NodeId node_;
  int32_t tid_;
};

} // namespace sp
