// SPDX-License-Identifier: Apache-2.0
// What the gate (shim/gate.S) offers to the rooms below the shim. Each is explained there.
#pragma once
#include <cstdint>

#include "libsuperproc/base/registers.hpp"
#include "libsuperproc/base/sys.hpp"

extern "C" {
extern const char sp_gate_start[], sp_stubs_start[], sp_gate_end[];
extern const char sp_raw_call_after[];
extern const char sp_app_call_after[], sp_entry_after[],
    sp_futex_after[]; // behind a `syscall`, its number at the stack pointer
void sp_entry();
void sp_restorer();
[[noreturn]] void sp_sigreturn(uint64_t frame);
[[noreturn]] void sp_continue(const sp::Registers* registers);
[[gnu::returns_twice]] long sp_save(sp::Registers* registers);
long sp_app_call(long number, long a, long b, long c, long d, long e, long f);
long sp_clone_call(uint64_t flags, uint64_t stack, uint64_t parent_tid, uint64_t child_tid, uint64_t tls);
long sp_clone_function(uint64_t flags, uint64_t stack, uint64_t child_tid, uint64_t tls, void (*function)(void*),
                       void* argument);
long sp_fork_call(uint64_t flags, sp::Registers* registers, uint64_t child_stack, uint64_t child_tid, uint64_t tls);
[[noreturn]] void sp_exit_thread(long code);
[[noreturn]] void sp_leave_stack(volatile uint32_t* word, long code);
void sp_call_on_stack(void (*function)(void*), void* argument, uint64_t stack_top);
}

namespace sp {
template <class T>
uint64_t address_of(T* p) {
  return reinterpret_cast<uint64_t>(p);
}
template <class T>
T* pointer_to(uint64_t address) {
  return reinterpret_cast<T*>(address);
}

// A call on the program's behalf, with arguments of its own or ours.
template <class... A>
long app_call(long number, A... arguments) {
  static_assert(sizeof...(A) <= 6);
  const long a[6] = {sys::arg(arguments)...};
  return sp_app_call(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

} // namespace sp
