// SPDX-License-Identifier: Apache-2.0
// Random mprotect, munmap, mmap and DONTNEED on pages of one region, from threads in turn, against a model of what
// each page must be. Breaks when the list of address ranges splits or joins wrongly, or a node applies queued changes
// late.
// calls: mprotect munmap mmap madvise
// threads: 80
#include "../check.h"

enum { kPages = 32, kPage = 4096 };
static char* region;
static unsigned char state[kPages], content[kPages]; // state: 0 unmapped, 1 read, 2 read and write, 3 none
static unsigned seed = 12345;

static void act(void) {
  int first = rand_r(&seed) % kPages, count = 1 + rand_r(&seed) % (kPages - first), kind = rand_r(&seed) % 6;
  char* at = region + first * kPage;
  size_t size = (size_t)count * kPage;
  int hole = memchr(state + first, 0, count) != NULL;
  if (kind == 0) CHECK(munmap(at, size) == 0);
  if (kind == 1) CHECK(mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at);
  if (kind == 2 || kind == 3 || kind == 4) {
    if (hole) return;
    CHECK(mprotect(at, size, kind == 2 ? PROT_READ : kind == 3 ? PROT_READ | PROT_WRITE : PROT_NONE) == 0);
  }
  if (kind == 5) {
    if (hole) return;
    CHECK(madvise(at, size, MADV_DONTNEED) == 0);
  }
  static const unsigned char next[] = {0, 2, 1, 2, 3};
  if (kind < 5) memset(state + first, next[kind], count);
  if (kind < 2 || kind == 5) memset(content + first, 0, count);
}
static void* body(void* argument) {
  int ends[2];
  char byte;
  CHECK(pipe(ends) == 0);
  for (int i = 0; i < 3; i++) act();
  for (int i = 0; i < kPages; i++) {
    char* page = region + i * kPage;
    int readable = write(ends[1], page + 7, 1) == 1;
    CHECK(readable == (state[i] == 1 || state[i] == 2));
    if (!readable) continue;
    CHECK(read(ends[0], &byte, 1) == 1 && (unsigned char)byte == content[i] && (unsigned char)page[7] == content[i]);
    if (state[i] == 2) page[7] = (char)(content[i] = (unsigned char)rand_r(&seed));
  }
  close(ends[0]), close(ends[1]);
  return argument;
}

int main(void) {
  region = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(region != MAP_FAILED);
  memset(state, 2, sizeof state);
  for (int i = 0; i < 160; i++) i % 2 ? body(NULL) : join(start(body, NULL));
  ok();
}
