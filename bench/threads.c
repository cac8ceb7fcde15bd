// SPDX-License-Identifier: Apache-2.0
// Making threads, and two threads that wake each other.
//
// A round trip between two CPUs costs what waking an idle CPU costs, which on a virtual machine is most of it; on one
// CPU it costs two switches, a tenth of that. Natively the scheduler picks one or the other by mood, so the
// like-for-like measurement keeps the two threads on different CPUs, as different nodes are; the -free one leaves it
// to the scheduler.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <sched.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { kPairsAWindow = 10, kTripsAWindow = 100 };

pthread_t start_thread(void* (*run)(void*), void* argument) {
  pthread_t thread;
  require(pthread_create(&thread, NULL, run, argument) == 0, "pthread_create failed");
  return thread;
}

static sem_t asleep, never;

static void* sleep_for_ever(void* argument) {
  sem_post(&asleep);
  while (sem_wait(&never) != 0) {
  }
  return argument;
}

void start_sleeper(void) {
  start_thread(sleep_for_ever, NULL);
  while (sem_wait(&asleep) != 0) {
  }
}

static void* do_nothing(void* argument) { return argument; }

static int64_t create_and_join_ns(void) {
  int64_t begin_ns = now_ns();
  pthread_t thread = start_thread(do_nothing, NULL);
  pthread_join(thread, NULL);
  return now_ns() - begin_ns;
}

// Created threads alternate between the nodes, so every second creation is a remote one: the two kinds are measured
// apart, in the same windows. Natively they are alike.
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

static int stay_on(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof set, &set);
}

static atomic_int first_cpu = -1;

// The first thread stays where it is, the second one too if that is another CPU, as it is under superproc, where
// nodes have CPUs of their own; else it goes to the next one that it may use. Where there is one CPU only they share
// it.
void stay_apart(int rank) {
  cpu_set_t allowed;
  int cpu = sched_getcpu();
  if (rank == 0) {
    stay_on(cpu);
    atomic_store(&first_cpu, cpu);
    return;
  }
  int taken;
  while ((taken = atomic_load(&first_cpu)) == -1) sched_yield();
  if (cpu != taken && stay_on(cpu) == 0) return;
  require(pthread_getaffinity_np(pthread_self(), sizeof allowed, &allowed) == 0, "the CPU affinity cannot be read");
  for (cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (cpu != taken && CPU_ISSET(cpu, &allowed) && stay_on(cpu) == 0) return;
}

static sem_t ping, pong;
static atomic_bool stop;
static bool apart;
static struct Windows trips;

static void* ask(void* argument) {
  if (apart) stay_apart(0);
  windows_open(&trips, *(int64_t*)argument);
  while (windows_go_on(&trips)) {
    int64_t begin_ns = now_ns();
    for (int i = 0; i < kTripsAWindow; i++) {
      sem_post(&ping);
      while (sem_wait(&pong) != 0) {
      }
    }
    windows_add(&trips, (double)(now_ns() - begin_ns) / kTripsAWindow * 1e-3);
  }
  atomic_store(&stop, true);
  sem_post(&ping);
  return NULL;
}

static void* answer(void* argument) {
  if (apart) stay_apart(1);
  for (;;) {
    while (sem_wait(&ping) != 0) {
    }
    if (atomic_load(&stop)) return argument;
    sem_post(&pong);
  }
}

double semaphore_roundtrip_free(int64_t run_ns) {
  sem_init(&ping, 0, 0);
  sem_init(&pong, 0, 0);
  pthread_t first = start_thread(ask, &run_ns), second = start_thread(answer, NULL);
  pthread_join(first, NULL);
  pthread_join(second, NULL);
  return windows_median(&trips);
}

double semaphore_roundtrip(int64_t run_ns) {
  apart = true;
  return semaphore_roundtrip_free(run_ns);
}
