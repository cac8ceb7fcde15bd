// SPDX-License-Identifier: Apache-2.0
// /proc/PID/cmdline of a child shows the arguments of its present program, also after it has called exec again and again.
// Breaks when what stands for a moved child keeps the first program's arguments, or shows none.
// calls: execve openat read
#include "../check.h"

static char name[64];

static int shows(pid_t child, const char* last) {
  char path[64], text[256], wanted[256];
  snprintf(path, sizeof path, "/proc/%d/cmdline", child);
  int file = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t got = file < 0 ? 0 : read(file, text, sizeof text);
  close(file);
  int bytes = snprintf(wanted, sizeof wanted, "%s%c%s%c", name, 0, last, 0);
  return got == bytes && memcmp(text, wanted, got) == 0;
}
static void become(const char* argument) {
  char* arguments[] = {name, (char*)argument, NULL};
  execv("/proc/self/exe", arguments);
  CHECK(!"exec");
}
// Each waits for a byte, and the next program waits for another.
static void next(const char* now) {
  char byte;
  CHECK(read(0, &byte, 1) == 1);
  if (strcmp(now, "first") == 0) become("second");
  if (strcmp(now, "second") == 0) become("and the third");
  exit(0);
}

int main(int count, char** arguments) {
  snprintf(name, sizeof name, "%s", "shown_arguments");
  if (count == 2) next(arguments[1]);
  int ends[2];
  CHECK(pipe(ends) == 0);
  pid_t child = fork();
  if (child == 0) {
    CHECK(dup2(ends[0], 0) == 0 && close(ends[0]) == 0 && close(ends[1]) == 0);
    become("first");
  }
  const char* programs[] = {"first", "second", "and the third"};
  for (int i = 0; i < 3; i++) {
    EVENTUALLY(shows(child, programs[i]));
    CHECK(write(ends[1], "x", 1) == 1);
  }
  CHECK(status_of(child) == 0);
  ok();
}
