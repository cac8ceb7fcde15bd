// SPDX-License-Identifier: Apache-2.0
// sigaction with pointers to memory that is not there, or may not be written: EFAULT, and the next one works. Breaks when
// the memory is touched with the table of actions locked, and the fault's handler jumps out.
// calls: rt_sigaction
// threads: 5
#include "../check.h"

static volatile int faults;
static void on_fault(int signal) {
  faults = signal;
  _exit(7);
}
static void* tries(void* argument) {
  char* read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(read_only != MAP_FAILED);
  void* const nothing_there = (void*)64;
  for (int i = 0; i < 100; i++) {
    CHECK(syscall(SYS_rt_sigaction, SIGUSR1, NULL, read_only, 8) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_rt_sigaction, SIGUSR1, nothing_there, NULL, 8) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_rt_sigaction, SIGKILL, nothing_there, NULL, 8) == -1 && errno == EFAULT);
    CHECK(syscall(SYS_rt_sigaction, SIGSYS, NULL, nothing_there, 8) == -1 && errno == EFAULT);
    CHECK(signal(SIGSEGV, on_fault) != SIG_ERR);
  }
  CHECK(munmap(read_only, 4096) == 0);
  return argument;
}

int main(void) {
  tries(NULL);
  run_on_each(tries, NULL);
  CHECK(faults == 0);
  ok();
}
