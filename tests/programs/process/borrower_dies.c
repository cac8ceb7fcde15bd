// SPDX-License-Identifier: Apache-2.0
// A process that borrows its creator's memory (clone with CLONE_VM, vfork) dies by a signal or a fault: its creator sees
// that, and goes on with all its threads. Breaks when the death is taken for the whole program's.
// calls: clone vfork wait4
// threads: 5
#include "../check.h"

static int by_signal(void* signal) { return (int)syscall(SYS_kill, syscall(SYS_getpid), (int)(intptr_t)signal); }
static int by_fault(void* address) {
  *(volatile int*)address = 1;
  return 0;
}
static void dies(int (*function)(void*), intptr_t argument, int flags, int signal) {
  char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(stack != MAP_FAILED);
  pid_t id = clone(function, stack + 65536, CLONE_VM | SIGCHLD | flags, (void*)argument);
  CHECK(id > 0);
  int status = status_of(id);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == signal);
  CHECK(munmap(stack, 65536) == 0);
}
static void* body(void* argument) {
  dies(by_signal, SIGTERM, 0, SIGTERM);
  dies(by_signal, SIGPIPE, CLONE_VFORK, SIGPIPE);
  dies(by_signal, SIGKILL, 0, SIGKILL);
  dies(by_fault, 8, 0, SIGSEGV);
  pid_t id = vfork();
  if (id == 0) _exit(by_signal((void*)(intptr_t)SIGTERM));
  int status = status_of(id);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  run_on_each(nothing, NULL);
  ok();
}
