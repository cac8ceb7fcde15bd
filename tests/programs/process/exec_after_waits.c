// SPDX-License-Identifier: Apache-2.0
// A program that has just waited for a byte from another process becomes another, some hundred times. Breaks when what woke
// the wait comes a second time, late, to a program that knows nothing of it. Execs that fail end no wait of another thread.
// calls: execve read poll rt_sigaction
#include <poll.h>

#include "../check.h"

enum { kTurns = 150, kFails = 200 };

static int failing; // a pipe whose other thread still reads

static void* wait_for_byte(void* unused) {
  char byte;
  struct pollfd polled = {failing, POLLIN, 0};
  CHECK(poll(&polled, 1, -1) == 1 && read(failing, &byte, 1) == 1 && byte == 'z');
  return unused;
}

static void nothing_to_do(int number) { (void)number; }

// Descriptors: what is read, what is answered to.
static void take_turn(char** arguments) {
  int from = atoi(arguments[1]), to = atoi(arguments[2]), left = atoi(arguments[3]);
  char byte, number[12];
  signal(SIGUSR1, nothing_to_do); // a program with handlers waits otherwise than one without
  struct pollfd polled = {from, POLLIN, 0};
  if (left % 2) CHECK(poll(&polled, 1, -1) == 1 && polled.revents == POLLIN);
  CHECK(read(from, &byte, 1) == 1 && byte == 'x' && write(to, "y", 1) == 1);
  if (left > 1) {
    snprintf(number, sizeof number, "%d", left - 1);
    execl("/proc/self/exe", arguments[0], arguments[1], arguments[2], number, NULL);
    CHECK(!"execl");
  }
  failing = from;
  pthread_t waiter = start(wait_for_byte, NULL);
  for (int i = 0; i < kFails; i++) CHECK(execl("/no/such/program", "program", NULL) == -1 && errno == ENOENT);
  CHECK(write(to, "z", 1) == 1);
  join(waiter);
  exit(7);
}

int main(int count, char** arguments) {
  if (count == 4) take_turn(arguments);
  int there[2], back[2];
  CHECK(pipe(there) == 0 && pipe(back) == 0);
  pid_t child = fork();
  if (child == 0) {
    char from[12], to[12], turns[12];
    close(there[1]), close(back[0]);
    snprintf(from, sizeof from, "%d", there[0]), snprintf(to, sizeof to, "%d", back[1]);
    snprintf(turns, sizeof turns, "%d", kTurns);
    execl("/proc/self/exe", arguments[0], from, to, turns, NULL);
    CHECK(!"execl");
  }
  close(there[0]), close(back[1]);
  for (int turn = 0; turn < kTurns; turn++) {
    char byte;
    usleep((turn % 4) * 300);
    CHECK(write(there[1], "x", 1) == 1 && read(back[0], &byte, 1) == 1 && byte == 'y');
  }
  char byte;
  CHECK(read(back[0], &byte, 1) == 1 && byte == 'z' && write(there[1], "z", 1) == 1);
  CHECK_EXITED(child, 7);
  ok();
}
