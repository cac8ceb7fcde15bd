// SPDX-License-Identifier: Apache-2.0
// Faults in each thread: SIGSEGV with si_addr and MAPERR or ACCERR, SIGFPE, SIGILL, SIGTRAP, and a non-canonical
// address, with fields. Breaks when the shim looks at faults first (for late mappings) and passes them on changed.
// calls: mmap mprotect rt_sigaction
// threads: 4
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread siginfo_t seen;
static char *mapped, *hole;

static void on_fault(int number, siginfo_t* info, void* context) {
  (void)context;
  seen = *info;
  siglongjmp(back, number);
}
#define FAULT(statement, number, code)                                                                                 \
  do {                                                                                                                 \
    int got_ = sigsetjmp(back, 1);                                                                                     \
    if (got_ == 0) {                                                                                                   \
      statement;                                                                                                       \
      CHECK(!"fault: " #statement);                                                                                    \
    }                                                                                                                  \
    CHECK(got_ == (number) && seen.si_signo == (number) && seen.si_code == (code));                                    \
  } while (0)

static void* body(void* argument) {
  volatile int zero = 0, sink;
  FAULT(*(volatile char*)(mapped + 123) = 1, SIGSEGV, SEGV_ACCERR);
  CHECK(seen.si_addr == mapped + 123);
  FAULT(sink = *(volatile char*)(hole + 5), SIGSEGV, SEGV_MAPERR);
  CHECK(seen.si_addr == hole + 5);
  FAULT(sink = *(volatile char*)8, SIGSEGV, SEGV_MAPERR);
  CHECK(seen.si_addr == (void*)8);
  FAULT(sink = *(volatile char*)0x8000000000000000ul, SIGSEGV, SI_KERNEL);
  FAULT(((void (*)(void))mapped)(), SIGSEGV, SEGV_ACCERR);
  CHECK(seen.si_addr == mapped);
  FAULT(sink = 5 / zero, SIGFPE, FPE_INTDIV);
  FAULT(__asm__ volatile("ud2"), SIGILL, ILL_ILLOPN);
  FAULT(__asm__ volatile("int3"), SIGTRAP, SI_KERNEL);
  (void)sink;
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL), sigaction(SIGFPE, &action, NULL);
  sigaction(SIGILL, &action, NULL), sigaction(SIGTRAP, &action, NULL);
  mapped = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  hole = mapped + 4096;
  CHECK(munmap(hole, 4096) == 0);
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
