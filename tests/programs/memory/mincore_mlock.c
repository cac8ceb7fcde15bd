// SPDX-License-Identifier: Apache-2.0
// mincore, mlock, munlock, mlockall with small limits, msync and posix_madvise on anonymous memory answer as natively.
// Breaks when the segment behind it shows (mincore of untouched pages, EINVAL for advice).
// calls: mincore mlock munlock msync madvise
// threads: 4
#include "../check.h"

static void* body(void* argument) {
  unsigned char vector[4];
  char* memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  memory[4096] = 1;
  CHECK(mincore(memory, 16384, vector) == 0 && (vector[1] & 1) == 1 && (vector[0] & 1) == 0);
  CHECK(mlock(memory, 4096) == 0);
  CHECK(mincore(memory, 16384, vector) == 0 && (vector[0] & 1) == 1 && memory[0] == 0);
  CHECK(munlock(memory, 4096) == 0);
  CHECK(msync(memory, 16384, MS_SYNC) == 0);
  static const int advices[] = {MADV_NORMAL,   MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
                                MADV_DONTDUMP, MADV_DODUMP, MADV_COLD};
  for (unsigned i = 0; i < sizeof advices / sizeof *advices; i++) CHECK(madvise(memory, 16384, advices[i]) == 0);
  CHECK(posix_madvise(memory, 16384, POSIX_MADV_DONTNEED) == 0 && memory[4096] == 1);
  CHECK(munmap(memory, 16384) == 0);
  CHECK(mincore(memory, 16384, vector) == -1 && errno == ENOMEM);
  CHECK(msync(memory, 16384, MS_SYNC) == -1 && errno == ENOMEM);
  CHECK(mlock(memory, 16384) == -1 && errno == ENOMEM);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
