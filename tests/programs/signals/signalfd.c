// SPDX-License-Identifier: Apache-2.0
// A signalfd made by one thread and read by others gets signals sent to the process and to the reading thread.
// Breaks when a signal is pending in a resident other than the reader's.
// calls: signalfd4 read kill tgkill
// threads: 4
#include "../check.h"
#include <poll.h>
#include <sys/signalfd.h>

static int fd;

static void* body(void* argument) {
  struct signalfd_siginfo info;
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  CHECK(kill(getpid(), SIGUSR1) == 0);
  CHECK(poll(&poller, 1, 5000) == 1);
  CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR1 && info.ssi_pid == (unsigned)getpid());
  CHECK(raise(SIGUSR2) == 0);
  CHECK(read(fd, &info, sizeof info) == sizeof info && info.ssi_signo == SIGUSR2 && info.ssi_code == SI_TKILL);
  CHECK(poll(&poller, 1, 0) == 0);
  return argument;
}

int main(void) {
  sigset_t set;
  sigemptyset(&set), sigaddset(&set, SIGUSR1), sigaddset(&set, SIGUSR2);
  CHECK(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
  fd = signalfd(-1, &set, SFD_CLOEXEC);
  CHECK(fd >= 0);
  body(NULL);
  run_on_each(body, NULL);
  body(NULL);
  ok();
}
