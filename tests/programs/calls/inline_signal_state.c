// SPDX-License-Identifier: Apache-2.0
// rt_sigprocmask, sigaltstack, rt_sigaction and rt_sigreturn by inline instruction: what they set is still set after
// the next calls. Breaks when they run inside the dispatch handler, whose own return from signal undoes them.
// calls: rt_sigprocmask sigaltstack rt_sigaction rt_sigreturn tgkill
// threads: 4
#include "../check.h"

static long inline_call(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
static __thread char* low;
static __thread volatile int handled;
struct kernel_action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)(void);
  uint64_t mask;
};
__attribute__((naked)) static void restore(void) { __asm__("movq $15, %rax\n syscall"); }
static void on_signal(int number) {
  char here;
  (void)number;
  CHECK(&here > low && &here < low + 65536);
  CHECK(inline_call(SYS_getpid, 0, 0, 0, 0) == getpid());
  handled++;
}
static void* body(void* argument) {
  stack_t mine = {.ss_sp = low = malloc(65536), .ss_size = 65536}, now, off = {.ss_flags = SS_DISABLE};
  uint64_t mask = 1ul << (SIGUSR2 - 1), old;
  CHECK(inline_call(SYS_sigaltstack, (long)&mine, 0, 0, 0) == 0);
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_sp == low && now.ss_size == 65536 && now.ss_flags == 0);
  CHECK(inline_call(SYS_sigaltstack, 0, (long)&now, 0, 0) == 0 && now.ss_sp == low);
  CHECK(inline_call(SYS_rt_sigprocmask, SIG_BLOCK, (long)&mask, (long)&old, 8) == 0 && (old & mask) == 0);
  CHECK(inline_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&old, 8) == 0 && (old & mask) == mask);
  sigset_t set;
  CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2) == 1 && sigismember(&set, SIGSYS) == 0);
  for (int i = 1; i <= 50; i++) {
    CHECK(inline_call(SYS_tgkill, getpid(), gettid(), SIGUSR1, 0) == 0 && handled == i);
    CHECK(inline_call(SYS_rt_sigprocmask, SIG_BLOCK, 0, (long)&old, 8) == 0 && (old & mask) == mask);
  }
  CHECK(inline_call(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&mask, (long)&old, 8) == 0 && (old & mask) == mask);
  CHECK(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2) == 0);
  CHECK(inline_call(SYS_sigaltstack, (long)&off, 0, 0, 0) == 0 && sigaltstack(NULL, &now) == 0 &&
        now.ss_flags == SS_DISABLE);
  handled = 0;
  free(low);
  return argument;
}

int main(void) {
  struct kernel_action action = {on_signal, 0x04000000 | SA_ONSTACK, restore, 0}, back;
  CHECK(inline_call(SYS_rt_sigaction, SIGUSR1, (long)&action, 0, 8) == 0);
  CHECK(inline_call(SYS_rt_sigaction, SIGUSR1, 0, (long)&back, 8) == 0 && back.handler == on_signal &&
        back.flags == action.flags);
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
