// SPDX-License-Identifier: Apache-2.0
// The one way into the kernel for code that also runs inside the application: raw calls, no libc, no errno.
// In the shim sp_raw_call is in the gate page (shim/gate.S), the only address range that Syscall User Dispatch lets
// pass; in tools and tests it is an ordinary `syscall` instruction (base/raw_call.S).
#pragma once
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <sys/syscall.h>

extern "C" long sp_raw_call(long number, long a, long b, long c, long d, long e, long f);

namespace sp::sys {

template <class T>
inline long arg(T value) {
  if constexpr (requires { (long)value; }) return (long)value;
}
inline long arg(decltype(nullptr)) { return 0; }

// Returns what the kernel returns: -errno on failure.
template <class... A>
inline long call(long number, A... arguments) {
  static_assert(sizeof...(A) <= 6);
  const long a[6] = {arg(arguments)...};
  return sp_raw_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

inline bool failed(long raw) { return raw < 0 && raw >= -4095; }

// Sleeps while *word == expected; shared between processes. timeout_ns < 0: none. Returns 0, -EAGAIN, -EINTR, -ETIMEDOUT.
// Memory of gnttab-shm/module has no futexes that processes share: there it sleeps for a moment, and the caller looks again.
inline long futex_wait(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns = -1) {
  constexpr int64_t kMomentNs = 1'000'000;
  timespec limit{timeout_ns / 1000000000, timeout_ns % 1000000000};
  const long slept = call(SYS_futex, word, 0 /*FUTEX_WAIT*/, expected, timeout_ns < 0 ? nullptr : &limit, 0, 0);
  if (slept != -EFAULT) return slept;
  const bool is_last = timeout_ns >= 0 && timeout_ns <= kMomentNs;
  const timespec moment{0, is_last ? timeout_ns : kMomentNs};
  const long interrupted = call(SYS_nanosleep, &moment, nullptr);
  return interrupted ? interrupted : is_last ? -ETIMEDOUT : 0;
}
inline long futex_wake(const volatile uint32_t* word, int count) {
  return call(SYS_futex, word, 1 /*FUTEX_WAKE*/, count, 0, 0, 0);
}

inline void pause() { __builtin_ia32_pause(); }
inline uint64_t cycles() { return __builtin_ia32_rdtsc(); }

} // namespace sp::sys
