// SPDX-License-Identifier: Apache-2.0
// Robust process-shared mutexes in memory that forked processes share: the next one learns that the owner was killed or
// ended, whoever waits is woken, and the mutex goes on when it has been made consistent. Breaks when a lock's words are
// not found where the owner's kernel looks for them, or carry another number.
// calls: mmap fork futex set_robust_list kill
#include "../check.h"

enum { kOwners = 6 };
struct shared {
  pthread_mutex_t mutex;
  volatile int is_held, recovered;
};

static void own(struct shared* s, int ends) {
  usleep(100);
  int error = pthread_mutex_lock(&s->mutex);
  CHECK(error == 0 || error == EOWNERDEAD);
  if (error) CHECK(pthread_mutex_consistent(&s->mutex) == 0), s->recovered++;
  s->is_held = 1;
  usleep(ends ? 3000 : 0);
  if (ends) _exit(3);
  for (;;) pause();
}

static void waits(struct shared* s) {
  usleep(100);
  int error = pthread_mutex_lock(&s->mutex);
  CHECK(error == EOWNERDEAD && pthread_mutex_consistent(&s->mutex) == 0);
  s->recovered++;
  CHECK(pthread_mutex_unlock(&s->mutex) == 0);
  _exit(5);
}

int main(void) {
  struct shared* s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pthread_mutexattr_t robust;
  CHECK(s != MAP_FAILED && !pthread_mutexattr_init(&robust));
  CHECK(!pthread_mutexattr_setpshared(&robust, PTHREAD_PROCESS_SHARED));
  CHECK(!pthread_mutexattr_setrobust(&robust, PTHREAD_MUTEX_ROBUST) && !pthread_mutex_init(&s->mutex, &robust));
  for (int i = 0; i < kOwners; i++) {
    s->is_held = s->recovered = 0;
    pid_t owner = fork();
    if (owner == 0) own(s, i % 2);
    EVENTUALLY(s->is_held);
    pid_t waiter = fork();
    if (waiter == 0) waits(s);
    usleep(2000);
    if (i % 2 == 0) CHECK(kill(owner, SIGKILL) == 0);
    int status = status_of(owner);
    CHECK(i % 2 ? WEXITSTATUS(status) == 3 : WTERMSIG(status) == SIGKILL);
    CHECK_EXITED(waiter, 5);
    CHECK(s->recovered == 1 && pthread_mutex_lock(&s->mutex) == 0 && pthread_mutex_unlock(&s->mutex) == 0);
  }
  ok();
}
