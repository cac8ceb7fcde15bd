// SPDX-License-Identifier: Apache-2.0
// calls: rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigsuspend timer_create setitimer getitimer clone3 execve execveat
// calls: ppoll pselect6
// Pointers to nowhere are EFAULT, not a fault, whoever looks at what they point to.
#include "../check.h"
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>

static void* const kNowhere[] = {(void*)8, (void*)0xdead000000000000, (void*)-8};

#define IS_EFAULT(...) CHECK(syscall(__VA_ARGS__) == -1 && errno == EFAULT)

static void* try_all(void* argument) {
  char* const nothing[] = {NULL};
  char* const name = "true";
  for (int i = 0; i < 3; i++) {
    void* bad = kNowhere[i];
    char* list[] = {name, bad, NULL};
    uint64_t set = 1;
    IS_EFAULT(SYS_rt_sigprocmask, SIG_BLOCK, bad, NULL, 8);
    IS_EFAULT(SYS_rt_sigprocmask, SIG_BLOCK, NULL, bad, 8);
    IS_EFAULT(SYS_rt_sigpending, bad, 8);
    IS_EFAULT(SYS_rt_sigtimedwait, bad, NULL, NULL, 8);
    IS_EFAULT(SYS_rt_sigtimedwait, &set, NULL, bad, 8);
    IS_EFAULT(SYS_rt_sigsuspend, bad, 8);
    IS_EFAULT(SYS_ppoll, NULL, 0, NULL, bad, 8);
    IS_EFAULT(SYS_pselect6, 0, NULL, NULL, NULL, NULL, bad);
    IS_EFAULT(SYS_timer_create, CLOCK_MONOTONIC, bad, &set);
    IS_EFAULT(SYS_timer_create, CLOCK_PROCESS_CPUTIME_ID, NULL, bad);
    IS_EFAULT(SYS_setitimer, ITIMER_PROF, bad, NULL);
    IS_EFAULT(SYS_getitimer, ITIMER_PROF, bad);
    IS_EFAULT(SYS_clone3, bad, 64);
    IS_EFAULT(SYS_execve, bad, nothing, nothing);
    IS_EFAULT(SYS_execve, "/bin/true", bad, nothing);
    IS_EFAULT(SYS_execve, "/bin/true", nothing, bad);
    IS_EFAULT(SYS_execve, "/bin/true", list, nothing);
    IS_EFAULT(SYS_execveat, AT_FDCWD, "/bin/true", nothing, list, 0);
    const long neither = syscall(SYS_execve, "/no/such/file", bad, nothing); // older kernels look at the words first
    CHECK(neither == -1 && (errno == ENOENT || errno == EFAULT));
  }
  return argument;
}

int main(void) {
  try_all(NULL);
  for (int i = 0; i < 4; i++) join(start(try_all, NULL));
  ok();
}
