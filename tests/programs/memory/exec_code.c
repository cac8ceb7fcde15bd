// SPDX-License-Identifier: Apache-2.0
// Machine code written by one thread and made executable is run by others; changed in place; W^X and RWX; a trampoline
// before threads. Breaks when PROT_EXEC is lost on shared segments (noexec) or not applied on each node.
// calls: mmap mprotect
// threads: 15
#include "../check.h"

static void write_code(unsigned char* at, int value) {
  const unsigned char code[] = {0xb8, (unsigned char)value, 0, 0, 0, 0xc3}; // mov $value,%eax; ret
  memcpy(at, code, sizeof code);
}
static void* runs(void* argument) { return (void*)(intptr_t)((int (*)(void))argument)(); }
static void* makes(void* argument) {
  unsigned char* code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(code != MAP_FAILED);
  write_code(code, 40);
  CHECK(mprotect(code, 4096, PROT_READ | PROT_EXEC) == 0);
  CHECK(runs(code) == (void*)40);
  return argument = code;
}
static void* changes(void* argument) {
  CHECK(mprotect(argument, 4096, PROT_READ | PROT_WRITE) == 0);
  write_code(argument, 41);
  CHECK(mprotect(argument, 4096, PROT_READ | PROT_EXEC) == 0);
  return NULL;
}
static void* makes_writable(void* argument) {
  unsigned char* code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(code != MAP_FAILED);
  write_code(code, 50);
  return argument = code;
}

int main(void) {
  unsigned char *early = makes(NULL), *late = join(start(makes, NULL)), *open = join(start(makes_writable, NULL));
  for (int i = 0; i < 2; i++) {
    CHECK(join(start(runs, early)) == (void*)40 && join(start(runs, late)) == (void*)40);
    CHECK(runs(late) == (void*)40);
  }
  join(start(changes, early)), changes(late);
  for (int i = 0; i < 2; i++) CHECK(join(start(runs, early)) == (void*)41 && join(start(runs, late)) == (void*)41);
  for (int i = 50; i < 54; i++) {
    write_code(open, i);
    CHECK(join(start(runs, open)) == (void*)(intptr_t)i);
  }
  ok();
}
