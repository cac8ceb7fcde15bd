// SPDX-License-Identifier: Apache-2.0
// Eight threads allocate, resize, hand over and free blocks of all sizes; each block's bytes are checked before it goes.
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { kThreads = 8, kSlots = 256, kRounds = 6000 };

typedef struct {
  unsigned char* bytes;
  size_t count;
} Block;

static Block slots[kSlots];
static pthread_mutex_t locks[kSlots];

static uint32_t next(uint32_t* state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  return *state ^= *state << 5;
}

static size_t size_from(uint32_t r) {
  switch (r % 20) {
    case 0: return 200000 + r % 400000;
    case 1:
    case 2:
    case 3: return 4096 + r % 30000;
    default: return 1 + r % 2000;
  }
}

static void fill(Block* b, size_t from) {
  for (size_t i = from; i < b->count; i += 1 + i / 64) b->bytes[i] = (unsigned char)(b->count * 7 + i);
  b->bytes[b->count - 1] = 0xa5;
}

static long check(const Block* b, size_t end) {
  for (size_t i = 0; i + 1 < end; i += 1 + i / 64)
    if (b->bytes[i] != (unsigned char)(b->count * 7 + i)) return 1;
  return 0;
}

static void* turn(void* argument) {
  uint32_t state = 12345 + (uint32_t)(uintptr_t)argument;
  long wrong = 0;
  for (int i = 0; i < kRounds; ++i) {
    const uint32_t r = next(&state), slot = r % kSlots;
    Block mine = {0, size_from(next(&state))};
    mine.bytes = r % 5 ? malloc(mine.count) : aligned_alloc(64, (mine.count + 63) & ~63ul);
    fill(&mine, 0);
    pthread_mutex_lock(&locks[slot]);
    Block old = slots[slot];
    slots[slot] = mine;
    pthread_mutex_unlock(&locks[slot]);
    if (!old.bytes) continue;
    wrong += check(&old, old.count) + (old.bytes[old.count - 1] != 0xa5);
    if (r % 7 == 0) {
      const size_t before = old.count;
      unsigned char* bigger = realloc(old.bytes, before * 2);
      wrong += bigger[before - 1] != 0xa5;
      old.bytes = bigger;
    }
    free(old.bytes);
  }
  return (void*)wrong;
}

int main(void) {
  long wrong = 0;
  for (int i = 0; i < kSlots; ++i) pthread_mutex_init(&locks[i], 0);
  for (int round = 0; round < 2; ++round) {
    pthread_t threads[kThreads];
    for (long i = 0; i < kThreads; ++i) pthread_create(&threads[i], 0, turn, (void*)(i + 1));
    for (int i = 0; i < kThreads; ++i) {
      void* result;
      pthread_join(threads[i], &result);
      wrong += (long)result;
    }
  }
  for (int i = 0; i < kSlots; ++i) {
    if (slots[i].bytes) wrong += check(&slots[i], slots[i].count);
    free(slots[i].bytes);
  }
  printf("%d blocks by %d threads, %ld wrong\n", 2 * kThreads * kRounds, kThreads, wrong);
  return wrong != 0;
}
