// SPDX-License-Identifier: Apache-2.0
// As root, a thread changes the group ids of the process: all threads, on all nodes, see the new ones (as user:
// nothing to change). Breaks when credentials of the other residents stay what they were, since they are kept for each
// kernel task.
// calls: setresgid getresgid
// threads: 6
#include "../check.h"

static int up, phase;

static void* watches(void* argument) {
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&phase, __ATOMIC_SEQ_CST));
  gid_t real, effective, saved, wanted = getuid() == 0 ? 65534 : getgid();
  CHECK(getresgid(&real, &effective, &saved) == 0);
  CHECK(real == wanted && effective == wanted && saved == wanted);
  return argument;
}
static void* changes(void* argument) {
  gid_t wanted = getuid() == 0 ? 65534 : getgid();
  CHECK(setresgid(wanted, wanted, wanted) == 0);
  return argument;
}

int main(void) {
  pthread_t threads[4];
  for (int i = 0; i < 4; i++) threads[i] = start(watches, NULL);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 4);
  join(start(nothing, NULL));
  join(start(changes, NULL));
  __atomic_store_n(&phase, 1, __ATOMIC_SEQ_CST);
  for (int i = 0; i < 4; i++) join(threads[i]);
  watches(NULL);
  ok();
}
