// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/time_limit.hpp"

#include "libsuperproc/base/gate.hpp"

namespace sp {

namespace {

constexpr int64_t kSecondNs = 1'000'000'000, kMillisecondNs = 1'000'000;
constexpr int64_t kSecondsMax = 1ll << 32; // nobody waits so long

struct Current {
  long number;    // of the call
  int64_t end_ns; // CLOCK_MONOTONIC; 0: no limit
  timespec* left; // null: milliseconds in a register
};
thread_local constinit Current current{};

int64_t now_ns() {
  timespec t{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return t.tv_sec * kSecondNs + t.tv_nsec;
}

int milliseconds_at(long number) { return number == SYS_poll ? REG_RDX : REG_R10; }

} // namespace

TimeLimit::TimeLimit(long number, int64_t milliseconds) {
  current = {number, milliseconds > 0 ? now_ns() + milliseconds * kMillisecondNs : 0, nullptr};
}

TimeLimit::TimeLimit(long number, const timespec* duration) {
  if (duration) left = *duration;
  const bool limited = duration && left.tv_sec >= 0 && left.tv_sec < kSecondsMax && left.tv_nsec >= 0;
  current = {number, limited ? now_ns() + left.tv_sec * kSecondNs + left.tv_nsec : 0, &left};
}

TimeLimit::~TimeLimit() { current = {}; }

void count_down(long number, ucontext_t* context) {
  if (number != current.number || current.end_ns == 0) return;
  const int64_t now = now_ns(), left = current.end_ns > now ? current.end_ns - now : 0;
  if (current.left)
    *current.left = {left / kSecondNs, left % kSecondNs};
  else
    context->uc_mcontext.gregs[milliseconds_at(number)] = (left + kMillisecondNs - 1) / kMillisecondNs;
}

} // namespace sp
