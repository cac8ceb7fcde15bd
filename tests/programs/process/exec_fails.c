// SPDX-License-Identifier: Apache-2.0
// exec that fails (ENOENT, EACCES, ENOEXEC, E2BIG, EFAULT) in main and in threads leaves all threads running and
// memory shared. Breaks when residents are ended before the kernel has said yes.
// calls: execve
// threads: 7
#include "../check.h"

static int ticks[2], stop;

static void* runs(void* argument) {
  while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
    __atomic_fetch_add(&ticks[(intptr_t)argument], 1, __ATOMIC_SEQ_CST), usleep(200);
  return NULL;
}
static void* fails(void* argument) {
  char name[] = "/tmp/sp-program-XXXXXX";
  int fd = mkstemp(name), before[2] = {ticks[0], ticks[1]};
  char* list[] = {"none", NULL};
  static char* many[3] = {"none"};
  CHECK(write(fd, "garbage", 7) == 7 && fchmod(fd, 0700) == 0 && close(fd) == 0);
  CHECK(execv("/no/such/program", list) == -1 && errno == ENOENT);
  CHECK(execv("/etc/passwd", list) == -1 && errno == EACCES);
  CHECK(execv(name, list) == -1 && errno == ENOEXEC);
  CHECK(execv("/etc/passwd/x", list) == -1 && errno == ENOTDIR);
  many[1] = malloc(300000);
  memset(many[1], 'x', 299999), many[1][299999] = 0;
  CHECK(execv("/bin/true", many) == -1 && errno == E2BIG);
  free(many[1]);
  CHECK(syscall(SYS_execve, (char*)8, list, list) == -1 && errno == EFAULT);
  CHECK(unlink(name) == 0);
  EVENTUALLY(__atomic_load_n(&ticks[0], __ATOMIC_SEQ_CST) > before[0] &&
             __atomic_load_n(&ticks[1], __ATOMIC_SEQ_CST) > before[1]);
  return argument;
}

int main(void) {
  pthread_t threads[2] = {start(runs, (void*)0), start(runs, (void*)1)};
  fails(NULL);
  run_on_each(fails, NULL);
  join(start(nothing, NULL));
  fails(NULL);
  stop = 1;
  join(threads[0]), join(threads[1]);
  ok();
}
