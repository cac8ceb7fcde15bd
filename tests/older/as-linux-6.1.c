// SPDX-License-Identifier: Apache-2.0
// as-linux-6.1 PROGRAM ARGUMENT...: runs it as on the oldest Linux that superproc is for. What the kernel has had since
// then is answered as 6.1 would: ENOSYS to newer system calls, ENOTTY to newer questions about memory. By a filter that
// everything inherits that the program starts.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kFirstNewer = 451, kPagemapScan = (int)0xc0606610, kProcmapQuery = (int)0xc0686611 };

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(error) BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error))

int main(int argc, char** argv) {
  struct sock_filter rules[] = {
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kFirstNewer, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 5),
      LOAD(args[1]),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPagemapScan, 2, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kProcmapQuery, 1, 2),
      ANSWER(ENOSYS),
      ANSWER(ENOTTY),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog filter = {sizeof rules / sizeof *rules, rules};
  if (argc < 2) return fprintf(stderr, "usage: as-linux-6.1 PROGRAM ARGUMENT...\n"), 2;
  if (geteuid() != 0) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) return perror("as-linux-6.1: seccomp"), 2;
  execvp(argv[1], argv + 1);
  return fprintf(stderr, "as-linux-6.1: %s: %s\n", argv[1], strerror(errno)), 127;
}
