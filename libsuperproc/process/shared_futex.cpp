// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/shared_futex.hpp"

#include <linux/futex.h>
#include <signal.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/process/remote_fork.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "vfd/body.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/program_memory.hpp"

namespace sp {

namespace {

constexpr uint32_t kPoolShift = 58; // a pool's offsets are less
static_assert(wire::kPoolBytes == 1ull << kPoolShift);
constexpr uint64_t key_in(NodeId pool, uint64_t offset) { return uint64_t{pool.value + 1} << kPoolShift | offset; }

NodeId node_here() { return is_shared() ? this_node() : vfd::membership.node; }

// The process of each node that asked for it: a SubProcess's residents have this memory in common.
constinit std::atomic<int32_t> watched[kNodeCountMax];

WaiterHash watched_hash() {
  const NodeId node = node_here();
  const auto self = static_cast<int32_t>(sys::call(SYS_getpid));
  if (watched[node.value].load(std::memory_order_relaxed) != self) {
    watched[node.value].store(self);
    (void)ask_spd(node, node, own_tid(), wire::NodeOperation::watch_waiter, self);
  }
  return {cluster_table(), node, self};
}

} // namespace

bool has_shared_futexes() { return vfd::in_cluster() && memory::attachments_high.load(std::memory_order_relaxed); }

uint64_t shared_futex_key(uint64_t address) {
  if (!vfd::in_cluster()) return 0;
  for (const memory::Attachment* a = memory::attachments; a != memory::attachments_end(); ++a)
    if (a->use.load(std::memory_order_relaxed) == 2 && !a->is_private && address - a->start < a->bytes)
      return key_in(segments_node(), a->place + (address - a->start));
  if (!is_hashed() || !memory::is_shared_anonymous(address)) return 0;
  return key_in(home_node(), memory::segment_of(address).offset);
}

WaiterHash cluster_hash() { return watched_hash(); }

uint32_t wake_shared_futex(uint64_t key, uint32_t most, uint32_t bitset) {
  if (!may_have_waiters(key, cluster_waiters().counts)) return 0;
  WaiterHash hash = watched_hash();
  return without_handlers([&] { return hash.wake(key, most, bitset); });
}

// ---- an owner that has died ----

namespace {

constexpr int64_t kLookAgainNs = 100'000'000;

// The node that gave out this number; kNodeCountMax: none.
uint32_t node_of(uint32_t tid) {
  const auto number = static_cast<int32_t>(tid);
  uint32_t n = 0;
  for (const wire::ClusterNode* node = wire::cluster().nodes; n < kNodeCountMax; ++n)
    if (number >= node[n].first_pid && number < node[n].end_pid) return n;
  return n;
}

// What a thread's number in the word means to who waits there.
class Owner {
public:
  explicit Owner(FutexValue value) : value_(value), node_(node_of(value.expected & FUTEX_TID_MASK)) {}
  bool is_one() const { return node_ < kNodeCountMax; }
  bool has_changed() const {
    if (!is_one()) return false;
    if (node_is_dead({node_})) mark();
    return !is_as_expected(value_.address, value_.expected);
  }

private:
  // As its kernel would have.
  void mark() const {
    uint32_t expected = value_.expected;
    const uint32_t died = (expected & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
    if (!(expected & FUTEX_WAITERS) || !sp_can_write(pointer_to<void>(value_.address), 4)) return;
    __atomic_compare_exchange_n(pointer_to<uint32_t>(value_.address), &expected, died, false, __ATOMIC_SEQ_CST,
                                __ATOMIC_SEQ_CST);
  }

  FutexValue value_;
  uint32_t node_;
};

Result<> sleep_once(WaiterHash& hash, uint32_t waiter, FutexValue value, uint32_t bitset, const Deadline& deadline,
                    bool spins) {
  const Owner owner(value);
  const auto woken = [&] { return hash.is_woken(waiter) || owner.has_changed(); };
  return sleep_in(hash, waiter, value, bitset, deadline, woken, {spins, owner.is_one() ? kLookAgainNs : -1});
}

// ---- waits that handlers run on top of ----

struct LeftWait {
  uint32_t waiter;
  uint64_t frame; // of who waits
};
constexpr uint32_t kNestedMax = 4;
thread_local constinit LeftWait waits[kNestedMax] = {};
thread_local constinit uint32_t wait_count = 0;
thread_local constinit uint32_t waiter_before = 0; // likely free again

bool on_signal_stack() {
  stack_t stack{};
  return sys::call(SYS_sigaltstack, nullptr, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

void leave_waits_from(WaiterHash& hash, uint32_t first) {
  for (; wait_count > first; --wait_count) {
    const uint32_t waiter = waits[wait_count - 1].waiter;
    if (hash.is_own(waiter)) without_handlers([&] { return hash.forget(waiter), 0; }); // a fork's child: its parent's
  }
}

// Frames that are below this one are no more.
void find_left_waits(WaiterHash& hash, uint64_t frame) {
  uint32_t alive = wait_count;
  while (alive && waits[alive - 1].frame <= frame) --alive;
  if (alive < wait_count && !on_signal_stack()) leave_waits_from(hash, alive);
}

long wait_openly(WaiterHash& hash, uint32_t waiter, FutexValue value, uint32_t bitset, const Deadline& deadline) {
  const bool spins = vfd::CallScope::nothing_handled();
  const uint32_t place = wait_count;
  const bool noted = place < kNestedMax && !is_borrower();
  if (noted) waits[place] = {waiter, reinterpret_cast<uint64_t>(__builtin_frame_address(0))}, wait_count = place + 1;
  const Result<> result = sleep_once(hash, waiter, value, bitset, deadline, spins);
  if (noted) wait_count = place;
  return result ? 0 : -result.error().value;
}

} // namespace

void end_left_waits() {
  if (!wait_count) return;
  WaiterHash hash = watched_hash();
  leave_waits_from(hash, 0);
}

long wait_for_shared_futex(FutexValue value, uint32_t bitset, const Deadline& deadline, Interrupted rule) {
  uint32_t now = 0; // of memory that may have a hole
  if (!vfd::read_program(&now, pointer_to<const void>(value.address), sizeof now)) return -EFAULT;
  if (now != value.expected) return -EAGAIN;
  decide(); // it is about to sleep, so not to exec
  WaiterHash hash = watched_hash();
  if (wait_count) find_left_waits(hash, reinterpret_cast<uint64_t>(__builtin_frame_address(0)));
  const Result<uint32_t> waiter = hash.take_spare(waiter_before);
  if (!waiter) return -waiter.error().value;
  waiter_before = *waiter;
  const auto once = [&] {
    const OutOfReach asleep(hash.bell_word(*waiter));
    return ended(sleep_once(hash, *waiter, value, bitset, deadline, true));
  };
  const long result = has_waiter() ? wait_by_rule(once, rule) : wait_openly(hash, *waiter, value, bitset, deadline);
  hash.give_back(*waiter);
  return result;
}

long wait_for_any_shared_futex(const FutexValue* values, uint32_t count, const Deadline& deadline) {
  return wait_for_any_futex(watched_hash(), values, count, deadline);
}

} // namespace sp
