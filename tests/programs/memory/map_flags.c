// SPDX-License-Identifier: Apache-2.0
// mmap flags: POPULATE, NORESERVE, STACK, 32BIT, a low fixed address, /dev/zero private and shared; addresses never
// overlap or collide. Breaks when anonymous mappings are served from arenas whatever the flags say.
// calls: mmap munmap fork
// threads: 60
#include "../check.h"

static char* memory;
static void* uses(void* argument) {
  CHECK(memory[0] == 'm' && memory[8191] == 0);
  memory[4096]++;
  return argument;
}
static void map(int flags, void* address, int fd) {
  memory = mmap(address, 8192, PROT_READ | PROT_WRITE, flags, fd, 0);
  CHECK(memory != MAP_FAILED);
  CHECK(memory[0] == 0 && memory[8191] == 0 && memory[4096] == 0);
  if (flags & MAP_32BIT) CHECK((uintptr_t)memory < 1ul << 31);
  if (flags & MAP_FIXED_NOREPLACE) CHECK(memory == address);
  memory[0] = 'm';
}
static void* body(void* argument) {
  const int kBase = MAP_PRIVATE | MAP_ANONYMOUS;
  const int flags[] = {kBase | MAP_POPULATE, kBase | MAP_NORESERVE, kBase | MAP_STACK, kBase | MAP_32BIT,
                       kBase | MAP_FIXED_NOREPLACE};
  int zero = open("/dev/zero", O_RDWR);
  for (int i = 0; i < 7; i++) {
    if (i < 5)
      map(flags[i], i == 4 ? (void*)0x20000000 : NULL, -1);
    else
      map(i == 5 ? MAP_PRIVATE : MAP_SHARED, NULL, zero);
    uses(NULL);
    join(start(uses, NULL));
    if (argument == NULL) join(start(uses, NULL));
    int count = memory[4096];
    pid_t child = fork();
    if (child == 0) uses(NULL), _exit(0);
    CHECK_EXITED(child, 0);
    CHECK(memory[4096] == count + (i == 6) && munmap(memory, 8192) == 0);
  }
  close(zero);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, (void*)1);
  body(NULL);
  ok();
}
