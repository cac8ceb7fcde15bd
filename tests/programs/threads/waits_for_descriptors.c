// SPDX-License-Identifier: Apache-2.0
// Threads that wait for a descriptor by each of the calls that can, while another one writes to it, and with a mask that
// lets a signal in.
// calls: poll, ppoll, select, pselect6, epoll_wait, epoll_pwait
// threads: 4
#include "../check.h"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

enum { THREADS = 4, WAYS = 8 };

static const struct timespec long_time = {20, 0};
static __thread volatile sig_atomic_t caught;
static void note(int signal) {
  (void)signal;
  caught = 1;
}

static int by_poll(int way, int descriptor, const sigset_t* mask) {
  struct pollfd polled = {descriptor, POLLIN, 0};
  const int found = way == 0 ? poll(&polled, 1, 20000) : ppoll(&polled, 1, &long_time, mask);
  CHECK(found < 1 || polled.revents == POLLIN);
  return found;
}

static int by_select(int way, int descriptor, const sigset_t* mask) {
  fd_set set;
  struct timeval limit = {20, 0};
  FD_ZERO(&set);
  FD_SET(descriptor, &set);
  const int found =
      way == 3 ? select(descriptor + 1, &set, 0, 0, &limit) : pselect(descriptor + 1, &set, 0, 0, &long_time, mask);
  CHECK(found < 1 || FD_ISSET(descriptor, &set));
  return found;
}

static int by_epoll(int way, int descriptor, const sigset_t* mask) {
  struct epoll_event event = {EPOLLIN, {0}};
  const int set = epoll_create1(0);
  CHECK(set >= 0 && epoll_ctl(set, EPOLL_CTL_ADD, descriptor, &event) == 0);
  const int found = way == 6 ? epoll_wait(set, &event, 1, 20000) : epoll_pwait(set, &event, 1, 20000, mask);
  CHECK(close(set) == 0);
  return found;
}

static int waits(int way, int descriptor, const sigset_t* mask) {
  if (way < 3) return by_poll(way, descriptor, way == 2 ? mask : 0);
  if (way < 6) return by_select(way, descriptor, way == 5 ? mask : 0);
  return by_epoll(way, descriptor, way == 7 ? mask : 0);
}

struct later {
  int descriptor;
  pthread_t thread;
};
static void* writes(void* argument) {
  usleep(2000);
  CHECK(write(((struct later*)argument)->descriptor, "x", 1) == 1);
  return 0;
}
static void* signals(void* argument) {
  usleep(2000);
  CHECK(pthread_kill(((struct later*)argument)->thread, SIGUSR1) == 0);
  return 0;
}

static void* one(void* argument) {
  (void)argument;
  int ends[2];
  pthread_t other;
  sigset_t none, usual;
  sigemptyset(&none);
  CHECK(pipe(ends) == 0);
  for (int way = 0; way < WAYS; ++way) {
    struct later later = {ends[1], pthread_self()};
    char byte;
    CHECK(pthread_create(&other, 0, writes, &later) == 0);
    CHECK(waits(way, ends[0], &none) == 1);
    CHECK(waits(way, ends[0], &none) == 1);
    CHECK(read(ends[0], &byte, 1) == 1 && pthread_join(other, 0) == 0);
    if (way != 2 && way != 5 && way != 7) continue;
    caught = 0;
    CHECK(pthread_create(&other, 0, signals, &later) == 0);
    CHECK(waits(way, ends[0], &none) == -1 && errno == EINTR && caught);
    CHECK(pthread_join(other, 0) == 0);
    CHECK(pthread_sigmask(SIG_SETMASK, 0, &usual) == 0 && sigismember(&usual, SIGUSR1));
  }
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
  return 0;
}

int main(void) {
  pthread_t threads[THREADS];
  struct sigaction action = {.sa_handler = note};
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  CHECK(sigaction(SIGUSR1, &action, 0) == 0 && pthread_sigmask(SIG_BLOCK, &blocked, 0) == 0);
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], 0, one, 0) == 0);
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], 0) == 0);
  puts("ok waits_for_descriptors");
  return 0;
}
