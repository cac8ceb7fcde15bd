// SPDX-License-Identifier: Apache-2.0
// Processes that are killed while they wait on a shared semaphore take no post with them; killed or ended owners of robust
// mutexes, in a thread of theirs too, are noticed by who waits, soon; a killed one leaves no lock held that others need.
// calls: futex mmap fork kill set_robust_list
#include "../check.h"
#include <semaphore.h>

enum { kWaiters = 5, kRounds = 20 };
struct shared {
  sem_t wanted, got;
  pthread_mutex_t mutex;
  volatile int count;
};
static struct shared* s;

static void killed_waiters(void) {
  pid_t pids[kWaiters];
  s->count = 0;
  for (int i = 0; i < kWaiters; i++) {
    if ((pids[i] = fork()) != 0) continue;
    __atomic_fetch_add(&s->count, 1, __ATOMIC_SEQ_CST);
    CHECK(sem_wait(&s->wanted) == 0 && sem_post(&s->got) == 0);
    _exit(0);
  }
  EVENTUALLY(s->count == kWaiters);
  sleep_ms(30);
  for (int i = 0; i < kWaiters - 1; i++) {
    CHECK(kill(pids[i], SIGKILL) == 0);
    int status = status_of(pids[i]);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
  }
  CHECK(sem_post(&s->wanted) == 0 && sem_wait(&s->got) == 0);
  CHECK_EXITED(pids[kWaiters - 1], 0);
}

// Some are killed in the middle of posts and waits, and the rest goes on.
static void killed_anywhere(void) {
  for (int round = 0; round < kRounds; round++) {
    CHECK(sem_init(&s->wanted, 1, 0) == 0 && sem_init(&s->got, 1, 0) == 0);
    pid_t victims[2];
    for (int i = 0; i < 2; i++)
      if ((victims[i] = fork()) == 0)
        for (;;) i ? sem_wait(&s->wanted) : sem_post(&s->wanted);
    usleep(3000 + round * 300);
    for (int i = 0; i < 2; i++) CHECK(kill(victims[i], SIGKILL) == 0), status_of(victims[i]);
    CHECK(sem_init(&s->wanted, 1, 0) == 0);
    pid_t pid = fork();
    if (pid == 0) CHECK(sem_wait(&s->wanted) == 0), _exit(0);
    usleep(2000);
    CHECK(sem_post(&s->wanted) == 0);
    CHECK_EXITED(pid, 0);
  }
}

static void* owns(void* argument) {
  CHECK(pthread_mutex_lock(&s->mutex) == 0);
  s->count = 1;
  return argument;
}
static void owner(int way) {
  pid_t pid = fork();
  if (pid == 0) {
    if (way == 2) start(owns, NULL), sleep_ms(200), _exit(0); // by a thread that has ended
    owns(NULL);
    if (way == 0) sleep_ms(100), _exit(0);
    for (;;) pause();
  }
  EVENTUALLY(s->count == 1);
  pid_t killer = fork();
  if (killer == 0) sleep_ms(60), way == 1 ? kill(pid, SIGKILL) : 0, _exit(0);
  CHECK(pthread_mutex_lock(&s->mutex) == EOWNERDEAD);
  CHECK(pthread_mutex_consistent(&s->mutex) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
  s->count = 0;
  status_of(pid);
  CHECK_EXITED(killer, 0);
}

int main(void) {
  s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(s != MAP_FAILED && sem_init(&s->wanted, 1, 0) == 0 && sem_init(&s->got, 1, 0) == 0);
  pthread_mutexattr_t robust;
  CHECK(!pthread_mutexattr_init(&robust) && !pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED));
  CHECK(!pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) && !pthread_mutex_init(&s->mutex, &robust));
  killed_waiters();
  for (int way = 0; way < 3; way++) owner(way);
  killed_anywhere();
  ok();
}
