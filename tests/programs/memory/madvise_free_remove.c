// SPDX-License-Identifier: Apache-2.0
// MADV_FREE leaves old content or zeroes, and what is written after stays; MADV_REMOVE on a shared mapping zeroes it,
// the file too. Breaks when MADV_FREE is refused for the segment's kind of memory (EINVAL) or loses a later write.
// calls: madvise mmap
// threads: 8
#include "../check.h"

static char* memory;

static void* frees(void* argument) {
  memset(memory, 'x', 16384);
  CHECK(madvise(memory, 16384, MADV_FREE) == 0);
  memory[4096] = 'y';
  for (int i = 0; i < 16384; i += 512) CHECK(memory[i] == 'x' || memory[i] == 0 || (i == 4096 && memory[i] == 'y'));
  CHECK(memory[4096] == 'y');
  return argument;
}
static void* sees(void* argument) {
  CHECK(memory[4096] == 'y');
  return argument;
}

int main(void) {
  memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  frees(NULL);
  join(start(sees, NULL)), join(start(frees, NULL)), join(start(sees, NULL)), join(start(frees, NULL));
  sees(NULL);
  munmap(memory, 16384);
  memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  run_on_each(frees, NULL);
  sees(NULL);
  int fd = memfd_create("removed", MFD_CLOEXEC);
  CHECK(fd >= 0 && ftruncate(fd, 16384) == 0);
  char byte, *shared = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  memset(shared, 's', 16384);
  CHECK(madvise(shared + 4096, 4096, MADV_REMOVE) == 0);
  CHECK(shared[4095] == 's' && shared[4096] == 0 && shared[8192] == 's');
  CHECK(pread(fd, &byte, 1, 5000) == 1 && byte == 0 && pread(fd, &byte, 1, 9000) == 1 && byte == 's');
  ok();
}
