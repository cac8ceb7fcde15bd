// SPDX-License-Identifier: Apache-2.0
// A signal to oneself, handled before the call returns, and two threads that send each other one and wait for it.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <signal.h>
#include <stdatomic.h>

enum { kSignalsAWindow = 50 };

static volatile sig_atomic_t handled_count;

static void count_it(int signal) {
  (void)signal;
  handled_count++;
}

double signal_self(int64_t run_ns) {
  static struct Windows windows;
  struct sigaction action = {.sa_handler = count_it};
  require(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction failed");
  start_sleeper();
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) {
    sig_atomic_t before = handled_count;
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kSignalsAWindow; i++) pthread_kill(pthread_self(), SIGUSR1);
    windows_add(&windows, (double)(now_ns() - begin_ns) / kSignalsAWindow * 1e-3);
    require(handled_count - before == kSignalsAWindow, "a signal to oneself was not handled at once");
  }
  return windows_median(&windows);
}

static struct Windows trips;
static _Atomic pthread_t server, client;
static atomic_bool stop;
static bool apart;

static void wait_for_signal(void) {
  sigset_t set;
  int signal;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  while (sigwait(&set, &signal) != 0) {
  }
}

static void* serve(void* argument) {
  if (apart) stay_apart(0);
  for (;;) {
    wait_for_signal();
    if (atomic_load(&stop)) return argument;
    pthread_kill(atomic_load(&client), SIGUSR1);
  }
}

static void* ask(void* argument) {
  atomic_store(&client, pthread_self());
  if (apart) stay_apart(1);
  windows_open(&trips, *(int64_t*)argument);
  while (windows_go_on(&trips)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kSignalsAWindow; i++) {
      pthread_kill(atomic_load(&server), SIGUSR1);
      wait_for_signal();
    }
    windows_add(&trips, (double)(now_ns() - begin_ns) / kSignalsAWindow * 1e-3);
  }
  atomic_store(&stop, true);
  pthread_kill(atomic_load(&server), SIGUSR1);
  return NULL;
}

// The signal is blocked before the threads exist, so none can be lost between one's sending and the other's waiting.
double signal_cross_free(int64_t run_ns) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  pthread_t first = start_thread(serve, NULL);
  atomic_store(&server, first);
  pthread_t second = start_thread(ask, &run_ns);
  pthread_join(second, NULL);
  pthread_join(first, NULL);
  return windows_median(&trips);
}

double signal_cross(int64_t run_ns) {
  apart = true;
  return signal_cross_free(run_ns);
}
