// SPDX-License-Identifier: Apache-2.0
// A timerfd made in one thread is armed in a second and read in a third, alone and through epoll.
// Breaks when descriptors are not one table over the nodes.
// calls: timerfd_create timerfd_settime timerfd_gettime read epoll_wait
// threads: 13
#include "../check.h"
#include <sys/epoll.h>
#include <sys/timerfd.h>

static int fd, epoll;

static void* makes(void* argument) {
  fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  CHECK(fd >= 0);
  return argument;
}
static void* arms(void* argument) {
  struct itimerspec each = {{0, 1000000}, {0, 1000000}};
  CHECK(timerfd_settime(fd, 0, &each, NULL) == 0);
  return argument;
}
static void* reads(void* argument) {
  uint64_t count = 0;
  struct epoll_event event = {.events = EPOLLIN};
  CHECK(read(fd, &count, 8) == 8 && count >= 1);
  CHECK((epoll = epoll_create1(0)) >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
  CHECK(epoll_wait(epoll, &event, 1, 5000) == 1 && event.events == EPOLLIN);
  CHECK(close(epoll) == 0 && close(fd) == 0);
  return argument;
}

int main(void) {
  for (int i = 0; i < 4; i++) {
    join(start(makes, NULL));
    join(start(arms, NULL));
    join(start(reads, NULL));
    if (i == 2) join(start(nothing, NULL));
  }
  ok();
}
