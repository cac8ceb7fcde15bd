// SPDX-License-Identifier: Apache-2.0
// A POSIX message queue: messages between threads, timed receive, and notification by signal and by a new thread.
// Breaks when the notification is registered for one resident, or its helper thread cannot be made.
// calls: mq_open mq_timedsend mq_timedreceive mq_notify mq_getsetattr mq_unlink
// threads: 4
#include "../check.h"
#include <mqueue.h>

static mqd_t queue;
static volatile int signalled, called;

static void on_message(int number, siginfo_t* info, void* context) {
  (void)context;
  CHECK(number == SIGUSR1 && info->si_code == SI_MESGQ && info->si_value.sival_int == 7 && info->si_pid == getpid());
  signalled++;
}
static void on_call(union sigval value) {
  CHECK(value.sival_int == 8);
  __atomic_fetch_add(&called, 1, __ATOMIC_SEQ_CST);
}
static void* body(void* argument) {
  char text[64];
  unsigned priority;
  struct timespec past = {1, 0};
  CHECK(mq_timedreceive(queue, text, sizeof text, &priority, &past) == -1 && errno == ETIMEDOUT);
  struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7};
  struct sigevent by_thread = {
      .sigev_notify = SIGEV_THREAD, .sigev_notify_function = on_call, .sigev_value.sival_int = 8};
  int before = signalled, called_before = called;
  CHECK(mq_notify(queue, &by_signal) == 0 && mq_send(queue, "first", 6, 1) == 0);
  EVENTUALLY(signalled == before + 1);
  CHECK(mq_receive(queue, text, sizeof text, &priority) == 6 && strcmp(text, "first") == 0 && priority == 1);
  CHECK(mq_notify(queue, &by_thread) == 0 && mq_send(queue, "second", 7, 2) == 0);
  EVENTUALLY(__atomic_load_n(&called, __ATOMIC_SEQ_CST) == called_before + 1);
  CHECK(mq_receive(queue, text, sizeof text, NULL) == 7 && strcmp(text, "second") == 0);
  return argument;
}

int main(void) {
  char name[40];
  struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64};
  struct sigaction action = {.sa_sigaction = on_message, .sa_flags = SA_SIGINFO | SA_RESTART};
  sigaction(SIGUSR1, &action, NULL);
  snprintf(name, sizeof name, "/sp-program-%d", getpid());
  queue = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  if (queue == (mqd_t)-1 && errno == ENOSYS) { // a kernel without them
    ok();
    return 0;
  }
  CHECK(queue != (mqd_t)-1 && mq_unlink(name) == 0);
  body(NULL);
  run_on_each(body, NULL);
  CHECK(mq_close(queue) == 0);
  ok();
}
