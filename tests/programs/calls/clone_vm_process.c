// SPDX-License-Identifier: Apache-2.0
// clone with CLONE_VM but without CLONE_THREAD: a process of its own pid in the same memory, as some run-times and
// sanitizers make. Breaks when only threads and vfork are expected to share memory: what the child writes must be seen
// by all threads.
// calls: clone wait4
// threads: 4
#include "../check.h"

static volatile int value;
static pid_t parent;

static int child(void* argument) {
  if (syscall(SYS_getppid) != parent || syscall(SYS_getpid) == parent) return 1;
  volatile int* local = argument;
  value = 5, *local = 6;
  return 21;
}
static void* body(void* argument) {
  volatile int local = 0;
  char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  value = 0, parent = getpid();
  pid_t id = clone(child, stack + 65536, CLONE_VM | CLONE_FILES | SIGCHLD, (void*)&local);
  CHECK(id > 0 && id != getpid());
  CHECK_EXITED(id, 21);
  CHECK(value == 5 && local == 6);
  id = clone(child, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, (void*)&local);
  CHECK(value == 5 && local == 6);
  CHECK_EXITED(id, 21);
  id = clone(child, stack + 65536, SIGCHLD, (void*)&local); // and a fork on another stack
  local = value = 0;
  CHECK_EXITED(id, 21);
  CHECK(value == 0 && local == 0 && munmap(stack, 65536) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
