// SPDX-License-Identifier: Apache-2.0
// All threads see the same monotonic, real and boot clock, read one after another never backwards; thread clocks are
// each one's own. Breaks when the vdso or its data page is not mapped as natively on other nodes.
// calls: clock_gettime gettimeofday time clock_getres
// threads: 8
#include "../check.h"
#include <sys/time.h>

enum { kThreads = 4 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct timespec last[8];

static int before(struct timespec a, struct timespec b) {
  return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}
static void* body(void* argument) {
  static const clockid_t clocks[] = {CLOCK_MONOTONIC, CLOCK_MONOTONIC_RAW, CLOCK_BOOTTIME, CLOCK_PROCESS_CPUTIME_ID};
  struct timespec now, own = {0, 0};
  for (int i = 0; i < 3000; i++) {
    pthread_mutex_lock(&lock);
    for (int c = 0; c < (i % 10 ? 3 : 4); c++) {
      CHECK(clock_gettime(clocks[c], &now) == 0);
      CHECK(!before(now, last[c]));
      last[c] = now;
    }
    pthread_mutex_unlock(&lock);
    CHECK(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) == 0 && !before(now, own));
    own = now;
  }
  struct timeval day;
  CHECK(gettimeofday(&day, NULL) == 0 && labs(day.tv_sec - time(NULL)) <= 1);
  CHECK(clock_getres(CLOCK_MONOTONIC, &now) == 0 && now.tv_sec == 0 && now.tv_nsec > 0);
  return argument;
}

int main(void) {
  run_together(kThreads, body);
  run_on_each(body, NULL);
  ok();
}
