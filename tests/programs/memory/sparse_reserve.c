// SPDX-License-Identifier: Apache-2.0
// 64 GiB reserved with PROT_NONE; parts are opened, used by several threads, given back with DONTNEED and closed again.
// Breaks when arenas are smaller than what programs reserve (Go, Java, V8 do), or the reservation costs memory.
// calls: mmap mprotect madvise munmap
// threads: 49
#include "../check.h"

enum { kPart = 1 << 20 };
static const size_t kSize = 64ul << 30;
static char* reserved;

static void* opens(void* argument) {
  char* part = reserved + (intptr_t)argument * (9ul << 30);
  CHECK(mprotect(part, kPart, PROT_READ | PROT_WRITE) == 0);
  CHECK(part[0] == 0 && part[kPart - 1] == 0);
  memset(part, 1 + (int)(intptr_t)argument, kPart);
  return NULL;
}
static void* checks(void* argument) {
  char* part = reserved + (intptr_t)argument * (9ul << 30);
  CHECK(part[0] == 1 + (intptr_t)argument && part[kPart - 1] == 1 + (intptr_t)argument);
  CHECK(madvise(part, kPart, MADV_DONTNEED) == 0 && part[0] == 0);
  part[1] = 3;
  CHECK(mmap(part, kPart, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == part);
  return NULL;
}
static void* reserves(void* argument) {
  reserved = mmap(NULL, kSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  CHECK(reserved != MAP_FAILED);
  return argument;
}

int main(void) {
  for (int round = 0; round < 3; round++) {
    round == 2 ? join(start(reserves, NULL)) : reserves(NULL);
    for (int again = 0; again < 2; again++) {
      for (intptr_t i = 0; i < 7; i++) (i + again) % 2 ? opens((void*)i) : join(start(opens, (void*)i));
      for (intptr_t i = 0; i < 7; i++) (i + again) % 3 ? join(start(checks, (void*)i)) : checks((void*)i);
    }
    CHECK(munmap(reserved, kSize) == 0);
  }
  ok();
}
