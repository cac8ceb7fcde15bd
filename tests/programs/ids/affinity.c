// SPDX-License-Identifier: Apache-2.0
// sched_getaffinity is in all threads what it was before; each thread may set its own, reads it back and runs there;
// getcpu is in the set. Breaks when the node's pinning shows as the program's own affinity.
// calls: sched_getaffinity sched_setaffinity getcpu
// threads: 9
#include "../check.h"
#include <sys/sysinfo.h>

static cpu_set_t whole;
static int processors;

static void* body(void* argument) {
  cpu_set_t now, one;
  CPU_ZERO(&now);
  CHECK(sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, &whole));
  CHECK(pthread_getaffinity_np(pthread_self(), sizeof now, &now) == 0 && CPU_EQUAL(&now, &whole));
  CHECK(get_nprocs() == processors && sysconf(_SC_NPROCESSORS_ONLN) == processors);
  CHECK(sched_getcpu() >= 0 && CPU_ISSET(sched_getcpu(), &whole));
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET(cpu, &whole)) continue;
    unsigned raw = 9999;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
    CHECK(sched_getaffinity(gettid(), sizeof now, &now) == 0 && CPU_EQUAL(&now, &one));
    CHECK(sched_getcpu() == cpu && syscall(SYS_getcpu, &raw, NULL, NULL) == 0 && (int)raw == cpu);
  }
  CPU_ZERO(&one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == -1 && errno == EINVAL);
  return argument;
}
static void* inherits(void* argument) {
  cpu_set_t now;
  CHECK(sched_getaffinity(0, sizeof now, &now) == 0 && CPU_EQUAL(&now, (cpu_set_t*)argument));
  return NULL;
}
static void* narrows(void* argument) {
  cpu_set_t one;
  int cpu = 0;
  while (!CPU_ISSET(cpu, &whole)) cpu++;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  CHECK(sched_setaffinity(0, sizeof one, &one) == 0);
  run_on_each(inherits, &one);
  return argument;
}

// What the runner itself may use, as "0,1": main must have the same.
static void check_as_native(void) {
  int count = 0;
  for (char* at = getenv("SP_TEST_CPUS"); at != NULL && *at != '\0'; at += *at == ',')
    count++, CHECK(CPU_ISSET(strtol(at, &at, 10), &whole));
  CHECK(count == 0 || CPU_COUNT(&whole) == count);
}

int main(void) {
  CHECK(sched_getaffinity(0, sizeof whole, &whole) == 0);
  check_as_native();
  processors = get_nprocs();
  run_on_each(body, NULL);
  inherits(&whole);
  join(start(narrows, NULL));
  inherits(&whole);
  ok();
}
