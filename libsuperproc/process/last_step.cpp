// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/last_step.hpp"

#include <csignal>
#include <linux/futex.h>
#include <linux/rseq.h>
#include <sys/prctl.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/process/shared_futex.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"
#include "vfd/program_memory.hpp"

namespace sp {

namespace {

// ---- robust futexes, as kernel/futex/core.c has them ----

constexpr uint32_t kListMax = 2048; // ROBUST_LIST_LIMIT
constexpr uint64_t kInheritsPriority = 1;

struct RobustHead { // struct robust_list_head
  uint64_t first;
  int64_t futex_offset;
  uint64_t pending;
};

// Before conversion nobody sees to faults.
bool can_read(uint64_t at, uint64_t bytes) {
  const auto* const from = pointer_to<const void>(at);
  return at < 1ull << 47 && (is_shared() ? sp_can_read(from, bytes) : vfd::can_read_program(from, bytes));
}
bool can_write(uint64_t at) {
  uint32_t word = 0;
  auto* const to = pointer_to<void>(at);
  if (is_shared()) return sp_can_write(to, sizeof word);
  return vfd::read_program(&word, to, sizeof word) && vfd::write_program(to, &word, sizeof word);
}

template <class T>
bool load(uint64_t from, T& to) {
  if (!can_read(from, sizeof to)) return false;
  __builtin_memcpy(&to, pointer_to<const void>(from), sizeof to);
  return true;
}

void wake_one(uint64_t address) {
  if (const uint64_t key = shared_futex_key(address))
    wake_shared_futex(key, 1);
  else if (!is_hashed() || memory::is_shared_mapping(address))
    sys::futex_wake(pointer_to<const volatile uint32_t>(address), 1);
  else if (may_have_waiters(address))
    own_hash().wake(address, 1);
}

// False: there is no such memory.
bool release(uint64_t address, uint32_t tid, bool pending, bool inherits) {
  uint32_t value = 0;
  if (address % 4 || !load(address, value)) return false;
  if (pending && !inherits && !value) return wake_one(address), true;
  if ((value & FUTEX_TID_MASK) != tid || !can_write(address)) return true;
  auto* const word = pointer_to<uint32_t>(address);
  while (!__atomic_compare_exchange_n(word, &value, (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED, false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST))
    if ((value & FUTEX_TID_MASK) != tid) return true;
  if ((value & FUTEX_WAITERS) && (!inherits || is_hashed())) wake_one(address); // else the kernel passes it on
  return true;
}

// ---- the last step ----

struct LastStep {
  uint64_t clear_tid;
  long code;
  volatile uint32_t* busy;
  int32_t tid;
};

struct ExitStack {
  volatile uint32_t busy;
  uint32_t reserved[15];
};
ExitStack& exit_stack(uint32_t i) { return *pointer_to<ExitStack>(wire::kNodeExits + i * wire::kNodeExitBytes); }

ExitStack& claim_exit_stack() {
  for (uint32_t i = 0;; i = (i + 1) % wire::kNodeExitCount) {
    uint32_t free = 0;
    if (__atomic_compare_exchange_n(&exit_stack(i).busy, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
      return exit_stack(i);
    if (i == wire::kNodeExitCount - 1) sys::call(SYS_sched_yield);
  }
}

// No thread-local storage from here on.
void leave(void* argument) {
  const LastStep step = *static_cast<const LastStep*>(argument);
  __atomic_store_n(pointer_to<uint32_t>(step.clear_tid), 0, __ATOMIC_SEQ_CST);
  if (may_have_waiters(step.clear_tid)) {
    const WaiterTable table = thread_waiters().table(sp_futex_waiters, resident_has_ended);
    WaiterHash(table, this_node(), step.tid).wake(step.clear_tid, 1);
  }
  sp_leave_stack(step.busy, step.code);
}

} // namespace

void release_robust_futexes() {
  const auto tid = static_cast<uint32_t>(own_tid().value);
  uint64_t at = 0, bytes = 0;
  RobustHead head;
  if (sys::call(SYS_get_robust_list, 0, &at, &bytes) != 0 || !at || !load(at, head)) return;
  uint64_t entry = head.first;
  for (uint32_t i = 0; i < kListMax && (entry & ~kInheritsPriority) != at; ++i) {
    const uint64_t here = entry & ~kInheritsPriority;
    const bool inherits = entry & kInheritsPriority;
    const bool more = load(here, entry); // before its memory is another's
    if (here != (head.pending & ~kInheritsPriority) &&
        !release(here + static_cast<uint64_t>(head.futex_offset), tid, false, inherits))
      break;
    if (!more) break;
  }
  if (const uint64_t pending = head.pending & ~kInheritsPriority)
    release(pending + static_cast<uint64_t>(head.futex_offset), tid, true, head.pending & kInheritsPriority);
  sys::call(SYS_set_robust_list, 0, bytes);
}

void take_last_step(const Leaving& leaving, long code) {
  LastStep step{leaving.clear_tid, code, nullptr, thread_self.tid};
  const uint64_t all = ~0ull;
  const bool possible =
      step.clear_tid < 1ull << 47 && step.clear_tid % 4 == 0 && sp_can_write(pointer_to<void>(step.clear_tid), 4);
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, nullptr, sizeof all);
  if (!possible) sp_exit_thread(code);
  if (leaving.restartable_bytes)
    sys::call(SYS_rseq, leaving.restartable, leaving.restartable_bytes, RSEQ_FLAG_UNREGISTER,
              leaving.restartable_signature);
  ExitStack& stack = claim_exit_stack();
  step.busy = &stack.busy;
  sp_call_on_stack(leave, &step, address_of(&stack) + wire::kNodeExitBytes - 64);
  __builtin_unreachable();
}

void take_over_clear_tid() {
  uint64_t address = 0;
  for (uint32_t i = 0; i < wire::kNodeExitCount; ++i) exit_stack(i).busy = 0; // a fork's child has its parent's
  if (sys::call(SYS_prctl, PR_GET_TID_ADDRESS, &address) == 0) thread_self.record->clear_tid = address;
}

} // namespace sp
