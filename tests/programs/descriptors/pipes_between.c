// SPDX-License-Identifier: Apache-2.0
// A pipe between two programs that were started for it, which may be on two nodes: order and content, end of file, a broken
// pipe, how much it holds, writes of PIPE_BUF that stay whole, signals in the middle, deaths, and everything that looks at
// a pipe in another way after a long stream. Breaks when bytes are kept outside of the kernel's pipe and somebody does not
// know it.
// calls: pipe read write poll fork execve
#include "../check.h"

#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { kIn = 0, kOut = 1, kWords = 30, kTold = 31, kMost = 100000, kHolds = 65536 };
static unsigned char bytes[2 * kMost];
static char self[PATH_MAX];

static unsigned char byte_at(uint64_t place) { return (unsigned char)((place * 2654435761u) >> 13); }

static void put(uint64_t* place, size_t count) {
  for (size_t i = 0; i < count; i++) bytes[i] = byte_at(*place + i);
  for (size_t done = 0; done < count;) {
    ssize_t written = write(kOut, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    CHECK(written > 0);
    done += (size_t)written;
  }
  *place += count;
}

// One read; 0 at the end.
static size_t take(uint64_t* place, size_t most) {
  ssize_t got;
  do got = read(kIn, bytes, most);
  while (got < 0 && errno == EINTR);
  CHECK(got >= 0);
  for (ssize_t i = 0; i < got; i++) CHECK(bytes[i] == byte_at(*place + (uint64_t)i));
  *place += (uint64_t)got;
  return (size_t)got;
}

// What both do first, so that whatever is done for a busy pipe has been done.
enum { kFirstCount = 400, kFirst = 4096 };
static uint64_t stream_out(void) {
  uint64_t place = 0;
  for (int i = 0; i < kFirstCount; i++) put(&place, kFirst);
  return place;
}
static uint64_t stream_in(void) {
  uint64_t place = 0;
  while (place < (uint64_t)kFirstCount * kFirst) {
    uint64_t left = (uint64_t)kFirstCount * kFirst - place;
    CHECK(take(&place, left < kFirst ? left : kFirst) > 0);
  }
  return place;
}

static volatile sig_atomic_t alarms;
static void on_alarm(int signal) {
  (void)signal;
  alarms++;
}
static void handle_alarms(int flags) {
  struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
  CHECK(sigaction(SIGALRM, &action, NULL) == 0);
}
// Again and again, since the first may come before the call that it is for; seldom, so that there is progress.
static void alarm_after(int us) {
  struct itimerval time = {{0, 20000}, {0, us}};
  CHECK(setitimer(ITIMER_REAL, &time, NULL) == 0);
}

static void say(char word) { CHECK(write(kWords, &word, 1) == 1); }
static void hear(char word) {
  char heard;
  ssize_t got;
  do got = read(kWords, &heard, 1);
  while (got < 0 && errno == EINTR);
  CHECK(got == 1 && heard == word);
}

// ---- order and content ----
static void sizes_out(void) {
  uint64_t place = 0;
  for (int i = 0; i < 1500; i++) put(&place, 1 + (size_t)i * 7919 % (i % 10 ? 5000 : kMost));
}
static void sizes_in(void) {
  uint64_t place = 0, wanted = 0;
  for (int i = 0; i < 1500; i++) wanted += 1 + (uint64_t)i * 7919 % (i % 10 ? 5000 : kMost);
  for (int i = 0; take(&place, 1 + (size_t)i * 104729 % (i % 7 ? 9000 : kMost)) > 0;) i++;
  CHECK(place == wanted);
}

// ---- signals in the middle ----
static void signals_out(void) {
  handle_alarms(SA_RESTART);
  uint64_t place = 0;
  for (int i = 0; i < 3000; i++) {
    alarm_after(700);
    put(&place, 2000);
    if (i % 500 == 0) usleep(3000);
    if (i == 1500) hear('i');
  }
  while (alarms == 0) usleep(1000);
}
static void signals_in(void) {
  handle_alarms(0);
  int interrupted = 0;
  uint64_t place = 0;
  while (place < 3000 * 2000) {
    alarm_after(900);
    ssize_t got = read(kIn, bytes, 3000);
    CHECK(got > 0 || (got < 0 && errno == EINTR));
    if (got < 0 && interrupted++ == 0) say('i');
    for (ssize_t i = 0; i < got; i++) CHECK(bytes[i] == byte_at(place + (uint64_t)i));
    place += got > 0 ? (uint64_t)got : 0;
  }
  CHECK(interrupted > 0 && take(&place, 1) == 0);
}

// ---- how much it holds ----
static void fill_out(void) {
  stream_out();
  hear('e');
  handle_alarms(0);
  alarm_after(20000);
  for (size_t held = 0;;) {
    ssize_t written = write(kOut, bytes, 1024);
    CHECK(written == 1024 || (written < 0 && errno == EINTR));
    if (written < 0 && held == kHolds) break;
    held += written > 0 ? 1024 : 0;
    CHECK(held <= kHolds);
  }
  say('f');
}
static void fill_in(void) {
  stream_in();
  say('e');
  hear('f');
  size_t held = 0;
  for (ssize_t got; (got = read(kIn, bytes, 5000)) > 0;) held += (size_t)got;
  CHECK(held == kHolds);
}
static void part_out(void) {
  stream_out();
  hear('e');
  handle_alarms(0);
  alarm_after(20000);
  CHECK(write(kOut, bytes, sizeof bytes) == kHolds && alarms > 0);
  say('f');
}

// ---- a broken pipe ----
static void broken_out(void) {
  signal(SIGPIPE, SIG_IGN);
  stream_out();
  while (write(kOut, bytes, 1000) == 1000) {
  }
  CHECK(errno == EPIPE);
  signal(SIGPIPE, SIG_DFL);
  (void)!write(kOut, bytes, 1);
  CHECK(!"alive after SIGPIPE");
}
static void broken_in(void) { stream_in(); }
// At once, when the other side has said that it has closed.
static void closed_out(void) {
  signal(SIGPIPE, SIG_IGN);
  stream_out();
  hear('c');
  CHECK(write(kOut, bytes, 1) == -1 && errno == EPIPE);
}
static void closed_in(void) {
  stream_in();
  close(kIn);
  say('c');
}

// ---- who looks in another way ----
static void ways_out(void) {
  uint64_t place = stream_out();
  put(&place, 10000);
  say('w'), hear('r');
  struct pollfd room = {kOut, POLLOUT, 0};
  CHECK(poll(&room, 1, 0) == 1 && room.revents == POLLOUT);
  put(&place, 100);
}
static void ways_in(void) {
  uint64_t place = stream_in();
  int held = 0;
  struct pollfd ready = {kIn, POLLIN, 0};
  hear('w');
  CHECK(poll(&ready, 1, 0) == 1 && ready.revents == POLLIN);
  CHECK(ioctl(kIn, FIONREAD, &held) == 0 && held == 10000);
  CHECK(take(&place, 4000) == 4000 && take(&place, kMost) == 6000);
  CHECK(poll(&ready, 1, 0) == 0);
  CHECK(fcntl(kIn, F_SETFL, O_NONBLOCK) == 0 && read(kIn, bytes, 1) == -1 && errno == EAGAIN);
  CHECK(fcntl(kIn, F_SETFL, 0) == 0);
  say('r');
  CHECK(take(&place, kMost) == 100 && take(&place, kMost) == 0);
  CHECK(poll(&ready, 1, -1) == 1 && ready.revents == POLLHUP);
}

// ---- several writers, several readers ----
enum { kRecords = 300 };
static void many_out(void) {
  stream_out();
  for (int child = 0; child < 3; child++) {
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0) continue;
    memset(bytes, 'a' + child, PIPE_BUF);
    for (int i = 0; i < kRecords; i++) CHECK(write(kOut, bytes, PIPE_BUF) == PIPE_BUF);
    _exit(0);
  }
  while (wait(NULL) > 0) {
  }
}
static void many_in(void) {
  stream_in();
  int count[3] = {0, 0, 0};
  for (size_t had = 0;;) {
    ssize_t got = read(kIn, bytes + had, PIPE_BUF - had);
    CHECK(got >= 0);
    if (got == 0) break;
    if ((had += (size_t)got) < PIPE_BUF) continue;
    for (int i = 1; i < PIPE_BUF; i++) CHECK(bytes[i] == bytes[0]);
    CHECK(bytes[0] >= 'a' && bytes[0] < 'd');
    count[bytes[0] - 'a']++, had = 0;
  }
  CHECK(count[0] == kRecords && count[1] == kRecords && count[2] == kRecords);
}

