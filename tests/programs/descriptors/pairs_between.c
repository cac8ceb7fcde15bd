// SPDX-License-Identifier: Apache-2.0
// A pair of stream sockets between two programs that were started for it, which may be on two nodes: both directions at
// once, send and recv, half a pair shut, end of file, what a close loses, descriptors in the middle of a stream, polls,
// options, deaths. Breaks when bytes are kept outside of the kernel's sockets and somebody does not know it.
// calls: socketpair read write sendto recvfrom sendmsg recvmsg shutdown poll fork execve
#include "../check.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { kPair = 3, kTold = 4, kRounds = 400, kBytes = 3000, kMany = 60000 };
static unsigned char bytes[kMany], seen[kMany];
static char self[PATH_MAX];

static unsigned char byte_at(uint64_t place) { return (unsigned char)((place * 2654435761u) >> 13); }
static uint64_t sent, received;

static void put(size_t count, int how) {
  for (size_t i = 0; i < count; i++) bytes[i] = byte_at(sent + i);
  struct iovec parts[2] = {{bytes, count / 3}, {bytes + count / 3, count - count / 3}};
  ssize_t put = how % 3 == 0   ? write(kPair, bytes, count)
                : how % 3 == 1 ? send(kPair, bytes, count, MSG_NOSIGNAL)
                               : writev(kPair, parts, 2);
  CHECK(put == (ssize_t)count);
  sent += count;
}

static void judge(ssize_t got) {
  CHECK(got > 0);
  for (ssize_t i = 0; i < got; i++) CHECK(seen[i] == byte_at(received + (uint64_t)i));
  received += (uint64_t)got;
}

static void take(size_t count, int how) {
  while (count > 0) {
    ssize_t got = how % 2 ? recv(kPair, seen, count, 0) : read(kPair, seen, count);
    judge(got);
    count -= (size_t)got;
  }
}

// What both do first, so that whatever is done for a busy pair has been done.
static void talk(int first) {
  for (int i = 0; i < kRounds; i++) {
    if (first)
      put(kBytes, i), take(kBytes + 1, i);
    else
      take(kBytes, i), put(kBytes + 1, i);
  }
}

// ---- one direction, more than any queue holds ----
static void stream_first(void) {
  for (int i = 0; i < 600; i++) put(1 + (size_t)i * 7919 % (i % 10 ? 5000 : kMany), i);
}
static void stream_second(void) {
  uint64_t wanted = 0;
  for (int i = 0; i < 600; i++) wanted += 1 + (uint64_t)i * 7919 % (i % 10 ? 5000 : kMany);
  for (int i = 0; received < wanted; i++) judge(read(kPair, seen, 1 + (size_t)i * 104729 % 9000));
  CHECK(read(kPair, seen, 1) == 0);
}

// ---- both at once ----
static void talk_first(void) { talk(1); }
static void talk_second(void) { talk(0), CHECK(recv(kPair, seen, 1, 0) == 0); }

