// SPDX-License-Identifier: Apache-2.0
// Each thread has its own alternate stack; a stack overflow in it is handled there, si_addr near its stack, and it
// goes on. Breaks when the kernel cannot write a signal frame, or the alternate stack of a thread is not asked per
// thread.
// calls: sigaltstack rt_sigaction mprotect
// threads: 5
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread char *low, *high;

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)context;
  char here;
  CHECK(number == SIGSEGV && &here > low && &here < high && info->si_addr != NULL);
  stack_t now;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_ONSTACK && now.ss_sp == low);
  siglongjmp(back, 1);
}
static int recurse(int depth) {
  volatile char frame[4096];
  frame[0] = frame[4095] = (char)depth;
  return recurse(depth + 1) + frame[0] + frame[4095];
}
static void* body(void* argument) {
  stack_t now, old;
  CHECK(sigaltstack(NULL, &now) == 0 && now.ss_flags == SS_DISABLE);
  stack_t mine = {.ss_size = 65536, .ss_sp = low = malloc(65536)};
  high = low + 65536;
  CHECK(sigaltstack(&mine, NULL) == 0);
  for (volatile int i = 0; i < 3; i++)
    if (sigsetjmp(back, 1) == 0) CHECK(recurse(0) && !"overflow");
  stack_t off = {.ss_flags = SS_DISABLE};
  CHECK(sigaltstack(&off, &old) == 0 && old.ss_sp == low && old.ss_flags == 0 && old.ss_size == 65536);
  free(low);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
  run_on_each(body, NULL);
  pthread_attr_t attributes;
  pthread_t thread;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 1 << 18);
  CHECK(pthread_create(&thread, &attributes, body, NULL) == 0);
  join(thread);
  body(NULL); // main's own stack, which grows
  ok();
}
