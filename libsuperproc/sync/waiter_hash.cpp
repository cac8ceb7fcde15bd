// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/sync/waiter_hash.hpp"

#include <cerrno>

#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/peek.hpp"

namespace sp {

bool (*resident_has_ended)(NodeId node) = nullptr;

namespace {

bool is_possible(uint64_t address) { return address >= 1 << 16 && address < 1ull << 47; }

// Another holder of a lock is about to let go, unless it does not run.
void pause_before(uint32_t attempt) {
  constexpr uint32_t kSpins = 64, kYields = 1024;
  constexpr timespec kNap{0, 50'000};
  if (attempt < kSpins) return sys::pause();
  sys::call(attempt < kYields ? SYS_sched_yield : SYS_nanosleep, &kNap, nullptr);
}

} // namespace

Result<> is_as_expected(uint64_t address, uint32_t expected) {
  uint32_t value = 0;
  if (!is_possible(address) || !sp_load_word(reinterpret_cast<const void*>(address), &value)) return fail(EFAULT);
  if (value != expected) return fail(EAGAIN);
  return {};
}

// Whom to ring once no lock is held.
struct WaiterHash::Rings {
  static constexpr uint32_t kMost = 64;
  uint32_t sleepers[kMost];
  uint32_t count = 0;
  bool is_full() const { return count == kMost; }
};

class WaiterHash::Locked {
public:
  Locked(WaiterHash& hash, uint32_t index) : Locked(hash, index, index) {}
  Locked(WaiterHash& hash, uint32_t one, uint32_t other)
      : hash_(hash), low_(one < other ? one : other), high_(one < other ? other : one) {
    hash_.lock(low_);
    if (high_ != low_) hash_.lock(high_);
  }
  Locked(const Locked&) = delete;
  ~Locked() {
    if (high_ != low_) hash_.unlock(high_);
    hash_.unlock(low_);
  }

private:
  WaiterHash& hash_;
  const uint32_t low_, high_;
};

// ---- buckets ----

bool WaiterHash::is_gone(uint32_t node) const {
  return node != node_.value && node < kNodeCountMax && table_.has_ended && table_.has_ended({node});
}

void WaiterHash::lock(uint32_t index) {
  constexpr uint32_t kLookAfter = 128, kTakeAfter = 20'000; // naps, so a second at least
  std::atomic<uint64_t>& word = bucket(index).lock;
  for (uint32_t attempt = 0;; ++attempt) {
    uint64_t holder = 0;
    if (word.compare_exchange_strong(holder, lock_word(), std::memory_order_acquire)) return;
    const bool take = attempt >= kTakeAfter || is_gone(static_cast<uint32_t>(holder >> 32) - 1);
    if (attempt >= kLookAfter && holder && take &&
        word.compare_exchange_strong(holder, lock_word(), std::memory_order_acquire))
      return make_anew(index);
    pause_before(attempt);
  }
}

// It may have been taken.
void WaiterHash::unlock(uint32_t index) {
  uint64_t ours = lock_word();
  bucket(index).lock.compare_exchange_strong(ours, 0, std::memory_order_release);
}

void WaiterHash::make_anew(uint32_t index) {
  WaiterBucket& b = bucket(index);
  b.first = b.last = 0;
  for (uint32_t i = 0; i < table_.count; ++i) {
    Waiter& w = table_.waiters[i];
    if (w.state.load() != WaiterState::queued || w.bucket.load() != index || is_gone(w.node)) continue;
    uint32_t before = b.last, steps = 0;
    while (Waiter* earlier = at(before)) {
      if (earlier->ticket < w.ticket || ++steps > table_.count) break;
      before = earlier->previous;
    }
    Waiter* const previous = at(before);
    const auto self = static_cast<uint32_t>(&w - table_.waiters) + 1;
    w.previous = before;
    w.next = previous ? previous->next : b.first;
    (previous ? previous->next : b.first) = self;
    Waiter* const next = at(w.next);
    (next ? next->previous : b.last) = self;
  }
}

Waiter* WaiterHash::at(uint32_t link) { return link && link <= table_.count ? &table_.waiters[link - 1] : nullptr; }

void WaiterHash::link(uint32_t index, Waiter& waiter) {
  WaiterBucket& b = bucket(index);
  const auto self = static_cast<uint32_t>(&waiter - table_.waiters) + 1;
  waiter.ticket = ++b.tickets;
  waiter.next = 0;
  waiter.previous = b.last;
  Waiter* const last = at(b.last);
  (last ? last->next : b.first) = self;
  b.last = self;
}

void WaiterHash::unlink(uint32_t index, Waiter& waiter) {
  WaiterBucket& b = bucket(index);
  Waiter* const previous = at(waiter.previous);
  Waiter* const next = at(waiter.next);
  (previous ? previous->next : b.first) = waiter.next;
  (next ? next->previous : b.last) = waiter.previous;
}

void WaiterHash::drop(uint32_t index, Waiter& waiter, WaiterState then) {
  unlink(index, waiter);
  waiter.state.store(then);
  count_out(index);
}

void WaiterHash::move(uint32_t from, Waiter& waiter, uint64_t to) {
  const uint32_t index = futex_bucket_index(to);
  count_in(index);
  unlink(from, waiter);
  waiter.key = to;
  waiter.bucket.store(index);
  link(index, waiter);
  count_out(from);
}

// ---- waiting ----

EventChannel WaiterHash::bell_of(uint32_t waiter) {
  wire::EventChannelLine* const line = &table_.waiters[waiter].bell;
  const Result<EventChannel> bell = EventChannel::open(line);
  return bell ? *bell : EventChannel::create(line);
}

Result<> WaiterHash::enqueue(uint32_t number, FutexValue value, uint32_t bitset, uint32_t sleeper) {
  ENSURE(number < table_.count);
  const uint32_t index = futex_bucket_index(value.key);
  count_in(index);
  const Locked locked(*this, index);
  if (Result<> same = is_as_expected(value.address, value.expected); !same) return count_out(index), same;
  Waiter& w = table_.waiters[number];
  w.bitset = bitset, w.sleeper = sleeper, w.node = node_.value, w.key = value.key;
  w.bucket.store(index);
  w.state.store(WaiterState::queued);
  link(index, w);
  return {};
}

bool WaiterHash::leave(uint32_t number) {
  Waiter& w = table_.waiters[number];
  while (w.state.load() == WaiterState::queued) {
    const uint32_t index = bucket_of(w);
    const Locked locked(*this, index);
    if (w.state.load() != WaiterState::queued || bucket_of(w) != index) continue; // woken or moved meanwhile
    drop(index, w, WaiterState::idle);
  }
  return w.state.exchange(WaiterState::idle) == WaiterState::woken;
}

Result<uint32_t> WaiterHash::take_spare(uint32_t near) {
  const uint32_t spare_count = table_.count - table_.own_count;
  for (uint32_t i = 0; i < spare_count; ++i) {
    const uint32_t number = table_.own_count + (near + i) % spare_count;
    Waiter& w = table_.waiters[number];
    uint32_t nobody = 0;
    if (w.owner.load(std::memory_order_relaxed) != 0 ||
        !w.owner.compare_exchange_strong(nobody, owner_word(node_, self_)))
      continue;
    for (uint32_t high = table_.high->load();
         high <= number && !table_.high->compare_exchange_weak(high, number + 1);) {
    }
    w.node = node_.value;
    return number;
  }
  return fail(ENOMEM);
}

void WaiterHash::give_back(uint32_t waiter) { table_.waiters[waiter].owner.store(0); }

// ---- waking ----

void WaiterHash::ring(const Rings& rings) {
  for (uint32_t i = 0; i < rings.count; ++i)
    if (rings.sleepers[i] >= table_.count)
      continue;
    else if (const auto bell = EventChannel::open(&table_.waiters[rings.sleepers[i]].bell))
      bell->notify(bell_bit(node_));
}

uint32_t WaiterHash::wake(uint64_t key, uint32_t most, uint32_t bitset) {
  const uint32_t index = futex_bucket_index(key);
  uint32_t woken = 0, steps = 0;
  uint64_t newest = 0; // who comes later is not meant
  for (;;) {
    Rings rings;
    {
      const Locked locked(*this, index);
      if (!newest) newest = bucket(index).tickets;
      Waiter* next = nullptr;
      for (Waiter* w = at(bucket(index).first);
           w && w->ticket <= newest && woken < most && !rings.is_full() && steps++ <= table_.count; w = next) {
        next = at(w->next);
        if (w->key != key || !(w->bitset & bitset)) continue;
        const bool gone = is_gone(w->node);
        if (!gone) rings.sleepers[rings.count++] = w->sleeper, ++woken;
        drop(index, *w, gone ? WaiterState::idle : WaiterState::woken);
      }
    }
    ring(rings);
    if (!rings.is_full() || woken >= most) return woken;
  }
}

Result<uint32_t> WaiterHash::requeue(const Requeue& request) {
  const uint32_t from = futex_bucket_index(request.from), to = futex_bucket_index(request.to);
  uint32_t woken = 0, moved = 0, steps = 0;
  uint64_t newest = 0;
  for (;;) {
    Rings rings;
    {
      const Locked locked(*this, from, to);
      if (request.expected && !newest) TRY_VOID(is_as_expected(request.address, *request.expected));
      if (!newest) newest = bucket(from).tickets;
      Waiter* next = nullptr;
      for (Waiter* w = at(bucket(from).first); w && w->ticket <= newest && !rings.is_full() && steps++ <= table_.count;
           w = next) {
        if (woken >= request.wake_most && moved >= request.move_most) break;
        next = at(w->next);
        if (w->key != request.from) continue;
        if (is_gone(w->node)) {
          drop(from, *w, WaiterState::idle);
        } else if (woken < request.wake_most) {
          rings.sleepers[rings.count++] = w->sleeper, ++woken;
          drop(from, *w, WaiterState::woken);
        } else {
          move(from, *w, request.to), ++moved;
        }
      }
    }
    ring(rings);
    if (!rings.is_full()) return woken + moved;
  }
}

// ---- of somebody who has died ----

void WaiterHash::free_lock(uint32_t index, NodeId node, uint32_t owner) {
  std::atomic<uint64_t>& word = bucket(index).lock;
  uint64_t holder = word.load();
  if (holder >> 32 != node.value + 1 || (owner && static_cast<uint32_t>(holder) != owner)) return;
  if (!word.compare_exchange_strong(holder, lock_word(), std::memory_order_acquire)) return;
  make_anew(index);
  unlock(index);
}

// It is nobody's from here on. What woke it may have been meant for any that waits there.
void WaiterHash::forget(uint32_t number) {
  Waiter& waiter = table_.waiters[number];
  const uint64_t key = waiter.key;
  const bool was_woken = leave(number);
  waiter.owner.store(0);
  if (was_woken) wake(key, 1);
}

void WaiterHash::forget_all(NodeId node, uint32_t owner) {
  for (uint32_t i = 0; i < kFutexBucketCount; ++i) free_lock(i, node, owner);
  const uint32_t high = table_.high->load();
  for (uint32_t i = table_.own_count; i < high && i < table_.count; ++i) {
    const uint32_t its_owner = table_.waiters[i].owner.load();
    if (owner ? its_owner == owner_word(node, owner) : is_of(node, its_owner)) forget(i);
  }
}

void WaiterHash::ring_all() {
  const uint32_t high = table_.high->load();
  for (uint32_t i = table_.own_count; i < high && i < table_.count; ++i)
    if (table_.waiters[i].owner.load())
      if (const auto bell = EventChannel::open(&table_.waiters[i].bell)) bell->notify(bell_bit(node_));
}

} // namespace sp
