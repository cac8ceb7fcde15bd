// SPDX-License-Identifier: Apache-2.0
#include "vfd/call_scope.hpp"

#include <csignal>
#include <fcntl.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp::vfd {

namespace {

thread_local constinit CallScope* scope = nullptr;

constexpr uint64_t bit(int signal) { return 1ull << (signal - 1); }
constexpr uint64_t kIgnoredByDefault = bit(SIGCHLD) | bit(SIGURG) | bit(SIGWINCH) | bit(SIGCONT);

struct Action { // as the kernel has it
  uint64_t handler;
  uint64_t flags;
  uint64_t restorer;
  uint64_t mask;
};

Action action_of(int signal) {
  Action action{};
  sys::call(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask);
  return action;
}

struct Actions {
  uint64_t handled = 0; // there is a handler; SIGSYS, which is ours, does not count
  uint64_t nothing = 0; // the signal does nothing
  bool valid = false;
};
constinit Actions known; // of a program with one thread

bool is_alone() { return control().thread_count.load() <= 1; }

// 64 calls, so what is known is kept while only this thread could change it.
Actions actions() {
  if (known.valid && is_alone()) return known;
  Actions found;
  found.valid = true;
  for (int signal = 1; signal <= 64; ++signal) {
    const Action action = action_of(signal);
    const bool handler = action.handler > 1, ignored = action.handler == reinterpret_cast<uint64_t>(SIG_IGN);
    if (ignored || (!handler && (kIgnoredByDefault & bit(signal)))) found.nothing |= bit(signal);
    if (handler && signal != SIGSYS) found.handled |= bit(signal);
    if (action.flags & SA_RESETHAND) found.valid = false; // it changes by itself
  }
  if (is_alone()) known = found;
  return found;
}

void set_mask(uint64_t mask) { sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, sizeof mask); }

// Of what is about to be let in.
bool all_restart(uint64_t mask) {
  uint64_t pending = 0;
  sys::call(SYS_rt_sigpending, &pending, sizeof pending);
  for (pending &= ~mask; pending; pending &= pending - 1) {
    const Action action = action_of(__builtin_ctzll(pending) + 1);
    if (action.handler > 1 && !(action.flags & SA_RESTART)) return false;
  }
  return true;
}

} // namespace

CallScope* CallScope::current() { return scope; }
void CallScope::forget() { scope = nullptr, known = {}; }
void CallScope::actions_change() { known = {}; }
bool CallScope::nothing_handled() {
  return is_alone() && thread_self.borrower == Borrower::none && actions().handled == 0;
}

void CallScope::open_for_wait() {
  if (blocked_) set_mask(mask_);
}
void CallScope::close_after_wait() {
  if (blocked_) set_mask(~0ull);
}

CallScope::CallScope() { scope = this; }

void CallScope::block() {
  if (blocked_) return;
  const uint64_t all = ~0ull;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &mask_, sizeof all);
  mask_of_wait_ = mask_;
  blocked_ = true;
}

long CallScope::watch_signals(const uint64_t* mask) {
  const uint64_t watched = ~(mask ? *mask : mask_) & ~bit(SIGSYS) & ~actions().nothing;
  return sys::call(SYS_signalfd4, -1, &watched, sizeof watched, O_CLOEXEC);
}

bool CallScope::has_signal() {
  uint64_t pending = 0;
  if (!blocked_ || sys::call(SYS_rt_sigpending, &pending, sizeof pending) != 0) return false;
  if ((pending & ~mask_ & ~bit(SIGSYS) & ~actions().nothing) == 0) return false;
  interrupted_under(nullptr);
  return true;
}

void CallScope::interrupted_under(const uint64_t* mask) {
  interrupted_ = true;
  if (mask) mask_of_wait_ = *mask;
}

bool CallScope::leave() {
  if (scope == this) scope = nullptr;
  if (!blocked_) return false;
  blocked_ = false;
  const bool again = interrupted_ && all_restart(mask_of_wait_);
  if (mask_of_wait_ != mask_) set_mask(mask_of_wait_);
  set_mask(mask_);
  return again;
}

} // namespace sp::vfd
