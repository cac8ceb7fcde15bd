// SPDX-License-Identifier: Apache-2.0
// A POSIX message queue between processes, forked and executed: by name and by inherited descriptor, priorities, poll, a
// full queue, a wait that a signal ends or does not, a notification with what its sender is. Breaks when the nodes'
// queues are not the same ones, or their descriptors not descriptors.
// calls: mq_open mq_timedsend mq_timedreceive mq_notify mq_getsetattr mq_unlink poll
#include "../check.h"
#include <mqueue.h>
#include <poll.h>

enum { kRounds = 30, kBytes = 64, kDepth = 4 };
static char name[40];
static mqd_t asked, answered;

static mqd_t make(const char* suffix) {
  char full[60];
  struct mq_attr attributes = {.mq_maxmsg = kDepth, .mq_msgsize = kBytes};
  snprintf(full, sizeof full, "%s%s", name, suffix);
  mqd_t queue = mq_open(full, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
  CHECK(queue != (mqd_t)-1);
  CHECK(mq_open(full, O_RDWR | O_CREAT | O_EXCL, 0600, &attributes) == (mqd_t)-1 && errno == EEXIST);
  return queue;
}

static void peer(void) {
  char text[kBytes];
  unsigned priority;
  for (int i = 0; i < kRounds; i++) {
    CHECK(mq_receive(asked, text, sizeof text, &priority) == i && priority == (unsigned)i);
    CHECK(mq_send(answered, text, (size_t)i, priority + 1) == 0);
  }
  _exit(7);
}
static void executed_peer(void) {
  char full[60];
  snprintf(full, sizeof full, "%s-asked", name), asked = mq_open(full, O_RDONLY);
  snprintf(full, sizeof full, "%s-answered", name), answered = mq_open(full, O_WRONLY);
  CHECK(asked != (mqd_t)-1 && answered != (mqd_t)-1 && (fcntl((int)asked, F_GETFD) & FD_CLOEXEC));
  peer();
}

static void asks(int executes) {
  char text[kBytes] = "", path[400] = "";
  unsigned priority;
  CHECK(readlink("/proc/self/exe", path, sizeof path - 1) > 0);
  pid_t child = fork();
  if (child == 0 && executes) execl(path, path, name, NULL);
  if (child == 0) peer();
  for (int i = 0; i < kRounds; i++) {
    struct pollfd waits = {(int)answered, POLLIN, 0};
    CHECK(mq_send(asked, text, (size_t)i, (unsigned)i) == 0);
    CHECK(poll(&waits, 1, 20000) == 1 && waits.revents == POLLIN);
    CHECK(mq_receive(answered, text, sizeof text, &priority) == i && priority == (unsigned)i + 1);
  }
  CHECK_EXITED(child, 7);
}

static void is_full(void) {
  struct mq_attr about;
  struct timespec past = {1, 0};
  struct pollfd waits = {(int)asked, POLLOUT, 0};
  char text[kBytes];
  for (int i = 0; i < kDepth; i++) CHECK(mq_send(asked, "x", 1, 0) == 0);
  CHECK(mq_getattr(asked, &about) == 0 && about.mq_curmsgs == kDepth && about.mq_msgsize == kBytes);
  CHECK(mq_timedsend(asked, "x", 1, 0, &past) == -1 && errno == ETIMEDOUT && poll(&waits, 1, 0) == 0);
  about.mq_flags = O_NONBLOCK;
  CHECK(mq_setattr(asked, &about, NULL) == 0 && mq_send(asked, "x", 1, 0) == -1 && errno == EAGAIN);
  about.mq_flags = 0;
  CHECK(mq_setattr(asked, &about, &about) == 0 && about.mq_flags == O_NONBLOCK);
  CHECK(mq_receive(asked, text, 1, NULL) == -1 && errno == EMSGSIZE);
  for (int i = 0; i < kDepth; i++) CHECK(mq_receive(asked, text, sizeof text, NULL) == 1);
}

static volatile int caught, told_by, told_value;
static void on_signal(int number, siginfo_t* info, void* context) {
  (void)context;
  if (info->si_code == SI_MESGQ) told_by = info->si_pid, told_value = info->si_value.sival_int;
  caught = number;
}
static void catch_with(int flags) {
  struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO | flags};
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

// It may not have begun to wait when it is first told.
static void wait_meets_signals(void) {
  char text[kBytes];
  int status = 0;
  catch_with(0);
  pid_t child = fork(), ended = 0;
  if (child == 0) _exit(mq_receive(asked, text, sizeof text, NULL) == -1 && errno == EINTR && caught ? 5 : 1);
  for (int i = 0; i < 500 && ended == 0; i++) {
    sleep_ms(20);
    CHECK(kill(child, SIGUSR1) == 0);
    ended = waitpid(child, &status, WNOHANG);
  }
  CHECK(ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 5);
  catch_with(SA_RESTART);
  child = fork();
  if (child == 0) _exit(mq_receive(asked, text, sizeof text, NULL) == 3 && caught ? 6 : 1);
  for (int i = 0; i < 4; i++) sleep_ms(20), CHECK(kill(child, SIGUSR1) == 0);
  CHECK(mq_send(asked, "abc", 3, 0) == 0);
  CHECK_EXITED(child, 6);
}

static void is_told(void) {
  char text[kBytes];
  int ready[2];
  struct sigevent by_signal = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 77};
  struct sigevent by_nothing = {.sigev_notify = SIGEV_NONE};
  CHECK(pipe(ready) == 0);
  pid_t parent = getpid(), child = fork();
  if (child == 0) {
    CHECK(mq_notify(asked, &by_signal) == 0 && write(ready[1], "r", 1) == 1);
    EVENTUALLY(caught == SIGUSR1);
    CHECK(mq_receive(asked, text, sizeof text, NULL) == 2);
    _exit(told_by == parent && told_value == 77 ? 8 : 1);
  }
  CHECK(read(ready[0], text, 1) == 1);
  CHECK(mq_notify(asked, &by_nothing) == -1 && errno == EBUSY);
  CHECK(mq_send(asked, "ab", 2, 0) == 0);
  CHECK_EXITED(child, 8);
  CHECK(mq_notify(asked, &by_nothing) == 0 && mq_notify(asked, NULL) == 0);
}

int main(int argc, char** argv) {
  if (argc > 1) strcpy(name, argv[1]), executed_peer();
  char full[60];
  snprintf(name, sizeof name, "/sp-queues-%d", getpid());
  asked = make("-asked"), answered = make("-answered");
  asks(0), asks(1), asks(1);
  is_full();
  wait_meets_signals();
  is_told();
  snprintf(full, sizeof full, "%s-asked", name), CHECK(mq_unlink(full) == 0);
  snprintf(full, sizeof full, "%s-answered", name), CHECK(mq_unlink(full) == 0);
  CHECK(mq_unlink(full) == -1 && errno == ENOENT && mq_close(asked) == 0 && mq_close(answered) == 0);
  ok();
}
