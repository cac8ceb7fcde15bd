// SPDX-License-Identifier: Apache-2.0
// MAP_FIXED over a part of an existing mapping, of memory and of a file, replaces it for all; MAP_FIXED_NOREPLACE
// refuses, hints serve. Breaks when only the mapping node sees the new pages.
// calls: mmap
// threads: 16
#include "../check.h"

static char *memory, *second;

static void* before(void* argument) {
  CHECK(memory[0] == 'a' && memory[4096] == 'a' && memory[8192] == 'a' && memory[12288] == 'a');
  return argument;
}
static void* after(void* argument) {
  CHECK(memory[0] == 'a' && memory[4096] == 'F' && memory[8192] == second[1] && memory[12288] == 'a');
  memory[8192 + 1]++;
  return argument;
}
static void* replaces(void* argument) {
  int fd = memfd_create("fixed", MFD_CLOEXEC);
  CHECK(fd >= 0 && write(fd, "File content", 12) == 12);
  CHECK(mmap(memory, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED &&
        errno == EEXIST);
  CHECK(mmap(memory + 4096, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == memory + 4096);
  CHECK(mmap(memory + 8192, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) ==
        memory + 8192);
  CHECK(memory[8192] == 0 && close(fd) == 0);
  return argument;
}

int main(void) {
  second = calloc(1, 10);
  for (int round = 0; round < 4; round++) {
    memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(memory, 'a', 16384);
    if (round > 0) join(start(before, NULL)), join(start(before, NULL));
    round % 2 ? replaces(NULL) : join(start(replaces, NULL));
    join(start(after, NULL)), join(start(after, NULL));
    after(NULL);
    CHECK(memory[8193] == 3 && munmap(memory, 16384) == 0);
    char* hinted = mmap(memory, 16384, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(hinted == memory && hinted[8193] == 0 && munmap(hinted, 16384) == 0);
  }
  CHECK(mmap((void*)12345, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED &&
        errno == EINVAL);
  CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
  CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED && errno == EBADF);
  ok();
}
