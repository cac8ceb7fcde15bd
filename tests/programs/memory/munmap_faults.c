// SPDX-License-Identifier: Apache-2.0
// After munmap in one thread an access by any other faults, at once; so does one to memory mapped before the first
// thread. Breaks when a node unmaps lazily, or arenas stay mapped with their holes.
// calls: munmap mmap rt_sigaction
// threads: 22
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static __thread void* address;

static void on_segv(int number, siginfo_t* info, void* context) {
  (void)number, (void)context;
  address = info->si_addr;
  siglongjmp(back, 1);
}
static void* faults(void* argument) {
  if (sigsetjmp(back, 1) == 0) {
    *(volatile char*)argument = 1;
    CHECK(!"fault after munmap");
  }
  CHECK(address == argument);
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], argument, 1) == -1 && errno == EFAULT);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
  return NULL;
}
static void* unmaps(void* argument) {
  CHECK(munmap(argument, 8192) == 0);
  return NULL;
}
static void* touches(void* argument) {
  ((char*)argument)[0] = ((char*)argument)[4096] = 1;
  return NULL;
}
static char* map(void) {
  char* memory = mmap(NULL, 3 * 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memory[8192] = 1;
  return memory + 8192;
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO};
  sigaction(SIGSEGV, &action, NULL);
  char *early = map(), *early_too = map(), *late;
  run_on_each(touches, early);
  unmaps(early);
  run_on_each(faults, early);
  faults(early);
  join(start(unmaps, early_too));
  run_on_each(faults, early_too);
  late = map();
  run_on_each(touches, late);
  join(start(unmaps, late));
  run_on_each(faults, late + 4096);
  faults(late);
  CHECK(late[-1] == 0 && late[8192] == 0);
  ok();
}
