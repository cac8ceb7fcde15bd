// SPDX-License-Identifier: Apache-2.0
// Affinity, scheduling policy and nice value of other threads, by pthread functions and by tid, set and read from
// every thread. Breaks when a tid of another resident is not found, or the answer is the node's pinning.
// calls: sched_setaffinity sched_getaffinity sched_setscheduler sched_getscheduler setpriority
// threads: 6
#include "../check.h"
#include <sys/resource.h>

static pthread_t threads[2];
static pid_t ids[2];
static int up, leave;

static void* waits(void* argument) {
  ids[(intptr_t)argument] = gettid();
  __atomic_fetch_add(&up, 1, __ATOMIC_SEQ_CST);
  EVENTUALLY(__atomic_load_n(&leave, __ATOMIC_SEQ_CST));
  return NULL;
}
static void* body(void* argument) {
  cpu_set_t whole, one, now;
  struct sched_param parameter = {0};
  int policy, cpu = 0;
  CHECK(sched_getaffinity(0, sizeof whole, &whole) == 0);
  while (!CPU_ISSET(cpu, &whole)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  for (int i = 0; i < 2; i++) {
    CHECK(pthread_setaffinity_np(threads[i], sizeof one, &one) == 0);
    CHECK(sched_getaffinity(ids[i], sizeof now, &now) == 0 && CPU_EQUAL(&now, &one));
    CHECK(sched_setaffinity(ids[i], sizeof whole, &whole) == 0);
    CHECK(pthread_getaffinity_np(threads[i], sizeof now, &now) == 0 && CPU_EQUAL(&now, &whole));
    CHECK(pthread_setschedparam(threads[i], SCHED_BATCH, &parameter) == 0 && sched_getscheduler(ids[i]) == SCHED_BATCH);
    CHECK(pthread_getschedparam(threads[i], &policy, &parameter) == 0 && policy == SCHED_BATCH);
    CHECK(sched_setscheduler(ids[i], SCHED_OTHER, &parameter) == 0);
    CHECK(setpriority(PRIO_PROCESS, ids[i], 1) == 0 && getpriority(PRIO_PROCESS, ids[i]) == 1);
  }
  CHECK(sched_getscheduler(0) == SCHED_OTHER && getpriority(PRIO_PROCESS, 0) == 0);
  CHECK(sched_get_priority_max(SCHED_FIFO) == 99);
  return argument;
}

int main(void) {
  threads[0] = start(waits, (void*)0), threads[1] = start(waits, (void*)1);
  EVENTUALLY(__atomic_load_n(&up, __ATOMIC_SEQ_CST) == 2);
  body(NULL);
  run_on_each(body, NULL);
  leave = 1;
  join(threads[0]), join(threads[1]);
  ok();
}
