// SPDX-License-Identifier: Apache-2.0
// A process-shared mutex, condition variable, semaphore and barrier in shared anonymous memory work between threads
// of this process and of its fork child. Breaks when conversion makes the mapping private to the process or copies it.
// calls: mmap fork futex
// threads: 6
#include "pshared.h"

static void* map_shared(void) {
  void* memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}

int main(void) {
  play_rounds();
  ok();
}
