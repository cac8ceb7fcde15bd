// SPDX-License-Identifier: Apache-2.0
// Making threads, and two threads that wake each other.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <semaphore.h>
#include <stdatomic.h>

enum { kPairsAWindow = 10, kTripsAWindow = 100 };

pthread_t start_thread(void* (*run)(void*), void* argument) {
  pthread_t thread;
  require(pthread_create(&thread, NULL, run, argument) == 0, "pthread_create failed");
  return thread;
}

static sem_t asleep, never;

static void* sleep_for_ever(void* argument) {
  sem_post(&asleep);
  while (sem_wait(&never) != 0) {}
  return argument;
}

void start_sleeper(void) {
  start_thread(sleep_for_ever, NULL);
  while (sem_wait(&asleep) != 0) {}
}

static void* do_nothing(void* argument) { return argument; }

static int64_t create_and_join_ns(void) {
  int64_t begin_ns = now_ns();
  pthread_t thread = start_thread(do_nothing, NULL);
  pthread_join(thread, NULL);
  return now_ns() - begin_ns;
}

// Created threads alternate between the nodes, so every second creation is a remote one: the two kinds are measured apart, in
// the same windows. Natively they are alike.
static void both_kinds_us(int64_t run_ns, double* dearer_us, double* cheaper_us) {
  static struct Windows odd, even;
  windows_open(&odd, run_ns);
  windows_open(&even, run_ns);
  while (windows_go_on(&odd) && windows_go_on(&even)) {
    int64_t odd_ns = 0, even_ns = 0;
    for (int i = 0; i < kPairsAWindow; i++) {
      odd_ns += create_and_join_ns();
      even_ns += create_and_join_ns();
    }
    windows_add(&odd, (double)odd_ns / kPairsAWindow * 1e-3);
    windows_add(&even, (double)even_ns / kPairsAWindow * 1e-3);
  }
  double odd_us = windows_median(&odd), even_us = windows_median(&even);
  *dearer_us = odd_us > even_us ? odd_us : even_us;
  *cheaper_us = odd_us > even_us ? even_us : odd_us;
}

double thread_create_join(int64_t run_ns) {
  double dearer_us, cheaper_us;
  both_kinds_us(run_ns, &dearer_us, &cheaper_us);
  return dearer_us;
}

double thread_create_join_local(int64_t run_ns) {
  double dearer_us, cheaper_us;
  both_kinds_us(run_ns, &dearer_us, &cheaper_us);
  return cheaper_us;
}

static sem_t ping, pong;
static atomic_bool stop;
static struct Windows trips;

static void* serve(void* argument) {
  int64_t run_ns = *(int64_t*)argument;
  windows_open(&trips, run_ns);
  while (windows_go_on(&trips)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; i++) {
      sem_post(&ping);
      while (sem_wait(&pong) != 0) {}
    }
    windows_add(&trips, (double)(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  atomic_store(&stop, true);
  sem_post(&ping);
  return NULL;
}

static void* give_back(void* argument) {
  for (;;) {
    while (sem_wait(&ping) != 0) {}
    if (atomic_load(&stop)) return argument;
    sem_post(&pong);
  }
}

// Nothing is bound to a CPU: natively the scheduler is free to choose the placement that suits it best.
double semaphore_roundtrip(int64_t run_ns) {
  sem_init(&ping, 0, 0);
  sem_init(&pong, 0, 0);
  pthread_t first = start_thread(serve, &run_ns), second = start_thread(give_back, NULL);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
  return windows_median(&trips);
}
