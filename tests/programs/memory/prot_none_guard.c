// SPDX-License-Identifier: Apache-2.0
// Guard pages: a range reserved without access, a part of it opened; going over its edge faults in any thread.
// Breaks when arenas are mapped readable up front and mprotect or PROT_NONE is not applied to them.
// calls: mmap mprotect
// threads: 10
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread void* address;

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  address = info->si_addr;
  siglongjmp(back, 1);
}
static void faults(volatile char* at) {
  if (sigsetjmp(back, 1) == 0) {
    *at = 1;
    CHECK(!"guard");
  }
  CHECK(address == (void*)at);
}
static void* beyond(void* argument) {
  char* open = argument;
  memset(open, 7, 8192);
  faults(open - 1);
  faults(open + 8192);
  return NULL;
}
static void* maps(void* argument) {
  char* memory = mmap(NULL, 16384, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(memory != MAP_FAILED && mprotect(memory + 4096, 8192, PROT_READ | PROT_WRITE) == 0);
  CHECK(memory[4096] == 0);
  beyond(memory + 4096);
  return argument = memory + 4096;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  char* early = maps(NULL);
  run_on_each(beyond, early);
  for (int i = 0; i < 3; i++) {
    char* late = join(start(maps, NULL));
    beyond(late);
    join(start(beyond, late));
  }
  beyond(early);
  ok();
}
