// SPDX-License-Identifier: Apache-2.0
// 32 MiB with and without huge pages asked for, filled by four threads in stripes, read by others, given back by page
// and as a whole. Breaks when large ranges are backed in another way than small ones.
// calls: mmap madvise munmap
// threads: 16
#include "../check.h"

enum { kSize = 32 << 20, kThreads = 4 };
static unsigned char* memory;

static void* fills(void* argument) {
  for (int i = (int)(intptr_t)argument * 4096; i < kSize; i += kThreads * 4096)
    memset(memory + i, 1 + (i >> 12) % 250, 4096);
  return NULL;
}
static void* reads(void* argument) {
  int from = (int)(((intptr_t)argument + 1) % kThreads) * 4096;
  for (int i = from; i < kSize; i += kThreads * 4096)
    CHECK(memory[i] == 1 + (i >> 12) % 250 && memory[i + 4095] == memory[i]);
  return NULL;
}

int main(void) {
  for (int round = 0; round < 2; round++) {
    memory = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    int error = madvise(memory, kSize, round ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    CHECK(error == 0 || errno == EINVAL); // EINVAL: a kernel without huge pages
    run_together(kThreads, fills);
    run_together(kThreads, reads);
    for (int i = 0; i < kSize; i += 16384) CHECK(madvise(memory + i, 4096, MADV_DONTNEED) == 0);
    for (int i = 0; i < kSize; i += 4096) CHECK(memory[i] == (i % 16384 ? 1 + (i >> 12) % 250 : 0));
    CHECK(munmap(memory, kSize) == 0);
  }
  ok();
}
