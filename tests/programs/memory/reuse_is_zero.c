// SPDX-License-Identifier: Apache-2.0
// Memory unmapped in one thread and mapped again in another, at the same or another address, is always zero.
// Breaks when freed ranges are recycled before they are cleared, or caches of ranges hand out dirty pages.
// calls: mmap munmap
// threads: 4
#include "../check.h"

enum { kThreads = 4, kRounds = 400 };

static void* body(void* argument) {
  unsigned seed = (unsigned)(intptr_t)argument + 7;
  for (int i = 0; i < kRounds; i++) {
    size_t size = (1 + rand_r(&seed) % 40) * 4096;
    unsigned char* memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (size_t n = 0; n < size; n += 512) CHECK(memory[n] == 0);
    for (size_t n = 0; n < size; n += 512) memory[n] = 0xee;
    size_t first = rand_r(&seed) % (size / 4096) * 4096;
    if (first > 0) CHECK(munmap(memory, first) == 0);
    CHECK(memory[first] == 0xee && munmap(memory + first, size - first) == 0);
  }
  return NULL;
}

int main(void) {
  run_together(kThreads, body);
  ok();
}
