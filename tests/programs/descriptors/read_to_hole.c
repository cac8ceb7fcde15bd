// SPDX-License-Identifier: Apache-2.0
// What is read into memory that ends before the request does: of a file as much as there is room for, of a pipe all or, if there
// is more in it than room, nothing; no byte is lost. The same of readv. Breaks when the bytes are taken on another node
// before it is known that the program has no memory for them.
// calls: read readv pipe mmap munmap
#include "../check.h"
#include <sys/uio.h>

static long page;

static char* memory_before_hole(void) {
  char* at = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(at != MAP_FAILED && munmap(at + page, page) == 0 && mprotect(at + 2 * page, page, PROT_READ) == 0);
  return at;
}
static void is_refused(int from, char* at) {
  CHECK(read(from, at + page, 8) == -1 && errno == EFAULT);
  CHECK(read(from, at + 2 * page, 8) == -1 && errno == EFAULT);
  CHECK(read(from, NULL, 1) == -1 && errno == EFAULT);
}
static void reads_file(int from, const char* sent) {
  char* at = memory_before_hole();
  is_refused(from, at);
  CHECK(read(from, at + page - 16, 8) == 8 && memcmp(at + page - 16, sent, 8) == 0 && at[page - 8] == 0);
  CHECK(read(from, at + page - 8, 24) == 8 && memcmp(at + page - 8, sent + 8, 8) == 0);
  struct iovec pieces[] = {{at, 4}, {at + page - 4, 8}, {at + 8, 4}};
  CHECK(readv(from, pieces, 3) == 8 && memcmp(at, sent + 16, 4) == 0 && memcmp(at + page - 4, sent + 20, 4) == 0);
  CHECK(at[8] == 0 && read(from, at, 100) == 8 && memcmp(at, sent + 24, 8) == 0 && at[8] == 0);
}
static void reads_pipe(int from, const char* sent) {
  char* at = memory_before_hole();
  is_refused(from, at);
  CHECK(read(from, at + page - 16, 8) == 8 && memcmp(at + page - 16, sent, 8) == 0);
  CHECK(read(from, at + page - 8, 24) == -1 && errno == EFAULT);
  struct iovec pieces[] = {{at, 4}, {at + page - 4, 8}, {at + 8, 4}};
  CHECK(readv(from, pieces, 3) == -1 && errno == EFAULT);
  CHECK(read(from, at, 16) == 16 && memcmp(at, sent + 8, 16) == 0);
  CHECK(read(from, at + page - 8, 100) == 8 && memcmp(at + page - 8, sent + 24, 8) == 0);
}

int main(void) {
  const char sent[33] = "0123456789abcdefghijklmnopqrstuv";
  char name[] = "read_to_hole.XXXXXX";
  int ends[2], file = mkstemp(name);
  page = sysconf(_SC_PAGESIZE);
  CHECK(pipe(ends) == 0 && file >= 0 && unlink(name) == 0);
  CHECK(write(ends[1], sent, 32) == 32);
  CHECK(write(file, sent, 32) == 32 && lseek(file, 0, SEEK_SET) == 0);
  pid_t child = fork();
  if (child == 0) {
    usleep(1000); // it may leave
    reads_pipe(ends[0], sent), reads_file(file, sent);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  CHECK(lseek(file, 0, SEEK_CUR) == 32);
  ok();
}
