// SPDX-License-Identifier: Apache-2.0
// A filter of the program with RET_TRAP and RET_ERRNO: its own SIGSYS handler gets the call's number and answers it,
// in each thread. Breaks since superproc's handler comes first and must pass on what is not its own dispatch (si_code
// SYS_SECCOMP).
// calls: prctl rt_sigaction sethostname setdomainname
// threads: 4
#include "../check.h"
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <ucontext.h>

static volatile int trapped;
static void on_sigsys(int number, siginfo_t* info, void* context) {
  CHECK(number == SIGSYS && info->si_code == 1 /* SYS_SECCOMP */ && info->si_syscall == SYS_sethostname);
  trapped++;
  ((ucontext_t*)context)->uc_mcontext.gregs[REG_RAX] = -ENOTEMPTY;
}
static void* calls(void* argument) {
  int before = trapped;
  errno = 0;
  CHECK(syscall(SYS_sethostname, (char*)8, 1) == -1 && errno == ENOTEMPTY && trapped == before + 1);
  CHECK(syscall(SYS_setdomainname, (char*)8, 1) == -1 && errno == EXDEV);
  CHECK(getppid() > 0 && close(-1) == -1 && errno == EBADF);
  return argument;
}

int main(void) {
  struct sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sethostname, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
                                 BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setdomainname, 0, 1),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EXDEV),
                                 BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  struct sock_fprog program = {6, filter};
  struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};
  CHECK(sigaction(SIGSYS, &action, NULL) == 0);
  CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
  calls(NULL);
  run_on_each(calls, NULL);
  CHECK(trapped == 5);
  ok();
}
