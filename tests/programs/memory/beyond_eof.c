// SPDX-License-Identifier: Apache-2.0
// Access to a file mapping beyond the end of the file gives SIGBUS with si_addr in each thread; after ftruncate it
// works; shrunk, it faults. Breaks when such pages are taken from a segment and read as zero.
// calls: mmap ftruncate rt_sigaction
// threads: 12
#include "../check.h"
#include <setjmp.h>

static __thread sigjmp_buf back;
static char* memory;
static int fd, readable;

static void on_bus(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGBUS && info->si_code == BUS_ADRERR && info->si_addr == memory + 4096 + 8);
  siglongjmp(back, 1);
}
static void* tries(void* argument) {
  volatile int got = 0;
  CHECK(memory[3000] == 0); // inside the last page, after the end
  if (sigsetjmp(back, 1) == 0) (void)*(volatile char*)(memory + 4096 + 8), got = 1;
  CHECK(got == readable);
  return argument;
}
static void everywhere(void) {
  tries(NULL);
  join(start(tries, NULL)), join(start(tries, NULL));
}

int main(void) {
  struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
  sigaction(SIGBUS, &action, NULL);
  fd = memfd_create("short", MFD_CLOEXEC);
  for (int round = 0; round < 2; round++) {
    CHECK(ftruncate(fd, 100) == 0);
    memory = mmap(NULL, 8192, PROT_READ, round ? MAP_SHARED : MAP_PRIVATE, fd, 0);
    CHECK(memory != MAP_FAILED);
    readable = 0, everywhere();
    CHECK(ftruncate(fd, 8192) == 0);
    readable = 1, everywhere();
    CHECK(ftruncate(fd, 4096) == 0);
    readable = 0, everywhere();
    munmap(memory, 8192);
  }
  ok();
}
