// SPDX-License-Identifier: Apache-2.0
// Anonymous memory that one thread maps is the same memory in all others, main included, written from either side.
// Breaks when a mapping made on one node is missing or another page on the next.
// calls: mmap munmap
// threads: 24
#include "../check.h"

enum { kSize = 1 << 20 };

static void* maps(void* argument) {
  char* memory = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  for (int i = 0; i < kSize; i += 4096) CHECK(memory[i] == 0);
  strcpy(memory, "from a thread");
  memory[kSize - 1] = 7;
  return argument = memory;
}
static void* reads(void* argument) {
  char* memory = argument;
  CHECK(strcmp(memory, "from a thread") == 0 && memory[kSize - 1] == 7 && memory[kSize / 2] == 0);
  memory[kSize / 4]++;
  return NULL;
}

int main(void) {
  for (int i = 0; i < 4; i++) {
    char* memory = join(start(maps, NULL));
    reads(memory);
    run_on_each(reads, memory);
    CHECK(memory[kSize / 4] == 5);
    CHECK(munmap(memory, kSize) == 0);
  }
  char* of_main = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  strcpy(of_main, "from a thread");
  of_main[kSize - 1] = 7;
  run_on_each(reads, of_main);
  CHECK(of_main[kSize / 4] == 4);
  ok();
}
