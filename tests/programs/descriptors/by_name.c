// SPDX-License-Identifier: Apache-2.0
// Descriptors under their names: /dev/fd/N, /dev/stdin, /proc/self/fd/N, /proc/PID/fd/N lead to what is behind them, for
// files and pipes that were inherited and for those that the program has opened itself.
// calls: open, readlink, stat
#include "../check.h"

enum { ROUNDS = 4 };

static void says(const char* name, const char* text) {
  char said[64] = "";
  const int file = open(name, O_RDONLY);
  CHECK(file >= 0);
  CHECK(read(file, said, sizeof said - 1) == (ssize_t)strlen(text));
  CHECK(strcmp(said, text) == 0);
  CHECK(close(file) == 0);
}

// A file is opened anew by its name, so each reads from its beginning.
static void leads_to(int descriptor, const char* path) {
  char name[64], link[4096] = "";
  struct stat by_name, by_number;
  CHECK(fstat(descriptor, &by_number) == 0);
  for (int i = 0; i < 4; ++i) {
    if (i == 0) snprintf(name, sizeof name, "/dev/fd/%d", descriptor);
    if (i == 1) snprintf(name, sizeof name, "/proc/self/fd/%d", descriptor);
    if (i == 2) snprintf(name, sizeof name, "/proc/%d/fd/%d", getpid(), descriptor);
    if (i == 3) snprintf(name, sizeof name, "/proc/thread-self/fd/%d", descriptor);
    CHECK(stat(name, &by_name) == 0);
    CHECK(by_name.st_ino == by_number.st_ino && by_name.st_dev == by_number.st_dev);
    says(name, "hello");
    const ssize_t bytes = readlink(name, link, sizeof link - 1);
    CHECK(bytes > 0);
    link[bytes] = 0;
    CHECK(strcmp(link, path) == 0);
  }
  char said[128] = "";
  snprintf(name, sizeof name, "/proc/self/fdinfo/%d", descriptor);
  const int info = open(name, O_RDONLY);
  CHECK(info >= 0 && read(info, said, sizeof said - 1) > 0);
  CHECK(strncmp(said, "pos:\t3\n", 7) == 0);
  CHECK(close(info) == 0);
}

// File, its path, pipe: inherited. Standard input is the file.
static int begun(char** arguments) {
  const int file = atoi(arguments[1]), pipe = atoi(arguments[3]);
  char name[32];
  leads_to(file, arguments[2]);
  says("/dev/stdin", "hello");
  snprintf(name, sizeof name, "/dev/fd/%d", pipe);
  says(name, "piped");
  const int own = open(arguments[2], O_RDONLY);
  CHECK(own >= 0 && lseek(own, 3, SEEK_SET) == 3);
  leads_to(own, arguments[2]);
  CHECK(open("/dev/fd/999", O_RDONLY) < 0 && errno == ENOENT);
  const int copy = open("/dev/fd/0", O_WRONLY);
  CHECK(copy >= 0 && write(copy, "hello", 5) == 5 && close(copy) == 0);
  return 0;
}

int main(int count, char** arguments) {
  if (count == 4) return begun(arguments);
  char path[] = "/tmp/by_name_XXXXXX", words[2][16];
  const int file = mkstemp(path);
  CHECK(file >= 0 && write(file, "hello", 5) == 5 && lseek(file, 3, SEEK_SET) == 3);
  for (int i = 0; i < ROUNDS; ++i) {
    int ends[2], status;
    CHECK(pipe(ends) == 0 && write(ends[1], "piped", 5) == 5);
    snprintf(words[0], sizeof words[0], "%d", file);
    snprintf(words[1], sizeof words[1], "%d", ends[0]);
    const pid_t child = fork();
    if (child == 0) {
      CHECK(dup2(file, 0) == 0);
      execl("/proc/self/exe", arguments[0], words[0], path, words[1], (char*)0);
      _exit(1);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
  }
  CHECK(unlink(path) == 0);
  puts("ok by_name");
  return 0;
}
