// SPDX-License-Identifier: Apache-2.0
// SO_PEERCRED, SCM_CREDENTIALS, F_GETOWN, pidfd and SIGIO name this process's pid whichever thread asks or sends.
// Breaks since the kernel puts the resident's pid into them.
// calls: getsockopt setsockopt sendmsg recvmsg fcntl pidfd_open pidfd_send_signal
// threads: 4
#include "../check.h"
#include <poll.h>
#include <sys/socket.h>

static void* body(void* argument) {
  int pair[2], on = 1;
  struct ucred credentials;
  socklen_t length = sizeof credentials;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 && credentials.pid == getpid());
  CHECK(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 && send(pair[1], "x", 1, 0) == 1);
  char byte, control[CMSG_SPACE(sizeof credentials)];
  struct iovec part = {&byte, 1};
  struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  CHECK(recvmsg(pair[0], &message, 0) == 1);
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  CHECK(header != NULL && header->cmsg_type == SCM_CREDENTIALS);
  memcpy(&credentials, CMSG_DATA(header), sizeof credentials);
  CHECK(credentials.pid == getpid() && credentials.uid == getuid());
  credentials.pid = getpid();
  header->cmsg_len = CMSG_LEN(sizeof credentials);
  CHECK(sendmsg(pair[1], &message, 0) == 1);
  CHECK(fcntl(pair[0], F_SETOWN, getpid()) == 0 && fcntl(pair[0], F_GETOWN) == getpid());
  close(pair[0]), close(pair[1]);
  int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);
  CHECK(fd >= 0);
  struct pollfd poller = {.fd = fd, .events = POLLIN};
  CHECK(poll(&poller, 1, 0) == 0 && syscall(SYS_pidfd_send_signal, fd, 0, NULL, 0) == 0);
  close(fd);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
