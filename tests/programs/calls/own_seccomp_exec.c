// SPDX-License-Identifier: Apache-2.0
// A filter of the program outlives exec: the new image, its threads and children still get the filter's errno, and run.
// Breaks when superproc starts again in the new image and its own first calls meet the filter, or it loses the filter.
// calls: prctl execve setdomainname
// threads: 4
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static void* refused(void* argument) {
  CHECK(syscall(SYS_setdomainname, (char*)8, 1) == -1 && errno == EXDEV);
  return argument;
}
static void* executes(void* argument) {
  struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setdomainname, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  refused(NULL);
  execl(argument, argument, "again", NULL);
  CHECK(!"exec failed");
  return NULL;
}

int main(int argc, char** argv) {
  if (argc == 1) join(start(executes, argv[0]));
  refused(NULL);
  run_on_each(refused, NULL);
  CHECK(WEXITSTATUS(system("exit 4")) == 4);
  pid_t child = fork();
  if (child == 0) refused(NULL), run_on_each(refused, NULL), _exit(0);
  CHECK_EXITED(child, 0);
  ok();
}