// ---- another program goes on with what is left ----
static void rest_out(void) {
  uint64_t place = stream_out();
  for (int i = 0; i < 5; i++) put(&place, 12000);
}
static void rest_in(void) {
  stream_in();
  execl("/bin/sh", "sh", "-c", "test $(wc -c) = 60000", NULL);
  CHECK(!"exec failed");
}

// ---- deaths ----
static void endless_out(void) {
  uint64_t place = 0;
  for (;;) put(&place, 3000);
}
static void endless_in(void) {
  uint64_t place = 0;
  while (place < 3000000) CHECK(take(&place, 5000) > 0);
  CHECK(write(kTold, "d", 1) == 1);
  while (take(&place, 5000) > 0) {
  }
}

static const struct Case {
  const char* name;
  void (*out)(void);
  void (*in)(void);
  int out_signal; // how the writer ends
  int killed;     // 1: the writer, 2: the reader, when that says so
} cases[] = {
    {"sizes", sizes_out, sizes_in, 0, 0},
    {"signals", signals_out, signals_in, 0, 0},
    {"fill", fill_out, fill_in, 0, 0},
    {"part", part_out, fill_in, 0, 0},
    {"broken", broken_out, broken_in, SIGPIPE, 0},
    {"closed", closed_out, closed_in, 0, 0},
    {"ways", ways_out, ways_in, 0, 0},
    {"many", many_out, many_in, 0, 0},
    {"rest", rest_out, rest_in, 0, 0},
    {"writer", endless_out, endless_in, SIGKILL, 1},
    {"reader", endless_out, endless_in, SIGPIPE, 2},
};

