// SPDX-License-Identifier: Apache-2.0
// getpid, getppid, getpgrp, getsid and the real and effective ids are the same in all threads, by libc and by raw
// calls; gettid is unique. Breaks when a remote thread sees its resident's pid, or its resident's parent as its own.
// calls: getpid getppid gettid tkill tgkill getpgrp getpgid getsid getuid geteuid getgid getegid
// threads: 6
#include "../check.h"

static pid_t pid, ppid, group, session, ids[7];
static int up;

static void* body(void* argument) {
  CHECK(getpid() == pid && syscall(SYS_getpid) == pid && getppid() == ppid && syscall(SYS_getppid) == ppid);
  CHECK(getpgrp() == group && getpgid(0) == group && getpgid(pid) == group && getsid(0) == session);
  CHECK(getuid() == geteuid() && getgid() == getegid());
  pid_t own = gettid();
  CHECK(syscall(SYS_gettid) == own && own != pid && own > 0);
  ids[(intptr_t)argument] = own;
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) >= 6);
  for (int i = 0; i < 7; i++) CHECK(i == (intptr_t)argument || ids[i] != own);
  CHECK(syscall(SYS_tgkill, pid, own, 0) == 0 && syscall(SYS_tkill, own, 0) == 0);
  for (int i = 0; i < 7; i++) CHECK(syscall(SYS_tgkill, pid, ids[i], 0) == 0);
  CHECK(syscall(SYS_tgkill, ppid, own, 0) == -1 && errno == ESRCH);
  __atomic_fetch_add(&up, 10, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 66);
  return NULL;
}

int main(void) {
  pid = getpid(), ppid = getppid(), group = getpgrp(), session = getsid(0);
  ids[6] = gettid();
  CHECK(ids[6] == pid);
  run_together(6, body);
  CHECK(getpid() == pid && gettid() == pid && syscall(SYS_gettid) == pid);
  ok();
}
