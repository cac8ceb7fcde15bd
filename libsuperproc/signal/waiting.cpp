// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/signal/waiting.hpp"

#include <cerrno>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/time_limit.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000;

int64_t now_ns() {
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecondNs + now.tv_nsec;
}

// The time until which a wait lasts; the kernel's own limit is enough unless it has to be begun again.
class Deadline {
public:
  explicit Deadline(const timespec* limit) : limit_(limit) {
    if (limit_) until_ns_ = now_ns() + limit_->tv_sec * kSecondNs + limit_->tv_nsec;
  }
  bool is_now() const { return limit_ && limit_->tv_sec == 0 && limit_->tv_nsec == 0; }
  // What is left, at most `most_ns` (if not negative); null: for ever.
  const timespec* left(int64_t most_ns) {
    if (!limit_ && most_ns < 0) return nullptr;
    int64_t ns = limit_ ? until_ns_ - now_ns() : most_ns;
    if (ns < 0) ns = 0;
    if (most_ns >= 0 && ns > most_ns) ns = most_ns;
    left_ = {ns / kSecondNs, ns % kSecondNs};
    return &left_;
  }
  bool is_over() const { return limit_ && now_ns() >= until_ns_; }

private:
  const timespec* limit_;
  int64_t until_ns_ = 0;
  timespec left_{};
};

long take(uint64_t set, siginfo_t* info, const timespec* limit) {
  const TimeLimit counted(SYS_rt_sigtimedwait, limit);
  return app_call(SYS_rt_sigtimedwait, &set, info, limit ? &counted.left : nullptr, sizeof set);
}

// SIGSYS is delivered to our handler, which keeps the program's own for us and so ends the wait; one that came just
// before the wait is found by looking again.
constexpr int64_t kLookForSigsysNs = 5'000'000;

long wait(uint64_t set, siginfo_t* info, Deadline& deadline, bool for_sigsys) {
  const uint32_t delivered = delivered_count();
  for (;;) {
    if (for_sigsys && take_own_sigsys(info)) return SIGSYS;
    const long signal = take(set, info, deadline.left(for_sigsys ? kLookForSigsysNs : -1));
    if (signal == -EINTR && for_sigsys && thread_self.record->sigsys_pending) continue;
    // Woken for a signal that another thread was quicker to take.
    if (signal == -EINTR && is_shared() && delivered == delivered_count()) continue;
    if (signal == -EAGAIN && for_sigsys && !deadline.is_over()) continue;
    if (signal <= 0) return signal;
    come_in_order(static_cast<int>(signal), info);
    if (is_notice(info) ? fetch_noticed(static_cast<int>(signal), info) : !is_a_copy(info)) return signal;
  }
}

} // namespace

long wait_for_signal(uint64_t set, siginfo_t* out, const timespec* limit) {
  if (limit && (limit->tv_sec < 0 || limit->tv_nsec < 0 || limit->tv_nsec >= kSecondNs)) return -EINVAL;
  Deadline deadline(limit);
  const bool for_sigsys = set & bit_of(SIGSYS);
  set &= ~(bit_of(SIGSYS) | bit_of(SIGKILL) | bit_of(SIGSTOP));
  siginfo_t info{};
  long signal;
  {
    const Accepting accepting(is_routed() ? accepted_now() | set : 0);
    signal = wait(set, &info, deadline, for_sigsys);
    if (signal == -EAGAIN && is_away() && deadline.is_now()) signal = fetch(set, &info);
  }
  if (signal <= 0) return signal;
  name_sender(&info);
  if (out) *out = info;
  return signal;
}

uint64_t pending_signals() {
  uint64_t pending = 0;
  sys::call(SYS_rt_sigpending, &pending, sizeof pending);
  if (is_away()) {
    uint64_t at_home = 0;
    ask(home_node(), Operation::kernel_call, SYS_rt_sigpending, &at_home, sizeof at_home);
    pending |= at_home & ~accepted_now();
  }
  if (thread_self.record && thread_self.record->sigsys_pending) pending |= bit_of(SIGSYS);
  return pending;
}

} // namespace sp
