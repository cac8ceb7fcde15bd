// SPDX-License-Identifier: Apache-2.0
// What every test program includes first: CHECK, ok() and threads that land on every node.
//
// The programs know nothing of superproc; native Linux is the oracle. A new thread goes to the next node in turn, so whatever
// has to be seen on both of two nodes is done by at least two threads started one after another (run_on_each starts four).
// A failed CHECK names its line and ends the process with status 1 from any thread, without running anything at exit.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

__attribute__((noreturn, unused)) static void check_failed(const char* file, int line, const char* what) {
  int error = errno;
  char text[400];
  int length = snprintf(text, sizeof text, "%s:%d: failed: %s (errno %d %s, pid %d tid %d)\n", file, line, what, error,
                        strerror(error), (int)getpid(), (int)gettid());
  if (write(2, text, length) != length) _exit(2);
  _exit(1);
}
#define CHECK(condition) ((condition) ? (void)0 : check_failed(__FILE__, __LINE__, #condition))

// The success line; the program's name is its file's.
__attribute__((unused)) static void ok_named(const char* file) {
  const char* name = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
  printf("ok %.*s\n", (int)(strrchr(name, '.') - name), name);
  CHECK(fflush(stdout) == 0);
}
#define ok() ok_named(__BASE_FILE__)

typedef void* (*thread_body)(void*);

__attribute__((unused)) static void* nothing(void* argument) { return argument; }

__attribute__((unused)) static pthread_t start(thread_body body, const void* argument) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, body, (void*)argument);
  errno = error;
  CHECK(error == 0);
  return thread;
}

__attribute__((unused)) static void* join(pthread_t thread) {
  void* result = NULL;
  CHECK(pthread_join(thread, &result) == 0);
  return result;
}

// Four threads, one after another: two on each of two nodes, one on each of four.
__attribute__((unused)) static void run_on_each(thread_body body, const void* argument) {
  for (int i = 0; i < 4; i++) join(start(body, argument));
}

// `count` threads at once; each gets its index as argument.
__attribute__((unused)) static void run_together(int count, thread_body body) {
  pthread_t threads[count];
  for (intptr_t i = 0; i < count; i++) threads[i] = start(body, (void*)i);
  for (int i = 0; i < count; i++) join(threads[i]);
}

__attribute__((unused)) static void sleep_ms(int ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000L};
  while (nanosleep(&left, &left) != 0 && errno == EINTR) {
  }
}

// Waits, bounded, for what another thread or process is about to do.
#define EVENTUALLY(condition)                                                                                          \
  do {                                                                                                                 \
    for (int left_ = 50000; !(condition); left_--) {                                                                   \
      CHECK(left_ > 0 && "in time: " #condition);                                                                      \
      usleep(400);                                                                                                     \
    }                                                                                                                  \
  } while (0)

// The wait status of a child that is ours.
__attribute__((unused)) static int status_of(pid_t pid) {
  int status = -1;
  pid_t got;
  while ((got = waitpid(pid, &status, 0)) < 0 && errno == EINTR) {
  }
  CHECK(got == pid);
  return status;
}
#define CHECK_EXITED(pid, code)                                                                                        \
  do {                                                                                                                 \
    int status_ = status_of(pid);                                                                                      \
    CHECK(WIFEXITED(status_) && WEXITSTATUS(status_) == (code));                                                       \
  } while (0)
