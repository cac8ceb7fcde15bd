// SPDX-License-Identifier: Apache-2.0
// Threads that open, duplicate and close at the same time, beside one that forks: every descriptor is the file that its
// thread opened, until that thread closes it. Breaks when two of them take the same number for a moment.
// calls: openat, dup, close
// threads: 6
#include "../check.h"

#include <sys/socket.h>

enum { THREADS = 6, ROUNDS = 150 };

static const char* const names[] = {"/proc/sys/kernel/pid_max", "/proc/sys/kernel/ostype"};
static char texts[2][64];
static int done;

static void says(int descriptor, const char* text) {
  char said[64] = "";
  CHECK(read(descriptor, said, sizeof said - 1) == (ssize_t)strlen(text));
  CHECK(strcmp(said, text) == 0);
}

static void* opens(void* argument) {
  const long which = (long)argument % 2;
  for (int i = 0; i < ROUNDS; ++i) {
    const int file = open(names[which], O_RDONLY | (i % 3 ? 0 : O_CLOEXEC));
    CHECK(file >= 0);
    CHECK(fcntl(file, F_GETFD) == (i % 3 ? 0 : FD_CLOEXEC));
    says(file, texts[which]);
    const int again = dup(file);
    CHECK(again >= 0 && again != file);
    CHECK(close(file) == 0);
    CHECK(lseek(again, 0, SEEK_SET) == 0);
    says(again, texts[which]);
    const int other = socket(AF_INET, SOCK_DGRAM, 0);
    struct stat about;
    CHECK(other >= 0 && fstat(other, &about) == 0 && S_ISSOCK(about.st_mode));
    CHECK(close(again) == 0);
    CHECK(close(other) == 0);
  }
  __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
  return 0;
}

int main(void) {
  for (int i = 0; i < 2; ++i) {
    const int file = open(names[i], O_RDONLY);
    CHECK(file >= 0 && read(file, texts[i], sizeof texts[i] - 1) > 0);
    CHECK(close(file) == 0);
  }
  pthread_t threads[THREADS];
  for (long i = 0; i < THREADS; ++i) CHECK(pthread_create(&threads[i], 0, opens, (void*)i) == 0);
  for (int i = 0; i < 10 && __atomic_load_n(&done, __ATOMIC_ACQUIRE) < THREADS; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      const int file = open(names[1], O_RDONLY);
      CHECK(file >= 0);
      says(file, texts[1]);
      _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  for (int i = 0; i < THREADS; ++i) CHECK(pthread_join(threads[i], 0) == 0);
  const int last = open(names[0], O_RDONLY);
  CHECK(last == 3); // all others are closed
  ok();
}
