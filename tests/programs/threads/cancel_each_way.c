// SPDX-License-Identifier: Apache-2.0
// Threads cancel one another in all directions: main a thread, a thread a later one, a thread an earlier one, one
// thread main. Breaks between two nodes where SIGCANCEL comes from another resident's pid than the victim's.
// calls: tgkill
// threads: 13
#include "../check.h"

static pthread_t main_thread;
static int up;

static void* victim(void* argument) {
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  for (;;) pause();
  return argument;
}
static void* cancels(void* argument) {
  CHECK(pthread_cancel(*(pthread_t*)argument) == 0);
  CHECK(join(*(pthread_t*)argument) == PTHREAD_CANCELED);
  return NULL;
}
static void* cancels_main(void* argument) {
  CHECK(pthread_cancel(main_thread) == 0);
  void* result;
  CHECK(pthread_join(main_thread, &result) == 0 && result == PTHREAD_CANCELED);
  ok();
  exit(0);
  return argument;
}

int main(void) {
  main_thread = pthread_self();
  pthread_t victims[6];
  for (int i = 0; i < 6; i++) {
    victims[i] = start(victim, NULL);
    if (i == 2) join(start(nothing, NULL)); // the next ones on other nodes
  }
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 6);
  for (int i = 0; i < 5; i++) join(start(cancels, &victims[i]));
  cancels(&victims[5]);
  start(cancels_main, NULL);
  for (;;) pause();
}
