// SPDX-License-Identifier: Apache-2.0
// Parts of mappings are unmapped and their addresses used again: what is left keeps its content, what is new is zero,
// for all. Breaks when a hole punch is late on some node and the old page shows again.
// calls: mmap munmap
// threads: 64
#include "../check.h"

enum { kPages = 16, kPage = 4096 };

static void* checks(void* argument) {
  unsigned char* memory = argument;
  for (int i = 0; i < kPages; i++) CHECK(memory[i * kPage + 5] == (i >= 4 && i < 8 ? 0 : i + 1));
  memory[5 * kPage + 9]++;
  return NULL;
}
static void* body(void* argument) {
  for (int round = 0; round < 10; round++) {
    unsigned char* memory = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    for (int i = 0; i < kPages * kPage; i += 64) CHECK(memory[i] == 0);
    for (int i = 0; i < kPages; i++) memset(memory + i * kPage, i + 1, kPage);
    CHECK(munmap(memory + 4 * kPage, 4 * kPage) == 0);
    unsigned char* again = mmap(memory + 4 * kPage, 4 * kPage, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    CHECK(again == memory + 4 * kPage);
    for (int i = 0; i < 4 * kPage; i++) CHECK(again[i] == 0);
    checks(memory);
    join(start(checks, memory));
    if (argument == NULL) join(start(checks, memory));
    CHECK(memory[5 * kPage + 9] == (argument == NULL ? 3 : 2));
    CHECK(munmap(memory, 3 * kPage) == 0 && munmap(memory + 3 * kPage, 13 * kPage) == 0);
  }
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, (void*)1);
  ok();
}
