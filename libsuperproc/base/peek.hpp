// SPDX-License-Identifier: Apache-2.0
// A look at memory of the program that may not be there. Natively the kernel answers EFAULT for a bad pointer; code that
// only wants to know whether a call is of interest must not fault on it either. The handler of faults (signal/delivery.cpp)
// knows these few instructions and lets them answer "no".
#pragma once
#include <cstdint>
#include <ucontext.h>

extern "C" {
bool sp_starts_with(const char* text, const char* prefix); // text may be any address
bool sp_can_read(const void* at, uint64_t bytes);          // at most a page; `at` may be any address
bool sp_can_write(void* at, uint64_t bytes);
bool sp_load_word(const void* at, uint32_t* value);
extern const char sp_peek_start[], sp_peek_end[], sp_peek_failed[];
}

namespace sp {

// For a fault: if it was in a peek, the thread goes on with the answer.
inline bool was_peek(ucontext_t* context) {
  auto& rip = context->uc_mcontext.gregs[REG_RIP];
  const auto at = reinterpret_cast<const char*>(rip);
  if (at < sp_peek_start || at >= sp_peek_end) return false;
  rip = reinterpret_cast<greg_t>(sp_peek_failed);
  return true;
}

} // namespace sp
