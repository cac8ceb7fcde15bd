// SPDX-License-Identifier: Apache-2.0
// A process-shared mutex, condition variable, semaphore and barrier in a shared file mapping work between threads
// of this process and of its fork child. Breaks when conversion makes the mapping private to the process or copies it.
// calls: mmap fork futex
// threads: 6
#include "pshared.h"

static void* map_shared(void) {
  char name[] = "/tmp/sp-program-XXXXXX";
  int fd = mkstemp(name);
  CHECK(fd >= 0 && unlink(name) == 0 && ftruncate(fd, 8192) == 0);
  void* memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  CHECK(memory != MAP_FAILED);
  return memory;
}

int main(void) {
  play_rounds();
  ok();
}
