// SPDX-License-Identifier: Apache-2.0
// The price of one system call through libc, in a process with a second thread.
//
// A call of no interest is getuid: it does nothing in the kernel, is entered from libc's own site, and its answer is
// the same on every node (setuid is carried to all residents), so superproc only has to let it through. getpid is the
// opposite: every thread must get the same number, so superproc answers it itself, without the kernel. (getppid would
// be a bad choice: the parent of a resident is not the parent of the program, so that is not a call of no interest.)
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { kCallsAWindow = 500 };

static uint32_t futex_word;

static void call_getuid(void) { (void)getuid(); }
static void call_getpid(void) { (void)getpid(); }
static void call_futex_wake(void) { syscall(SYS_futex, &futex_word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0); }

static double price_ns(void (*call)(void), struct Windows* windows, int64_t run_ns) {
  windows_open(windows, run_ns);
  while (windows_go_on(windows)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kCallsAWindow; i++) call();
    windows_add(windows, (double)(now_ns() - begin_ns) / kCallsAWindow);
  }
  return windows_median(windows);
}

static double price_at_home_ns(void (*call)(void), int64_t run_ns) {
  static struct Windows windows;
  start_sleeper();
  return price_ns(call, &windows, run_ns);
}

struct Caller {
  int64_t run_ns;
  double result_ns;
  pthread_barrier_t* both_exist;
};

static void* measure_in_thread(void* argument) {
  struct Caller* self = argument;
  static struct Windows windows; // the two threads measure one after the other
  pthread_barrier_wait(self->both_exist);
  self->result_ns = price_ns(call_getuid, &windows, self->run_ns);
  return NULL;
}

static void* stand_by(void* argument) {
  pthread_barrier_wait(((struct Caller*)argument)->both_exist);
  return NULL;
}

double null_call(int64_t run_ns) { return price_at_home_ns(call_getuid, run_ns); }
double pid_call(int64_t run_ns) { return price_at_home_ns(call_getpid, run_ns); }
double futex_wake(int64_t run_ns) { return price_at_home_ns(call_futex_wake, run_ns); }

// Two turns: the first of two created threads measures in the one, the second in the other; one of the two is remote.
double null_call_remote(int64_t run_ns) {
  double dearest_ns = 0;
  for (int turn = 0; turn < 2; turn++) {
    pthread_barrier_t both_exist;
    pthread_barrier_init(&both_exist, NULL, 2);
    struct Caller caller = {run_ns / 2, 0, &both_exist};
    pthread_t first = start_thread(turn == 0 ? measure_in_thread : stand_by, &caller);
    pthread_t second = start_thread(turn == 0 ? stand_by : measure_in_thread, &caller);
    pthread_join(first, NULL);
    pthread_join(second, NULL);
    pthread_barrier_destroy(&both_exist);
    if (caller.result_ns > dearest_ns) dearest_ns = caller.result_ns;
  }
  return dearest_ns;
}
