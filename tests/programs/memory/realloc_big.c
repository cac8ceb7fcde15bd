// SPDX-License-Identifier: Apache-2.0
// realloc of blocks of many megabytes, which glibc does by mremap, from different threads in turn keeps their content.
// Breaks like mremap, and when the heap of a thread's arena grows by mprotect.
// calls: mremap mmap munmap mprotect
// threads: 12
#include "../check.h"

static unsigned char* block;
static size_t size = 200000;

static void* grows(void* argument) {
  size_t next = argument ? size / 3 : size * 2;
  block = realloc(block, next);
  CHECK(block != NULL);
  for (size_t i = 0; i < (next < size ? next : size); i += 4096) CHECK(block[i] == (unsigned char)(i / 4096));
  for (size_t i = 0; i < next; i += 4096) block[i] = (unsigned char)(i / 4096);
  size = next;
  return NULL;
}

int main(void) {
  block = malloc(size);
  for (size_t i = 0; i < size; i += 4096) block[i] = (unsigned char)(i / 4096);
  for (int i = 0; i < 12; i++) {
    join(start(grows, i % 4 == 3 ? (void*)1 : NULL));
    if (i % 5 == 0) grows((void*)1);
  }
  free(block);
  ok();
}
