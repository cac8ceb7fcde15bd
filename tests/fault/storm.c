// SPDX-License-Identifier: Apache-2.0
// storm KIND THREADS: threads that do one thing without end, to be killed in the middle of it; prints `ready` when all do.
// storm end HOW THREADS: ends in one of many ways while the other threads go on; HOW names it.
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static atomic_int running;
static const char* kind;
static atomic_uint word;

static void* nothing(void* argument) { return argument; }

static void once(uint32_t turn) {
  if (!strcmp(kind, "idle")) {
    pause();
  } else if (!strcmp(kind, "compute")) {
    for (volatile int i = 0; i < 1000000; ++i) {
    }
  } else if (!strcmp(kind, "fork")) {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    if (pid > 0) waitpid(pid, 0, 0);
  } else if (!strcmp(kind, "exec")) {
    const pid_t pid = fork();
    if (pid == 0) {
      execl("/bin/true", "true", (char*)0);
      _exit(127);
    }
    if (pid > 0) waitpid(pid, 0, 0);
  } else if (!strcmp(kind, "spawn")) {
    pid_t pid;
    char* words[] = {"true", 0};
    if (posix_spawn(&pid, "/bin/true", 0, 0, words, environ) == 0) waitpid(pid, 0, 0);
  } else if (!strcmp(kind, "mmap")) {
    const size_t bytes = 4096u << (turn % 9);
    char* at = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return;
    memset(at, 1, bytes);
    mprotect(at, 4096, PROT_READ);
    munmap(at, bytes);
  } else if (!strcmp(kind, "create")) {
    pthread_t thread;
    if (pthread_create(&thread, 0, nothing, 0) == 0) pthread_join(thread, 0);
  } else if (!strcmp(kind, "malloc")) {
    free(memset(malloc(1 + turn * 7919 % 300000), 1, 1));
  } else if (!strcmp(kind, "futex")) {
    atomic_fetch_add(&word, 1);
    syscall(SYS_futex, &word, 1 /* wake */, 1, 0, 0, 0);
    struct timespec soon = {0, 100000};
    syscall(SYS_futex, &word, 0 /* wait */, atomic_load(&word), &soon, 0, 0);
  } else {
    fprintf(stderr, "storm: no such kind: %s\n", kind);
    _exit(99);
  }
}

static void* storm(void* argument) {
  atomic_fetch_add(&running, 1);
  for (uint32_t turn = (uint32_t)(uintptr_t)argument;; ++turn) once(turn);
}

static int end_how(const char* how) {
  if (!strcmp(how, "exit")) exit(7);
  if (!strcmp(how, "_exit")) _exit(8);
  if (!strcmp(how, "abort")) abort();
  if (!strcmp(how, "segv")) *(volatile int*)16 = 1;
  if (!strcmp(how, "fpe")) {
    volatile int zero = 0;
    zero = 7 / zero;
  }
  if (!strcmp(how, "ill")) __builtin_trap();
  if (!strncmp(how, "raise-", 6)) raise(atoi(how + 6));
  if (!strncmp(how, "kill-", 5)) kill(getpid(), atoi(how + 5));
  if (!strcmp(how, "overflow")) {
    volatile char frame[100000];
    frame[0] = 1;
    return end_how(how) + frame[0];
  }
  if (!strcmp(how, "exec")) execl("/bin/sh", "sh", "-c", "exit 9", (char*)0);
  sleep(1);
  _exit(98);
}

static void* end_thread(void* how) {
  end_how(how);
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return 99;
  const char* how = !strcmp(argv[1], "end") ? argv[2] : 0;
  kind = how ? "compute" : argv[1];
  const int threads = atoi(argv[how ? 3 : 2]);
  for (long i = 0; i < threads; ++i) {
    pthread_t thread;
    // The last one ends it all: which node it is on is chosen by how many there are.
    if (pthread_create(&thread, 0, how && i == threads - 1 ? end_thread : storm,
                       how && i == threads - 1 ? (void*)how : (void*)i)) {
      fprintf(stderr, "storm: no thread: %s\n", strerror(errno));
      return 99;
    }
  }
  if (how && threads == 0) end_how(how);
  while (!how && atomic_load(&running) < threads) usleep(1000);
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
