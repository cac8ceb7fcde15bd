// SPDX-License-Identifier: Apache-2.0
// MADV_DONTFORK memory is not in a fork child, MADV_WIPEONFORK memory is zero there; DOFORK and KEEPONFORK undo it.
// Breaks when the child's copy is made by superproc and not by the kernel.
// calls: madvise fork
// threads: 2
#include "../check.h"

static void* body(void* argument) {
  char* memory = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  char** shown = &memory;
  memset(memory, 'a', 4 * 4096);
  CHECK(madvise(memory, 4096, MADV_WIPEONFORK) == 0);
  CHECK(madvise(memory + 4096, 4096, MADV_DONTFORK) == 0);
  CHECK(madvise(memory + 8192, 4096, MADV_WIPEONFORK) == 0 && madvise(memory + 8192, 4096, MADV_KEEPONFORK) == 0);
  CHECK(madvise(memory + 12288, 4096, MADV_DONTFORK) == 0 && madvise(memory + 12288, 4096, MADV_DOFORK) == 0);
  pid_t child = fork();
  if (child == 0) {
    int ends[2];
    CHECK((*shown)[0] == 0 && (*shown)[8192] == 'a' && (*shown)[12288] == 'a');
    CHECK(pipe(ends) == 0 && write(ends[1], memory + 4096, 1) == -1 && errno == EFAULT);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  CHECK(memory[0] == 'a' && memory[4096] == 'a' && munmap(memory, 4 * 4096) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  join(start(body, NULL)), join(start(body, NULL));
  body(NULL);
  ok();
}
