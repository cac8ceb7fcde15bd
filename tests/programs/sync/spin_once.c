// SPDX-License-Identifier: Apache-2.0
// Spin locks count right, pthread_once runs its function once, and every caller sees it done.
// Breaks when memory is not coherent between nodes, or once's futex wakes one node only.
// calls: futex sched_yield
// threads: 12
#include "../check.h"

static pthread_spinlock_t spin;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static long count;
static int runs;

static void initialise(void) {
  sleep_ms(20);
  runs++;
}
static void* calls_once(void* argument) {
  CHECK(pthread_once(&once, initialise) == 0 && runs == 1);
  return argument;
}
static void* counts(void* argument) {
  for (int i = 0; i < 3000; i++) {
    while (pthread_spin_trylock(&spin) != 0) sched_yield();
    count++;
    CHECK(pthread_spin_unlock(&spin) == 0);
  }
  return argument;
}

int main(void) {
  CHECK(pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) == 0);
  run_together(4, counts);
  CHECK(count == 12000);
  run_together(8, calls_once);
  CHECK(runs == 1);
  ok();
}
