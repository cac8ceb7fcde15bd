// SPDX-License-Identifier: Apache-2.0
// Children made by fork, vfork, posix_spawn and exec make code with a system call, in turn with their parent: each has its
// threads on all nodes run it. Breaks when a child takes over the wrong state, or changes its parent's.
// calls: fork vfork execve mmap getpid
#include "../check.h"
#include <spawn.h>

extern char** environ;
static volatile unsigned char kGetpid[] = {0xb8, 39, 0, 0, 0, 0x0f, 0x05, 0xc3}; // mov $39,%eax; syscall; ret
static long (*volatile code)(void);
static char self[4096];
static char* arguments[] = {self, "child", NULL};

static void* runs(void* argument) {
  CHECK(code() == getpid());
  return argument;
}
static void make_code(void) {
  unsigned char* at = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED);
  for (unsigned i = 0; i < sizeof kGetpid; i++) at[i] = kGetpid[i];
  code = (long (*)(void))at;
}
static void use_code(void) {
  make_code();
  run_on_each(runs, NULL);
  runs(NULL);
}
static void* forks(void* argument) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    if (code) runs(NULL);
    use_code();
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  return argument;
}
static void* spawns(void* argument) {
  pid_t child;
  CHECK(posix_spawn(&child, self, NULL, NULL, arguments, environ) == 0);
  CHECK_EXITED(child, 0);
  child = vfork();
  CHECK(child >= 0);
  if (child == 0) {
    execv(self, arguments);
    _exit(1);
  }
  CHECK_EXITED(child, 0);
  return argument;
}
static void all_children(void) {
  forks(NULL), spawns(NULL);
  run_on_each(forks, NULL), run_on_each(spawns, NULL);
}

int main(int count, char** given) {
  (void)given;
  if (count > 1) {
    run_on_each(nothing, NULL);
    use_code();
    return 0;
  }
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  all_children();
  use_code();
  all_children();
  ok();
}
