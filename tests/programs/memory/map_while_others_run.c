// SPDX-License-Identifier: Apache-2.0
// One thread maps, fills, hands over and unmaps blocks of all sizes while others read them and call the kernel with
// them. Breaks when an update of the map races with its use on another node.
// calls: mmap munmap write
// threads: 3
#include "../check.h"

enum { kRounds = 600, kReaders = 2 };
static struct block {
  size_t size;
  int left;
  unsigned char bytes[];
} * handed[kReaders];

static void* reads(void* argument) {
  int sink = open("/dev/null", O_WRONLY);
  for (int i = 0; i < kRounds; i++) {
    struct block* block;
    while ((block = __atomic_exchange_n(&handed[(intptr_t)argument], NULL, __ATOMIC_ACQ_REL)) == NULL) sched_yield();
    size_t size = block->size - sizeof *block;
    CHECK(block->bytes[0] == (unsigned char)i && block->bytes[size - 1] == (unsigned char)i);
    CHECK(write(sink, block->bytes, size) == (ssize_t)size);
    if (__atomic_sub_fetch(&block->left, 1, __ATOMIC_ACQ_REL) == 0) CHECK(munmap(block, block->size) == 0);
  }
  close(sink);
  return NULL;
}
static void* maps(void* argument) {
  unsigned seed = 5;
  for (int i = 0; i < kRounds; i++) {
    size_t size = (1 + rand_r(&seed) % 64) * 4096;
    struct block* block = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(block != MAP_FAILED && block->left == 0 && block->bytes[0] == 0);
    block->size = size, block->left = kReaders;
    memset(block->bytes, i, size - sizeof *block);
    for (int r = 0; r < kReaders; r++) {
      struct block* empty = NULL;
      while (!__atomic_compare_exchange_n(&handed[r], &empty, block, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        empty = NULL, sched_yield();
    }
  }
  return argument;
}

int main(void) {
  pthread_t readers[kReaders];
  for (intptr_t i = 0; i < kReaders; i++) readers[i] = start(reads, (void*)i);
  join(start(maps, NULL));
  for (int i = 0; i < kReaders; i++) join(readers[i]);
  ok();
}
