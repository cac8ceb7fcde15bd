// SPDX-License-Identifier: Apache-2.0
// mprotect by one thread holds in all others: read-only, none, and writable again, on arenas and on memory from before.
// Breaks when a protection is changed in one resident only, or stays behind after it was given back.
// calls: mprotect mmap rt_sigaction
// threads: 31
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static char* memory;
static int expected; // 0 nothing, 1 read, 3 read and write

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  CHECK(info->si_addr == memory + 10 && info->si_code == SEGV_ACCERR);
  siglongjmp(back, 1);
}
static void* tries(void* argument) {
  volatile int readable = 0, writable = 0;
  volatile char* at = memory + 10;
  if (sigsetjmp(back, 1) == 0) (void)*at, readable = 1;
  if (sigsetjmp(back, 1) == 0) *at = 5, writable = 2;
  CHECK((readable | writable) == expected);
  return argument;
}
static void* protects(void* argument) {
  CHECK(mprotect(memory, 4096, (int)(intptr_t)argument) == 0);
  return argument;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  static const int turns[] = {PROT_READ, PROT_READ | PROT_WRITE, PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
  for (int round = 0; round < 2; round++) {
    if (round == 1) munmap(memory, 16384);
    memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memory[10] = 5, memory[5000] = 6;
    for (int i = 0; i < 5; i++) {
      if (i == 0) expected = 3, join(start(tries, NULL)), tries(NULL);
      expected = turns[i];
      if (i % 2 == round)
        join(start(protects, (void*)(intptr_t)turns[i]));
      else
        protects((void*)(intptr_t)turns[i]);
      tries(NULL);
      join(start(tries, NULL)), join(start(tries, NULL));
      memory[5000]++;
    }
    CHECK(memory[5000] == 11 && memory[10] == 5);
  }
  run_on_each(tries, NULL);
  ok();
}
