// SPDX-License-Identifier: Apache-2.0
// Several threads allocate, check, pass on and free memory that others allocated; sizes cross the mmap threshold.
// Breaks when arenas, brk or unmapped and reused ranges differ between nodes.
// calls: mmap munmap mprotect madvise brk
// threads: 8
#include "../check.h"

enum { kThreads = 4, kSlots = 64, kRounds = 60000 };
static struct block {
  size_t size;
  unsigned char bytes[];
} * _Atomic slots[kSlots];

static void* body(void* argument) {
  unsigned seed = (unsigned)(intptr_t)argument + 1;
  for (int i = 0; i < kRounds; i++) {
    size_t size = 1 + rand_r(&seed) % 4000;
    if (i % 500 == 0) size = 300000;
    struct block* block = malloc(sizeof *block + size);
    CHECK(block != NULL);
    block->size = size;
    memset(block->bytes, (int)(size & 0xff), size);
    block = __atomic_exchange_n((struct block**)&slots[rand_r(&seed) % kSlots], block, __ATOMIC_ACQ_REL);
    if (block == NULL) continue;
    CHECK(block->bytes[0] == (block->size & 0xff));
    CHECK(block->bytes[block->size / 2] == (block->size & 0xff));
    CHECK(block->bytes[block->size - 1] == (block->size & 0xff));
    free(block);
  }
  return NULL;
}

int main(void) {
  for (int round = 0; round < 2; round++) run_together(kThreads, body);
  for (int i = 0; i < kSlots; i++) free(slots[i]);
  ok();
}
