// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/masks.hpp"

#include <cerrno>

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

bool believes_sigsys_blocked() {
  return thread_self.record && (thread_self.record->flags.load(std::memory_order_relaxed) & wire::kThreadSigsysBlocked);
}

namespace {

constexpr uint64_t kNeverBlocked = (1ull << (SIGKILL - 1)) | (1ull << (SIGSTOP - 1));

void believe_sigsys_blocked(uint64_t mask) {
  if (!thread_self.record) return;
  if (mask & signal_bit(SIGSYS))
    thread_self.record->flags.fetch_or(wire::kThreadSigsysBlocked);
  else if (believes_sigsys_blocked())
    thread_self.record->flags.fetch_and(~wire::kThreadSigsysBlocked);
}

uint64_t combine(int how, uint64_t mask, uint64_t set) {
  return how == SIG_BLOCK ? mask | set : how == SIG_UNBLOCK ? mask & ~set : set;
}

} // namespace

long change_mask(int how, const uint64_t* set, uint64_t* old, ucontext_t* trap) {
  if (set && how != SIG_BLOCK && how != SIG_UNBLOCK && how != SIG_SETMASK) return -EINVAL;
  const uint64_t wanted = set ? *set : 0;
  const uint64_t sigsys_before = believes_sigsys_blocked() ? signal_bit(SIGSYS) : 0;
  uint64_t before = 0;
  if (trap) {
    before = mask_in(trap);
    if (set) mask_in(trap) = without_sigsys(combine(how, before, wanted)) & ~kNeverBlocked;
  } else {
    const uint64_t real = without_sigsys(wanted);
    const long result = sys::call(SYS_rt_sigprocmask, how, set ? &real : nullptr, &before, sizeof before);
    if (result != 0) return result;
  }
  if (set) believe_sigsys_blocked(combine(how, sigsys_before, wanted));
  if (old) *old = before | sigsys_before;
  if (set && is_routed()) accept(~(combine(how, before, without_sigsys(wanted)) & ~kNeverBlocked));
  if (set && sigsys_before) release_own_sigsys();
  return 0;
}

} // namespace sp
