// SPDX-License-Identifier: Apache-2.0
// brk and sbrk grow and shrink the heap's end from any thread: new memory is zero and everybody's, given back memory
// faults. Breaks when each resident has its own program break, or regrown memory keeps its old content.
// calls: brk
// threads: 13
#include "../check.h"

static char* base;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void* grows(void* argument) {
  pthread_mutex_lock(&lock); // malloc's own use of brk is excluded, as main arenas go
  CHECK(sbrk(0) == base);
  CHECK(sbrk(40960) == base);
  for (int i = 0; i < 40960; i += 64) CHECK(base[i] == 0);
  memset(base, 'b', 40960);
  pthread_mutex_unlock(&lock);
  return argument;
}
static void* shrinks(void* argument) {
  CHECK(base[0] == 'b' && base[40959] == 'b' && sbrk(0) == base + 40960);
  CHECK(brk(base + 8192) == 0 && sbrk(0) == base + 8192);
  CHECK(base[8191] == 'b');
  int ends[2];
  CHECK(pipe(ends) == 0 && write(ends[1], base + 8192, 1) == -1 && errno == EFAULT);
  close(ends[0]), close(ends[1]);
  CHECK(brk(base) == 0);
  return argument;
}

int main(void) {
  base = (char*)(((uintptr_t)sbrk(0) + 4095) & -4096ul);
  CHECK(brk(base) == 0);
  grows(NULL), shrinks(NULL);
  for (int i = 0; i < 6; i++) {
    // Threads are made first: making one may allocate from the heap's end.
    pthread_t grower = start(nothing, NULL);
    join(grower);
    base = (char*)(((uintptr_t)sbrk(0) + 4095) & -4096ul);
    CHECK(brk(base) == 0);
    i % 2 ? grows(NULL) : join(start(grows, NULL));
    i % 3 ? join(start(shrinks, NULL)) : shrinks(NULL);
  }
  CHECK(brk((char*)(1ul << 52)) == -1 && errno == ENOMEM);
  ok();
}