// ---- half of it shut: the other half goes on ----
static void half_first(void) {
  talk(1);
  put(5000, 0);
  CHECK(shutdown(kPair, SHUT_WR) == 0);
  CHECK(send(kPair, bytes, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
  take(kMany, 1);
  CHECK(read(kPair, seen, 1) == 0);
}
static void half_second(void) {
  talk(0);
  take(5000, 0);
  CHECK(read(kPair, seen, 1) == 0);
  for (int i = 0; i < 20; i++) put(kMany / 20, i);
}

// ---- a close with bytes that nobody has read ----
static void lost_first(void) {
  talk(1);
  take(1, 0);
  close(kPair);
}
static void lost_second(void) {
  talk(0);
  put(1000, 0);
  CHECK(read(kPair, seen, 1) == -1 && errno == ECONNRESET);
  CHECK(send(kPair, bytes, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE);
  signal(SIGPIPE, SIG_DFL);
  (void)!write(kPair, bytes, 1);
  CHECK(!"alive after SIGPIPE");
}

// ---- descriptors go with the middle of a stream ----
static void pass(int descriptor) {
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control = {.header = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), &descriptor, sizeof descriptor);
  struct iovec part = {bytes, 10};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  for (size_t i = 0; i < 10; i++) bytes[i] = byte_at(sent + i);
  CHECK(sendmsg(kPair, &message, 0) == 10);
  sent += 10;
}
static void passed_first(void) {
  talk(1);
  put(7000, 0);
  int null = open("/dev/null", O_RDWR);
  CHECK(null >= 0);
  pass(null);
  put(7000, 1);
  talk(1);
}
static void passed_second(void) {
  talk(0);
  take(7000, 0);
  union {
    struct cmsghdr header;
    char space[CMSG_SPACE(sizeof(int))];
  } control;
  struct iovec part = {seen, 10};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  judge(recvmsg(kPair, &message, MSG_WAITALL));
  CHECK(CMSG_FIRSTHDR(&message) && control.header.cmsg_type == SCM_RIGHTS);
  take(7000, 1);
  talk(0);
}

// ---- who looks in another way ----
static void ways_first(void) {
  talk(1);
  put(10000, 0);
  take(1, 0);
  struct pollfd room = {kPair, POLLIN | POLLOUT, 0};
  CHECK(poll(&room, 1, 0) == 1 && room.revents == POLLOUT);
  put(1, 0);
}
static void ways_second(void) {
  int held = 0;
  talk(0);
  struct pollfd ready = {kPair, POLLIN, 0};
  CHECK(poll(&ready, 1, -1) == 1 && ready.revents == POLLIN);
  CHECK(ioctl(kPair, FIONREAD, &held) == 0 && held == 10000);
  CHECK(recv(kPair, seen, 100, MSG_PEEK) == 100 && seen[99] == byte_at(received + 99));
  judge(recv(kPair, seen, 10000, MSG_WAITALL));
  CHECK(recv(kPair, seen, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN);
  struct timeval limit = {0, 20000};
  CHECK(setsockopt(kPair, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  CHECK(read(kPair, seen, 1) == -1 && errno == EAGAIN);
  limit.tv_usec = 0;
  CHECK(setsockopt(kPair, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  put(1, 0);
  take(1, 0);
  CHECK(read(kPair, seen, 1) == 0);
  CHECK(poll(&ready, 1, -1) == 1 && ready.revents == (POLLIN | POLLHUP));
}

// ---- what one that is killed has sent arrives; what it has not read is lost ----
static void killed_first(void) {
  talk(1);
  put(9000, 0);
  CHECK(write(kTold, "d", 1) == 1);
  pause();
}
static void killed_second(void) {
  talk(0);
  take(9000, 0);
  CHECK(read(kPair, seen, 1) == 0);
}
static void unread_first(void) {
  talk(1);
  take(1, 0);
  CHECK(write(kTold, "d", 1) == 1);
  pause();
}
static void unread_second(void) {
  talk(0);
  put(1000, 0);
  CHECK(read(kPair, seen, 1) == -1 && errno == ECONNRESET);
}

static const struct Case {
  const char* name;
  void (*first)(void);
  void (*second)(void);
  int second_signal; // how the second ends
  int killed;        // the first, when it says so
} cases[] = {
    {"stream", stream_first, stream_second, 0, 0}, {"talk", talk_first, talk_second, 0, 0},
    {"half", half_first, half_second, 0, 0},       {"lost", lost_first, lost_second, SIGPIPE, 0},
    {"passed", passed_first, passed_second, 0, 0}, {"ways", ways_first, ways_second, 0, 0},
    {"killed", killed_first, killed_second, 0, 1}, {"unread", unread_first, unread_second, 0, 1},
};

static pid_t begin_side(const struct Case* c, const char* side, const int* all, int end) {
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid != 0) return pid;
  char byte;
  close(all[5]);
  CHECK(read(all[4], &byte, 1) == 0); // all others have closed theirs, so nobody else has the pair
  int pair = fcntl(end, F_DUPFD, 20), told = fcntl(all[3], F_DUPFD, 20);
  CHECK(pair >= 20 && told >= 20);
  for (int i = 0; i < 5; i++) close(all[i]);
  CHECK(dup2(pair, kPair) == kPair && dup2(told, kTold) == kTold);
  close(pair), close(told);
  execl(self, self, c->name, side, NULL);
  CHECK(!"exec failed");
  return -1;
}

static void run_case(const struct Case* c) {
  int all[6]; // the pair; a pipe to this process; one for the begin
  char byte;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, all) == 0 && pipe(all + 2) == 0 && pipe(all + 4) == 0);
  pid_t first = begin_side(c, "first", all, all[0]), second = begin_side(c, "second", all, all[1]);
  for (int i = 0; i < 6; i++)
    if (i != 2) close(all[i]);
  if (c->killed) CHECK(read(all[2], &byte, 1) == 1 && usleep(10000) == 0 && kill(first, SIGKILL) == 0);
  close(all[2]);
  int status = status_of(first);
  CHECK(c->killed ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0);
  status = status_of(second);
  CHECK(c->second_signal ? WIFSIGNALED(status) && WTERMSIG(status) == c->second_signal : status == 0);
  pid_t third = fork(); // takes the first node's turn, so that the next two are on two others
  if (third == 0) execl(self, self, c->name, "", NULL);
  CHECK_EXITED(third, 0);
}

int main(int count, char** arguments) {
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  for (const struct Case* c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
    if (count == 1 || (count == 2 && strcmp(arguments[1], c->name) == 0)) run_case(c);
    if (count == 3 && strcmp(arguments[1], c->name) == 0) {
      if (arguments[2][0]) arguments[2][0] == 'f' ? c->first() : c->second();
      return 0;
    }
  }
  ok();
}
