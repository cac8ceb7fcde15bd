// SPDX-License-Identifier: Apache-2.0
// Threads that wait for a while, in each way that has a duration, end in time although another thread forks much more
// often than that. Breaks when a wait that a fork interrupts begins again with the whole duration, or when the end of a child, which
// nobody handles, comes during another fork and ends a wait.
// calls: nanosleep clock_nanosleep poll ppoll select epoll_wait epoll_pwait rt_sigtimedwait semtimedop
// threads: 8
#define _GNU_SOURCE
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/select.h>
#include <sys/sem.h>

#include "../check.h"

enum { kWaitMs = 150, kLimitMs = 1500, kWays = 8, kChildren = 3 };
enum {
  kFirstWay = 5
}; // the first thread is the one that signals of the process are given to: its wait is ended by any
static int over, semaphores, epoll;

static void wait_in_way(long way) {
  struct timespec duration = {0, kWaitMs * 1000000}, rest = {0, 0};
  struct timeval soon = {0, kWaitMs * 1000};
  struct pollfd none = {epoll, POLLIN, 0};
  struct epoll_event event;
  struct sembuf take = {0, -1, 0};
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR2);
  switch (way) {
    case 0: CHECK(syscall(SYS_nanosleep, &duration, &rest) == 0); break;
    case 1: CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &duration, NULL) == 0); break;
    case 2: CHECK(poll(&none, 1, kWaitMs) == 0); break;
    case 3: CHECK(ppoll(&none, 1, &duration, NULL) == 0); break;
    case 4: CHECK(select(0, NULL, NULL, NULL, &soon) == 0); break;
    case 5: CHECK(epoll_wait(epoll, &event, 1, kWaitMs) == 0); break;
    case 6: CHECK(epoll_pwait(epoll, &event, 1, kWaitMs, &set) == 0); break;
    default:
      CHECK(sigtimedwait(&set, NULL, &duration) == -1 && errno == EAGAIN);
      CHECK(semtimedop(semaphores, &take, 1, &duration) == -1 && errno == EAGAIN);
  }
}

static void* waits(void* way) {
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  wait_in_way((long)way);
  clock_gettime(CLOCK_MONOTONIC, &end);
  long took_ms = (end.tv_sec - begin.tv_sec) * 1000 + (end.tv_nsec - begin.tv_nsec) / 1000000;
  if (took_ms < kWaitMs || took_ms >= kLimitMs) fprintf(stderr, "way %ld took %ld ms\n", (long)way, took_ms);
  CHECK(took_ms >= kWaitMs && took_ms < kLimitMs);
  __atomic_fetch_add(&over, 1, __ATOMIC_SEQ_CST);
  return way;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR2);
  CHECK(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
  CHECK((epoll = epoll_create1(0)) >= 0 && (semaphores = semget(IPC_PRIVATE, 1, 0600)) >= 0);
  pthread_t threads[kWays];
  for (long way = 0; way < kWays; way++) threads[way] = start(waits, (void*)((way + kFirstWay) % kWays));
  while (__atomic_load_n(&over, __ATOMIC_SEQ_CST) < kWays) {
    pid_t children[kChildren];
    for (int i = 0; i < kChildren; i++)
      if ((children[i] = fork()) == 0) _exit(3);
    for (int i = 0; i < kChildren; i++) CHECK_EXITED(children[i], 3);
    usleep(10000);
  }
  for (int i = 0; i < kWays; i++) join(threads[i]);
  CHECK(semctl(semaphores, 0, IPC_RMID) == 0);
  ok();
}
