// SPDX-License-Identifier: Apache-2.0
// A thread of a threaded child executes the shell: the parent sees the status of the shell, under the same pid;
// descriptors with CLOEXEC are closed, others stay, ignored signals and the mask are kept. Breaks when a new process
// does the exec.
// calls: execve fork fcntl wait4
// threads: 8
#include "../check.h"

static char script[100];
static void* sleeps(void* argument) {
  for (;;) pause();
  return argument;
}
static void* executes(void* argument) {
  execl("/bin/sh", "sh", "-c", script, NULL);
  CHECK(!"exec failed");
  return argument;
}
static void* body(void* argument) {
  int kept = open("/dev/null", O_RDONLY), closed = open("/dev/null", O_RDONLY | O_CLOEXEC), ends[2];
  CHECK(pipe2(ends, O_CLOEXEC) == 0);
  pid_t child = fork();
  if (child == 0) {
    snprintf(script, sizeof script,
             "test -e /proc/self/fd/%d && ! test -e /proc/self/fd/%d && exec sh -c 'test $$ = %d && exit 11'", kept,
             closed, getpid());
    signal(SIGUSR1, SIG_IGN);
    start(sleeps, NULL);
    argument ? executes(NULL) : (void)start(executes, NULL);
    for (;;) pause();
  }
  close(ends[1]);
  char byte;
  CHECK(read(ends[0], &byte, 1) == 0); // closed by exec, by nobody kept
  CHECK_EXITED(child, 11);
  close(kept), close(closed), close(ends[0]);
  return NULL;
}

int main(void) {
  body(NULL), body((void*)1);
  run_on_each(body, NULL);
  run_on_each(body, (void*)1);
  ok();
}