static pid_t begin_side(const struct Case* c, const char* side, const int* all, int end, int number, int words,
                        int told) {
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid != 0) return pid;
  char byte;
  close(all[7]);
  CHECK(read(all[6], &byte, 1) == 0); // the other two have closed theirs, so nobody else has the pipe
  CHECK(dup2(end, number) == number && dup2(words, kWords) == kWords && dup2(told, kTold) == kTold);
  for (int i = 0; i < 7; i++) close(all[i]);
  execl(self, self, c->name, side, NULL);
  CHECK(!"exec failed");
  return -1;
}

static void run_case(const struct Case* c) {
  int all[8]; // the pipe; two ends for words between the two; a pipe to this process; one for the begin
  char byte;
  CHECK(pipe(all) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, all + 2) == 0 && pipe(all + 4) == 0 &&
        pipe(all + 6) == 0);
  pid_t writer = begin_side(c, "out", all, all[1], kOut, all[2], all[5]),
        reader = begin_side(c, "in", all, all[0], kIn, all[3], all[5]);
  for (int i = 0; i < 8; i++)
    if (i != 4) close(all[i]);
  if (c->killed) CHECK(read(all[4], &byte, 1) == 1 && kill(c->killed == 1 ? writer : reader, SIGKILL) == 0);
  close(all[4]);
  int status = status_of(reader);
  CHECK(c->killed == 2 ? WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL : status == 0);
  status = status_of(writer);
  CHECK(c->out_signal ? WIFSIGNALED(status) && WTERMSIG(status) == c->out_signal : status == 0);
  pid_t third = fork(); // takes the first node's turn, so that the next two are on two others
  if (third == 0) execl(self, self, c->name, "", NULL);
  CHECK_EXITED(third, 0);
}

int main(int count, char** arguments) {
  CHECK(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  for (const struct Case* c = cases; c < cases + sizeof cases / sizeof *cases; c++) {
    if (count == 1 || (count == 2 && strcmp(arguments[1], c->name) == 0)) run_case(c);
    if (count == 3 && strcmp(arguments[1], c->name) == 0) {
      if (arguments[2][0]) arguments[2][0] == 'o' ? c->out() : c->in();
      return 0;
    }
  }
  ok();
}
