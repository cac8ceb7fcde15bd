// SPDX-License-Identifier: Apache-2.0
// Threads map, protect, unmap in parts, move and hand each other memory in an order that a seed decides: what is fresh is
// zero, what was written stays, what is protected cannot be read. Breaks when two nodes get one range, freed pages come
// back dirty, or a protection stays on addresses that were given away again.
// calls: mmap munmap mprotect mremap madvise
// threads: 4
#include "../check.h"

enum { kPage = 4096, kBlockCount = 24, kStepCount = 1500 };

struct Block {
  char* start;
  int pages;
  int prot;
  char mark;
};
static struct Block handed[16];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static unsigned next_number(unsigned* seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return *seed >> 8;
}
static void check(const struct Block* block) {
  for (int i = 0; i < block->pages && block->prot != PROT_NONE; i++) CHECK(block->start[i * kPage + 5] == block->mark);
}
static void fill(struct Block* block, char mark) {
  block->mark = mark;
  for (int i = 0; i < block->pages; i++) block->start[i * kPage + 5] = mark;
}
static void make(struct Block* block, unsigned* seed) {
  static const int sizes[] = {1, 1, 2, 3, 4, 16, 33, 300};
  block->pages = sizes[next_number(seed) % 8];
  block->prot = PROT_READ | PROT_WRITE;
  int closed = next_number(seed) % 4 == 0;
  block->start = mmap(NULL, block->pages * kPage, closed ? PROT_NONE : block->prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(block->start != MAP_FAILED);
  if (closed) CHECK(mprotect(block->start, block->pages * kPage, block->prot) == 0);
  for (int i = 0; i < block->pages; i++) CHECK(block->start[i * kPage + 5] == 0 && block->start[i * kPage + 4000] == 0);
  fill(block, (char)(next_number(seed) | 1));
}
static void change_protection(struct Block* block, unsigned* seed) {
  static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
  block->prot = prots[next_number(seed) % 3];
  CHECK(mprotect(block->start, block->pages * kPage, block->prot) == 0);
  if (block->prot != PROT_NONE) return;
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], block->start, 1) == -1 && errno == EFAULT);
  close(ends[0]), close(ends[1]);
}
static void cut(struct Block* block, unsigned* seed) {
  if (block->pages < 2) return;
  int kept = 1 + (int)(next_number(seed) % (unsigned)(block->pages - 1));
  CHECK(munmap(block->start + kept * kPage, (block->pages - kept) * kPage) == 0);
  block->pages = kept;
}
static void grow(struct Block* block) {
  if (block->prot != (PROT_READ | PROT_WRITE)) return;
  int pages = block->pages + 3;
  block->start = mremap(block->start, block->pages * kPage, pages * kPage, MREMAP_MAYMOVE);
  CHECK(block->start != MAP_FAILED);
  for (int i = block->pages; i < pages; i++) {
    CHECK(block->start[i * kPage + 5] == 0);
    block->start[i * kPage + 5] = block->mark;
  }
  block->pages = pages;
}
static void drop(struct Block* block) {
  check(block);
  CHECK(munmap(block->start, block->pages * kPage) == 0);
  block->start = NULL;
}
static void exchange(struct Block* block, unsigned* seed) {
  struct Block* other = &handed[next_number(seed) % 16];
  pthread_mutex_lock(&lock);
  struct Block mine = *block;
  *block = *other, *other = mine;
  pthread_mutex_unlock(&lock);
}
static void* storms(void* argument) {
  unsigned seed = (unsigned)(uintptr_t)argument * 7919 + 1;
  struct Block blocks[kBlockCount] = {{0}};
  for (int step = 0; step < kStepCount; step++) {
    struct Block* block = &blocks[next_number(&seed) % kBlockCount];
    if (!block->start) {
      make(block, &seed);
      continue;
    }
    check(block);
    switch (next_number(&seed) % 6) {
      case 0: change_protection(block, &seed); break;
      case 1: cut(block, &seed); break;
      case 2: grow(block); break;
      case 3: exchange(block, &seed); break;
      default: drop(block);
    }
  }
  for (int i = 0; i < kBlockCount; i++)
    if (blocks[i].start) drop(&blocks[i]);
  return NULL;
}

int main(void) {
  run_together(4, storms);
  for (int i = 0; i < 16; i++)
    if (handed[i].start) drop(&handed[i]);
  ok();
}
