// SPDX-License-Identifier: Apache-2.0
// without_dispatch PROGRAM ARGUMENTS: runs a program on a kernel that answers prctl(PR_SET_SYSCALL_USER_DISPATCH) as one
// that has never heard of it.
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <unistd.h>

enum { kSetSyscallUserDispatch = 59 };

int main(int argc, char** argv) {
  scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
  if (argc < 2 || filter == NULL ||
      seccomp_rule_add(filter, SCMP_ACT_ERRNO(EINVAL), SCMP_SYS(prctl), 1,
                       SCMP_A0(SCMP_CMP_EQ, kSetSyscallUserDispatch)) != 0 ||
      seccomp_load(filter) != 0) {
    fputs("without_dispatch: the filter cannot be loaded\n", stderr);
    return 1;
  }
  execvp(argv[1], argv + 1);
  perror(argv[1]);
  return 1;
}
