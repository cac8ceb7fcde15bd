// SPDX-License-Identifier: Apache-2.0
// Result<T>: a value or the errno that says why there is none. No exceptions anywhere the shim links.
#pragma once
#include <cerrno>
#include <tl/expected.hpp>

namespace sp {

struct Errno {
  int value; // positive, as in errno.h
  friend constexpr bool operator==(Errno, Errno) = default;
};

template <class T = void>
using Result = tl::expected<T, Errno>;

constexpr tl::unexpected<Errno> fail(int errno_value) { return tl::unexpected<Errno>(Errno{errno_value}); }

// A system call's raw return value (-4095..-1 is an error) as a Result.
inline Result<long> from_raw(long raw) {
  if (raw < 0 && raw >= -4095) return fail(static_cast<int>(-raw));
  return raw;
}

// ... and back, for what the application sees.
inline long to_raw(const Result<long>& r) { return r ? *r : -static_cast<long>(r.error().value); }
inline long to_raw(const Result<void>& r) { return r ? 0 : -static_cast<long>(r.error().value); }

} // namespace sp

#define SP_JOIN2(a, b) a##b
#define SP_JOIN(a, b) SP_JOIN2(a, b)
// TRY(auto x, expression): x is the value of the Result, or the error is returned to the caller.
#define TRY(declaration, ...)                                                                                          \
  auto SP_JOIN(sp_try_, __LINE__) = (__VA_ARGS__);                                                                     \
  if (!SP_JOIN(sp_try_, __LINE__)) return ::sp::fail(SP_JOIN(sp_try_, __LINE__).error().value);                        \
  declaration = *SP_JOIN(sp_try_, __LINE__)
#define TRY_VOID(...)                                                                                                  \
  if (auto SP_JOIN(sp_try_, __LINE__) = (__VA_ARGS__); !SP_JOIN(sp_try_, __LINE__))                                    \
  return ::sp::fail(SP_JOIN(sp_try_, __LINE__).error().value)
