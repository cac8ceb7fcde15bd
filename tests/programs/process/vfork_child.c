// SPDX-License-Identifier: Apache-2.0
// vfork from main and from threads: the child runs in the parent's memory and stack, the parent waits, then sees what
// it wrote. Breaks when the child disturbs the frame of the shim's wrapper, which lies on the shared stack.
// calls: vfork execve wait4
// threads: 8
#include "../check.h"

static volatile int global;

static __attribute__((noinline)) int deep_use(int depth) {
  volatile char frame[1500];
  memset((char*)frame, depth, sizeof frame);
  return depth == 0 ? frame[7] : deep_use(depth - 1) + frame[9];
}
static void* body(void* argument) {
  volatile int local = 1;
  volatile long kept[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  global = 1;
  pid_t child = vfork();
  if (child == 0) {
    local = 2, global = 2;
    kept[3] = 40;
    deep_use(6); // the stack below vfork's caller, where the wrapper was
    _exit(local + 10);
  }
  CHECK(local == 2 && global == 2 && kept[3] == 40 && kept[7] == 8);
  CHECK_EXITED(child, 12);
  child = vfork();
  if (child == 0) {
    execl("/bin/sh", "sh", "-c", "exit 14", NULL);
    global = errno;
    _exit(127);
  }
  CHECK(global == 2);
  CHECK_EXITED(child, 14);
  child = vfork();
  if (child == 0) {
    execl("/no/such/program", "none", NULL);
    global = errno;
    _exit(3);
  }
  CHECK(global == ENOENT);
  CHECK_EXITED(child, 3);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  run_on_each(nothing, NULL);
  body(NULL);
  ok();
}
