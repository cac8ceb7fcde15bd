// SPDX-License-Identifier: Apache-2.0
// A writable private file mapping: threads share its changes, the file keeps its content; read-only first and made
// writable later too. Breaks when such mappings are copied eagerly, stay private to a node, or a later mprotect to
// writable is not handled.
// calls: mmap mprotect pread64
// threads: 27
#include "../check.h"

static char *writable, *later;
static int fd;

static void* writes(void* argument) {
  intptr_t step = (intptr_t)argument;
  CHECK(writable[0] == 'f' && writable[100 + step] == 'f' && later[0] == 'f');
  writable[100 + step] = 'w', writable[4096 + step] = 'w';
  for (int i = 0; i <= step; i++) CHECK(writable[100 + i] == 'w' && writable[4096 + i] == 'w');
  return NULL;
}
static void* makes_writable(void* argument) {
  CHECK(mprotect(later, 8192, PROT_READ | PROT_WRITE) == 0);
  later[7] = 'l';
  return argument;
}
static void* sees(void* argument) {
  CHECK(later[7] == 'l' && later[6] == 'f');
  later[5000]++;
  return argument;
}
static void* maps(void* argument) {
  writable = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 4096);
  later = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE, fd, 0);
  CHECK(writable != MAP_FAILED && later != MAP_FAILED);
  return argument;
}

int main(void) {
  char name[] = "/tmp/sp-program-XXXXXX", text[12288], back[12288];
  fd = mkstemp(name);
  memset(text, 'f', sizeof text);
  CHECK(fd >= 0 && unlink(name) == 0 && write(fd, text, sizeof text) == sizeof text);
  for (int round = 0; round < 3; round++) {
    round == 1 ? join(start(maps, NULL)) : maps(NULL);
    for (intptr_t i = 0; i < 4; i++) join(start(writes, (void*)i));
    round % 2 ? makes_writable(NULL) : join(start(makes_writable, NULL));
    run_on_each(sees, NULL);
    CHECK(later[5000] == 'f' + 4 && pread(fd, back, sizeof back, 0) == sizeof back &&
          memcmp(text, back, sizeof text) == 0);
    munmap(writable, 8192), munmap(later, 8192);
  }
  ok();
}
