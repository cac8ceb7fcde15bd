// SPDX-License-Identifier: Apache-2.0
// Descriptors are one table: opened in one thread, used, duplicated and closed in others; numbers are the lowest free;
// flags and offsets. Breaks when a resident has a table of its own, or the shim's descriptors take low numbers.
// calls: openat close dup dup2 dup3 fcntl lseek read write pipe2 close_range
// threads: 16
#include "../check.h"

static int fd, lowest, ends[2];

static void* opens(void* argument) {
  fd = memfd_create("shared", MFD_CLOEXEC);
  CHECK(fd == lowest && write(fd, "0123456789", 10) == 10 && lseek(fd, 2, SEEK_SET) == 2);
  CHECK(pipe(ends) == 0 && ends[0] == lowest + 1 && ends[1] == lowest + 2);
  return argument;
}
static void* uses(void* argument) {
  char bytes[2];
  CHECK(read(fd, bytes, 2) == 2 && bytes[0] == '0' + (intptr_t)argument &&
        lseek(fd, 0, SEEK_CUR) == (intptr_t)argument + 2);
  int copy = fcntl(fd, F_DUPFD_CLOEXEC, 50);
  CHECK(copy == 50 && fcntl(copy, F_GETFD) == FD_CLOEXEC && dup2(copy, 60) == 60 && fcntl(60, F_GETFD) == 0);
  CHECK(close(copy) == 0 && dup(fd) == lowest + 3 && write(ends[1], "p", 1) == 1);
  return NULL;
}
static void* checks(void* argument) {
  char byte;
  CHECK(lseek(60, 0, SEEK_CUR) == lseek(fd, 0, SEEK_CUR) && fcntl(50, F_GETFD) == -1 && errno == EBADF);
  CHECK(close(60) == 0 && close(lowest + 3) == 0 && read(ends[0], &byte, 1) == 1);
  CHECK(fcntl(fd, F_SETFL, O_APPEND) == 0);
  return argument;
}
static void* closes(void* argument) {
  CHECK((fcntl(fd, F_GETFL) & O_APPEND) != 0);
  CHECK(syscall(SYS_close_range, fd, ends[1], 0) == 0 && fcntl(fd, F_GETFD) == -1 && fcntl(ends[1], F_GETFD) == -1);
  return argument;
}

int main(void) {
  lowest = dup(0);
  CHECK(lowest >= 3 && close(lowest) == 0);
  for (int i = 0; i < 3; i++) {
    i == 1 ? opens(NULL) : join(start(opens, NULL));
    for (intptr_t n = 2; n < 8; n += 2) {
      n == 4 ? uses((void*)n) : join(start(uses, (void*)n));
      n == 2 ? checks(NULL) : join(start(checks, NULL));
    }
    i == 2 ? closes(NULL) : join(start(closes, NULL));
  }
  ok();
}
