// SPDX-License-Identifier: Apache-2.0
// MAP_SHARED|MAP_ANONYMOUS memory, mapped before and after the first thread, is shared with fork children; private
// memory is not. Breaks when shared anonymous memory is put into the same segment as private memory.
// calls: mmap fork
// threads: 4
#include "../check.h"

static int* map(int kind) {
  int* memory = mmap(NULL, 16384, PROT_READ | PROT_WRITE, kind | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  return memory;
}
static int *early_shared, *early_private;

static void* body(void* argument) {
  int *shared = map(MAP_SHARED), *private = map(MAP_PRIVATE);
  shared[0] = private[0] = early_shared[0] = early_private[0] = 1;
  pid_t child = fork();
  if (child == 0) {
    CHECK(shared[0] == 1 && private[0] == 1);
    shared[0] = private[0] = early_shared[0] = early_private[0] = 2;
    shared[2000] = 3;
    while (__atomic_load_n(&shared[1], __ATOMIC_SEQ_CST) == 0) usleep(200);
    pid_t grandchild = fork();
    if (grandchild == 0) shared[3] = 4, _exit(0);
    CHECK_EXITED(grandchild, 0);
    _exit(0);
  }
  __atomic_store_n(&shared[1], 1, __ATOMIC_SEQ_CST);
  CHECK_EXITED(child, 0);
  CHECK(shared[0] == 2 && early_shared[0] == 2 && private[0] == 1 && early_private[0] == 1);
  CHECK(shared[2000] == 3 && shared[3] == 4);
  munmap(shared, 16384), munmap(private, 16384);
  return argument;
}

int main(void) {
  early_shared = map(MAP_SHARED), early_private = map(MAP_PRIVATE);
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
