// SPDX-License-Identifier: Apache-2.0
// epoll, eventfd, pipes, socket pairs and a loopback connection between threads: one waits, another makes it ready.
// Breaks when readiness is asked in one table and given in another.
// calls: epoll_create1 epoll_ctl epoll_wait eventfd2 socketpair socket bind listen accept4 connect sendmsg recvmsg poll
// threads: 13
#include "../check.h"
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

static int epoll, event, pair[2], listener;
static struct sockaddr_in address;

static void* makes_ready(void* argument) {
  uint64_t one = 1;
  sleep_ms(2);
  CHECK(write(event, &one, 8) == 8);
  CHECK(send(pair[1], "message", 7, 0) == 7);
  int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(connect(client, (struct sockaddr*)&address, sizeof address) == 0 && send(client, "tcp", 3, 0) == 3);
  char reply[6];
  CHECK(recv(client, reply, 6, MSG_WAITALL) == 6 && memcmp(reply, "answer", 6) == 0);
  close(client);
  return argument;
}
static void* waits(void* argument) {
  int seen = 0;
  while (seen != 7) {
    struct epoll_event events[4];
    int count = epoll_wait(epoll, events, 4, 10000);
    CHECK(count > 0);
    for (int i = 0; i < count; i++) {
      char bytes[10];
      uint64_t value;
      int fd = events[i].data.fd;
      if (fd == event) CHECK(read(event, &value, 8) == 8 && value == 1 && (seen |= 1));
      if (fd == pair[0]) CHECK(recv(fd, bytes, 10, 0) == 7 && memcmp(bytes, "message", 7) == 0 && (seen |= 2));
      if (fd == listener) {
        int server = accept(listener, NULL, NULL);
        CHECK(server >= 0 && recv(server, bytes, 3, MSG_WAITALL) == 3 && memcmp(bytes, "tcp", 3) == 0);
        CHECK(send(server, "answer", 6, 0) == 6 && close(server) == 0 && (seen |= 4));
      }
    }
  }
  return argument;
}
static void add(int fd) {
  struct epoll_event what = {.events = EPOLLIN, .data.fd = fd};
  CHECK(fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &what) == 0);
}

int main(void) {
  socklen_t length = sizeof address;
  address.sin_family = AF_INET, address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0);
  listener = socket(AF_INET, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 5) == 0);
  CHECK(getsockname(listener, (struct sockaddr*)&address, &length) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0);
  add(event = eventfd(0, EFD_CLOEXEC)), add(pair[0]), add(listener);
  for (int i = 0; i < 6; i++) {
    pthread_t waiter = start(waits, NULL), maker = start(makes_ready, NULL);
    join(waiter), join(maker);
    if (i == 2) join(start(nothing, NULL));
  }
  ok();
}
