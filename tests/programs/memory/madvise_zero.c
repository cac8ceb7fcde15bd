// SPDX-License-Identifier: Apache-2.0
// madvise DONTNEED on anonymous memory gives zeroes to all threads; DONTNEED on a private file mapping gives the file
// again. Breaks when the pages live in a segment: DONTNEED on a shared mapping keeps them, a hole has to be punched.
// calls: madvise mmap
// threads: 12
#include "../check.h"

static char *memory, *file;

static void* fills(void* argument) {
  memset(memory, 'm', 65536);
  memset(file, 'p', 8192);
  return argument;
}
static void* drops(void* argument) {
  CHECK(memory[4096 * 3] == 'm' && file[5] == 'p');
  CHECK(madvise(memory + 4096, 32768, MADV_DONTNEED) == 0);
  CHECK(madvise(file, 4096, MADV_DONTNEED) == 0);
  return argument;
}
static void* checks(void* argument) {
  for (int i = 0; i < 65536; i += 256) CHECK(memory[i] == (i >= 4096 && i < 36864 ? 0 : 'm'));
  CHECK(file[5] == 'f' && file[4096] == 'p');
  return argument;
}
static char* map_file(void) {
  char name[] = "/tmp/sp-program-XXXXXX", text[8192];
  int fd = mkstemp(name);
  memset(text, 'f', sizeof text);
  CHECK(fd >= 0 && unlink(name) == 0 && write(fd, text, sizeof text) == sizeof text);
  char* mapped = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  CHECK(mapped != MAP_FAILED && close(fd) == 0);
  return mapped;
}

int main(void) {
  for (int round = 0; round < 4; round++) {
    if (round % 2 == 0) { // in round 0 from before the first thread, in round 2 after it
      memory = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      file = map_file();
    }
    round % 2 ? fills(NULL) : join(start(fills, NULL));
    round / 2 ? drops(NULL) : join(start(drops, NULL));
    checks(NULL);
    join(start(checks, NULL)), join(start(checks, NULL));
  }
  CHECK(madvise(memory, 65536, MADV_WILLNEED) == 0 && madvise(memory, 65536, MADV_NORMAL) == 0);
  CHECK(madvise(memory + 1, 4096, MADV_DONTNEED) == -1 && errno == EINVAL);
  checks(NULL);
  ok();
}
