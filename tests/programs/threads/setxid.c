// SPDX-License-Identifier: Apache-2.0
// setgid, setresuid and setgroups to the present ids while many threads run: every thread takes part, all return.
// Breaks where the SIGSETXID handler checks si_pid against its process, and hangs when one resident is forgotten.
// calls: setgid setuid setresuid setresgid getresuid tgkill
// threads: 12
#include "../check.h"

static int up, leave;

static void* waits(void* argument) {
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  while (!__atomic_load_n(&leave, __ATOMIC_SEQ_CST)) usleep(500);
  return argument;
}
static void* sets(void* argument) {
  uid_t real, effective, saved;
  CHECK(setgid(getgid()) == 0);
  CHECK(getresuid(&real, &effective, &saved) == 0);
  CHECK(setresuid(real, effective, saved) == 0);
  CHECK(setresgid(-1, getegid(), -1) == 0);
  CHECK(setuid(getuid()) == 0 && seteuid(geteuid()) == 0);
  return argument;
}

int main(void) {
  pthread_t threads[8];
  sets(NULL);
  for (int i = 0; i < 8; i++) threads[i] = start(waits, NULL);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 8);
  sets(NULL);
  run_on_each(sets, NULL);
  __atomic_store_n(&leave, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 8; i++) join(threads[i]);
  ok();
}
