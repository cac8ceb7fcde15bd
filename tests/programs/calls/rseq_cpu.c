// SPDX-License-Identifier: Apache-2.0
// The restartable-sequence area that libc registers is filled by the kernel in each thread: its processor is one of
// the process's. Breaks when a thread is cloned without its own area, or it is another resident's page.
// calls: rseq sched_getaffinity
// threads: 12
#include "../check.h"
#include <sys/rseq.h>

static void* body(void* argument) {
  cpu_set_t set;
  CHECK(sched_getaffinity(0, sizeof set, &set) == 0);
  struct rseq* area = (struct rseq*)((char*)__builtin_thread_pointer() + __rseq_offset);
  if (__rseq_size == 0) return argument; // switched off by a tunable
  for (int i = 0; i < 100; i++) {
    int cpu = (int)*(volatile uint32_t*)&area->cpu_id;
    CHECK(cpu >= 0 && CPU_ISSET(cpu, &set));
    sched_yield();
  }
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  run_together(8, body);
  ok();
}
