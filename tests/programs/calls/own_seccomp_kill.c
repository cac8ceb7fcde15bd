// SPDX-License-Identifier: Apache-2.0
// A filter of the program that kills the process for one call: a thread makes that call and the process dies by SIGSYS.
// Breaks when the shim answers the call in the kernel's place, or the signal is taken for a dispatch.
// calls: prctl sethostname
// expect: signal SYS core
// threads: 2
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>

static void* calls(void* argument) {
  struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {4, filter};
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  syscall(SYS_sethostname, (char*)8, 1);
  printf("not reached\n");
  fflush(stdout);
  return argument;
}

int main(void) {
  join(start(nothing, NULL));
  join(start(calls, NULL));
  return 0;
}
