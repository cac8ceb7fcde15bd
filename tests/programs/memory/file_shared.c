// SPDX-License-Identifier: Apache-2.0
// A shared file mapping, made before the first thread or in any thread, is the file: writes show in pread and the
// other way, msync. Breaks when conversion copies it, or the descriptor was closed and the mapping cannot be made
// again on other nodes.
// calls: mmap msync pread64 pwrite64
// threads: 17
#include "../check.h"

static char* memory;
static int fd, count;

static char* map(void) {
  char* mapped = mmap(NULL, 12288, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4096);
  CHECK(mapped != MAP_FAILED);
  return mapped;
}
static void* uses(void* argument) {
  char byte;
  int at = 4096 + 10 + count;
  CHECK(pwrite(fd, "w", 1, at + 4096) == 1 && memory[at] == 'w');
  memory[at + 1] = 'm';
  CHECK(pread(fd, &byte, 1, at + 4097) == 1 && byte == 'm');
  CHECK(msync(memory, 12288, MS_SYNC) == 0);
  count += 2;
  return argument;
}
static void* maps(void* argument) {
  memory = map();
  return argument;
}

int main(void) {
  char name[] = "/tmp/sp-program-XXXXXX", byte;
  fd = mkstemp(name);
  CHECK(fd >= 0 && ftruncate(fd, 16384) == 0);
  memory = map();
  uses(NULL);
  run_on_each(uses, NULL);
  for (int i = 0; i < 3; i++) {
    munmap(memory, 12288);
    join(start(maps, NULL));
    uses(NULL);
    join(start(uses, NULL)), join(start(uses, NULL));
  }
  for (int i = 0; i < count; i++) CHECK(memory[4096 + 10 + i] == (i % 2 ? 'm' : 'w'));
  close(fd);
  run_on_each(nothing, NULL);
  memory[0] = 'c';
  CHECK((fd = open(name, O_RDONLY)) >= 0 && pread(fd, &byte, 1, 4096) == 1 && byte == 'c');
  CHECK(unlink(name) == 0);
  ok();
}
