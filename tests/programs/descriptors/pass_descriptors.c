// SPDX-License-Identifier: Apache-2.0
// Descriptors in messages over a socket pair, and over a connection to a bound address: files keep one offset, pipes and
// sockets work, close-on-exec and truncation are as asked, a look at a message leaves it there, and what a message holds
// that nobody receives is closed. Breaks where the open file and the socket are not of one node.
// calls: sendmsg recvmsg socketpair
#include "../check.h"
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

static void send_numbers(int way, const int* numbers, int count) {
  char control[CMSG_SPACE(16 * sizeof(int))] = {0};
  struct iovec piece = {"m", 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
  message.msg_controllen = CMSG_SPACE(count * sizeof(int));
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(header), numbers, count * sizeof(int));
  CHECK(sendmsg(way, &message, 0) == 1);
}

// Returns how many; `room`: for how many.
static int receive_numbers(int way, int* numbers, int room, int flags, int* seen_flags) {
  char control[CMSG_SPACE(16 * sizeof(int))] = {0}, byte = 0;
  struct iovec piece = {&byte, 1};
  struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1, .msg_control = control};
  message.msg_controllen = room ? CMSG_LEN(room * sizeof(int)) : 0;
  CHECK(recvmsg(way, &message, flags) == 1 && byte == 'm');
  if (seen_flags) *seen_flags = message.msg_flags;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (!header) return 0;
  CHECK(header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS);
  int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  memcpy(numbers, CMSG_DATA(header), count * sizeof(int));
  return count;
}

static int pass_one(int from, int to, int number, int flags) {
  int got = -1;
  send_numbers(from, &number, 1);
  CHECK(receive_numbers(to, &got, 1, flags, NULL) == 1 && got >= 0 && got != number);
  return got;
}

static void expect_end(int descriptor) { // soon: nobody else has the other end
  char byte;
  struct pollfd readable = {descriptor, POLLIN, 0};
  CHECK(poll(&readable, 1, 10000) == 1);
  CHECK(read(descriptor, &byte, 1) == 0);
}

static void files(int from, int to) {
  char name[] = "passed-XXXXXX", text[8] = {0};
  int file = mkstemp(name);
  CHECK(file >= 0 && write(file, "abcdef", 6) == 6 && lseek(file, 2, SEEK_SET) == 2);
  int got = pass_one(from, to, file, 0);
  CHECK(read(got, text, 2) == 2 && memcmp(text, "cd", 2) == 0);
  CHECK(lseek(file, 0, SEEK_CUR) == 4 && read(file, text, 2) == 2 && memcmp(text, "ef", 2) == 0);
  CHECK((fcntl(got, F_GETFD) & FD_CLOEXEC) == 0);
  CHECK(close(got) == 0);
  got = pass_one(from, to, file, MSG_CMSG_CLOEXEC);
  CHECK(fcntl(got, F_GETFD) & FD_CLOEXEC);
  CHECK(close(got) == 0 && close(file) == 0 && unlink(name) == 0);
  struct stat before, after;
  got = pass_one(from, to, 0, 0); // standard input, which was inherited
  CHECK(fstat(0, &before) == 0 && fstat(got, &after) == 0 && before.st_ino == after.st_ino);
  CHECK(close(got) == 0);
}

static void pipes(int from, int to) {
  int ends[2], got[2];
  char text[8] = {0};
  CHECK(pipe(ends) == 0);
  send_numbers(from, ends, 2);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0); // on their way they stay open
  CHECK(receive_numbers(to, got, 2, 0, NULL) == 2);
  CHECK(write(got[1], "pipe", 4) == 4 && read(got[0], text, 8) == 4 && memcmp(text, "pipe", 4) == 0);
  CHECK(close(got[1]) == 0);
  expect_end(got[0]);
  CHECK(close(got[0]) == 0);

  CHECK(pipe(ends) == 0); // read by a child
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
    CHECK(receive_numbers(to, got, 1, 0, NULL) == 1 && write(got[0], "child", 5) == 5);
    _exit(0);
  }
  send_numbers(from, &ends[1], 1);
  CHECK(close(ends[1]) == 0);
  CHECK(read(ends[0], text, 5) == 5 && memcmp(text, "child", 5) == 0);
  CHECK_EXITED(child, 0);
  expect_end(ends[0]);
  CHECK(close(ends[0]) == 0);
}

static void sockets(int from, int to) {
  int pair[2];
  char text[8];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  int got = pass_one(from, to, pair[0], 0);
  CHECK(close(pair[0]) == 0 && write(got, "one", 3) == 3 && read(pair[1], text, 8) == 3);
  CHECK(close(got) == 0);
  expect_end(pair[1]);
  CHECK(close(pair[1]) == 0);
  int udp = socket(AF_INET, SOCK_DGRAM, 0), type = 0;
  socklen_t length = sizeof type;
  CHECK(udp >= 0);
  got = pass_one(from, to, udp, 0);
  CHECK(getsockopt(got, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_DGRAM);
  CHECK(close(got) == 0 && close(udp) == 0);
}

static void looks_and_truncation(int from, int to) {
  int ends[2], got[3], flags = 0;
  CHECK(pipe(ends) == 0);
  send_numbers(from, &ends[1], 1);
  CHECK(receive_numbers(to, got, 1, MSG_PEEK, NULL) == 1 && write(got[0], "x", 1) == 1);
  CHECK(receive_numbers(to, got + 1, 1, 0, NULL) == 1 && got[1] != got[0] && write(got[1], "y", 1) == 1);
  CHECK(close(got[0]) == 0 && close(got[1]) == 0);
  const int three[3] = {ends[1], 0, ends[1]};
  send_numbers(from, three, 3);
  CHECK(receive_numbers(to, got, 1, 0, &flags) == 1 && (flags & MSG_CTRUNC));
  CHECK(close(got[0]) == 0);
  send_numbers(from, three, 3);
  CHECK(receive_numbers(to, got, 0, 0, &flags) == 0 && (flags & MSG_CTRUNC));
  CHECK(close(ends[1]) == 0);
  char text[4];
  CHECK(read(ends[0], text, 2) == 2);
  expect_end(ends[0]);
  CHECK(close(ends[0]) == 0);
}

static void never_received(int from, int to) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  send_numbers(from, &ends[1], 1);
  CHECK(close(ends[1]) == 0 && close(from) == 0 && close(to) == 0);
  expect_end(ends[0]);
  CHECK(close(ends[0]) == 0);
}

static void errors(int from) {
  char control[CMSG_SPACE(sizeof(int))] = {0};
  struct iovec piece = {"m", 1};
  struct msghdr message = {
      .msg_iov = &piece, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(sizeof(int));
  const int closed = 777;
  memcpy(CMSG_DATA(header), &closed, sizeof closed);
  CHECK(sendmsg(from, &message, 0) == -1 && errno == EBADF);
}

static void all(int from, int to) {
  files(from, to);
  pipes(from, to);
  sockets(from, to);
  looks_and_truncation(from, to);
  errors(from);
  never_received(from, to);
}

int main(void) {
  int pair[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  all(pair[0], pair[1]);
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "passing"};
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), one = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 1) == 0);
  CHECK(connect(one, (struct sockaddr*)&address, sizeof address) == 0);
  int other = accept(listener, NULL, NULL);
  CHECK(other >= 0);
  all(one, other);
  CHECK(unlink(address.sun_path) == 0);
  ok();
}
