// SPDX-License-Identifier: Apache-2.0
// mremap grows, shrinks, moves, and moves to a fixed address: content goes along, the new part is zero, the old place
// is gone, for all. Breaks when a range belongs to a segment at offset == address and is moved by the kernel only.
// calls: mremap mmap munmap
// threads: 22
#include "../check.h"

static char* current;
static size_t length;

static void* checks(void* argument) {
  for (size_t i = 0; i < length; i += 4096) CHECK(current[i] == (i < 16384 ? (char)(i / 4096 + 1) : 0));
  current[17]++;
  return argument;
}
static int is_mapped(void* address) {
  unsigned char vector;
  return mincore(address, 4096, &vector) == 0;
}
static void* body(void* argument) {
  current = mmap(NULL, length = 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(current != MAP_FAILED);
  for (int i = 0; i < 4; i++) current[i * 4096] = (char)(i + 1);
  current = mremap(current, 16384, length = 1 << 20, MREMAP_MAYMOVE);
  CHECK(current != MAP_FAILED);
  checks(NULL), join(start(checks, NULL));
  CHECK(mremap(current, 1 << 20, 16384, 0) == current && !is_mapped(current + 16384));
  length = 16384;
  checks(NULL), join(start(checks, NULL));
  char* target = mmap(NULL, 32768, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(target, 'z', 32768);
  char* old = current;
  CHECK(mremap(current, 16384, length = 24576, MREMAP_MAYMOVE | MREMAP_FIXED, target) == target);
  CHECK(!is_mapped(old) && target[24576] == 'z');
  current = target;
  checks(NULL), join(start(checks, NULL));
  CHECK(current[17] == 6);
  CHECK(mremap(old, 16384, 32768, MREMAP_MAYMOVE) == MAP_FAILED && errno == EFAULT);
  CHECK(munmap(target, 32768) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
