// SPDX-License-Identifier: Apache-2.0
// clone and clone3 with flags that contradict each other: EINVAL, and nothing has happened. Breaks when a thread is
// prepared first, on a stack that nobody gave, or a process that made none is spread over nodes for it.
// calls: clone clone3
// threads: 5
#include "../check.h"
#include <linux/sched.h>

static const uint64_t refused[] = {
    CLONE_THREAD,
    CLONE_SIGHAND,
    CLONE_THREAD | CLONE_SIGHAND,
    CLONE_THREAD | CLONE_VM,
    CLONE_FS | CLONE_NEWNS,
    CLONE_FS | CLONE_NEWUSER,
    CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWPID,
    CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_NEWUSER,
};

static void refuses3(struct clone_args arguments) {
  CHECK(syscall(SYS_clone3, &arguments, sizeof arguments) == -1 && (errno == EINVAL || errno == ENOSYS));
}
static void* tries(void* argument) {
  char* stack = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(stack != MAP_FAILED);
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    CHECK(syscall(SYS_clone, refused[i], 0, 0, 0, 0) == -1 && errno == EINVAL);
    CHECK(syscall(SYS_clone, refused[i], stack + 65536, 0, 0, 0) == -1 && errno == EINVAL);
    refuses3((struct clone_args){.flags = refused[i]});
    refuses3((struct clone_args){.flags = refused[i], .stack = (uint64_t)stack, .stack_size = 65536});
  }
  refuses3((struct clone_args){.flags = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, .exit_signal = SIGCHLD});
  refuses3((struct clone_args){.flags = CLONE_PARENT, .exit_signal = SIGCHLD});
  refuses3((struct clone_args){.flags = SIGCHLD});
  refuses3((struct clone_args){.flags = CLONE_DETACHED, .exit_signal = SIGCHLD});
  refuses3((struct clone_args){.exit_signal = 1000});
  refuses3((struct clone_args){.exit_signal = SIGCHLD, .stack = (uint64_t)stack});
  refuses3((struct clone_args){.exit_signal = SIGCHLD, .stack_size = 65536});
  CHECK(munmap(stack, 65536) == 0);
  return argument;
}

int main(void) {
  tries(NULL);
  run_on_each(tries, NULL);
  CHECK(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
  ok();
}
