// SPDX-License-Identifier: Apache-2.0
// SIGPIPE and SIGXFSZ for writes to what a program has inherited: without a handler it dies of them; with one, the handler
// has run in the thread that wrote when the call returns.
// Breaks when who performs the call in the program's place gets the signal.
// calls: execve write sendto
// threads: 1
#include "../check.h"
#include <sys/resource.h>
#include <sys/socket.h>

enum { kPipe = 10, kSocket, kFile, kFileBytes = 4096 };

static __thread volatile int handled;
static void count_it(int number) { (void)number, handled++; }

static void* writes(void* argument) {
  char data[2] = "xy";
  handled = 0;
  CHECK(write(kPipe, data, 1) == -1 && errno == EPIPE && handled == 1);
  CHECK(send(kSocket, data, 1, 0) == -1 && errno == EPIPE && handled == 2);
  CHECK(send(kSocket, data, 1, MSG_NOSIGNAL) == -1 && errno == EPIPE && handled == 2);
  return argument;
}
static void writes_too_much(void) {
  signal(SIGXFSZ, count_it);
  CHECK(pwrite(kFile, "xy", 2, kFileBytes - 1) == 1 && handled == 0);
  CHECK(pwrite(kFile, "x", 1, kFileBytes) == -1 && errno == EFBIG && handled == 1);
}
static int as_child(const char* part) {
  if (strcmp(part, "dies") == 0) return (int)write(kPipe, "x", 1);
  if (strcmp(part, "is limited") == 0) return writes_too_much(), 0;
  signal(SIGPIPE, count_it);
  writes(NULL);
  join(start(writes, NULL));
  signal(SIGPIPE, SIG_IGN);
  CHECK(write(kPipe, "x", 1) == -1 && errno == EPIPE && handled == 2);
  return 0;
}
static int end_of(char* program, char* part) {
  pid_t child = fork();
  const struct rlimit limit = {kFileBytes, kFileBytes};
  if (child == 0 && strcmp(part, "is limited") == 0) setrlimit(RLIMIT_FSIZE, &limit);
  if (child == 0) execl("/proc/self/exe", program, part, NULL), _exit(99);
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child);
  return status;
}

int main(int count, char** arguments) {
  if (count == 2) return as_child(arguments[1]);
  int ends[2], pair[2];
  char name[] = "/tmp/sp-program-XXXXXX";
  CHECK(pipe(ends) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(dup2(ends[1], kPipe) == kPipe && dup2(pair[1], kSocket) == kSocket && dup2(mkstemp(name), kFile) == kFile);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0 && close(pair[0]) == 0 && close(pair[1]) == 0 && unlink(name) == 0);
  for (int i = 0; i < 2; i++) { // on isolated nodes on one and the other
    int status = end_of(arguments[0], "dies");
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE);
    CHECK(end_of(arguments[0], "lives") == 0 && end_of(arguments[0], "is limited") == 0);
  }
  join(start(nothing, NULL));
  printf("ok sigpipe_inherited\n");
  return 0;
}
