// SPDX-License-Identifier: Apache-2.0
// Signals and waits on semaphores that processes share: EINTR and SA_RESTART, time limits, handlers that jump out or post
// themselves, cancellation; what is posted afterwards reaches who still waits.
// calls: futex mmap fork rt_sigaction kill tgkill
#include "../check.h"
#include <semaphore.h>
#include <setjmp.h>

struct shared {
  sem_t wanted, other;
  volatile int step;
};
static struct shared* s;
static volatile int handled;
static sigjmp_buf out;

static void count(int signal) { (void)signal, handled++; }
static void post(int signal) { (void)signal, handled++, sem_post(&s->other); }
static void jump(int signal) { (void)signal, handled++, siglongjmp(out, 1); }

static void handle(void (*handler)(int), int flags) {
  struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
  handled = 0;
}
// In the child: waits for the parent to send signals while it sleeps.
static void begin(int step) { s->step = step; }

static void child(void) {
  handle(count, 0), begin(1);
  CHECK(sem_wait(&s->wanted) == -1 && errno == EINTR && handled == 1);
  handle(count, SA_RESTART), begin(2);
  CHECK(sem_wait(&s->wanted) == 0 && handled == 1);
  handle(count, SA_RESTART), begin(3);
  struct timespec limit;
  clock_gettime(CLOCK_REALTIME, &limit), limit.tv_sec += 30;
  CHECK(sem_timedwait(&s->wanted, &limit) == -1 && errno == EINTR && handled == 1);
  handle(post, SA_RESTART), begin(4);
  CHECK(sem_wait(&s->wanted) == 0 && handled == 1);
  handle(jump, 0), begin(5);
  if (sigsetjmp(out, 1) == 0) sem_wait(&s->wanted), CHECK(0);
  CHECK(handled == 1);
  begin(6);
  CHECK(sem_wait(&s->wanted) == 0);
  begin(7);
  _exit(0);
}

static void* waits(void* argument) {
  s->step++;
  CHECK(sem_wait(&s->wanted) == 0);
  return argument;
}
static void cancels(void) {
  s->step = 0;
  pthread_t first = start(waits, NULL), second = start(waits, NULL);
  EVENTUALLY(s->step == 2);
  sleep_ms(60);
  CHECK(pthread_cancel(first) == 0 && join(first) == PTHREAD_CANCELED);
  CHECK(sem_post(&s->wanted) == 0);
  join(second);
  int left = -1;
  CHECK(sem_getvalue(&s->wanted, &left) == 0 && left == 0);
}

int main(void) {
  s = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(s != MAP_FAILED && sem_init(&s->wanted, 1, 0) == 0 && sem_init(&s->other, 1, 0) == 0);
  pid_t pid = fork();
  if (pid == 0) child();
  for (int step = 1; step <= 6; step++) {
    EVENTUALLY(s->step == step);
    sleep_ms(60);
    if (step != 6) CHECK(kill(pid, SIGUSR1) == 0);
    if (step == 4) CHECK(sem_wait(&s->other) == 0);
    if (step != 1 && step != 3 && step != 5) sleep_ms(20), CHECK(sem_post(&s->wanted) == 0);
  }
  CHECK_EXITED(pid, 0);
  if ((pid = fork()) == 0) cancels(), _exit(0);
  CHECK_EXITED(pid, 0);
  cancels();
  ok();
}
