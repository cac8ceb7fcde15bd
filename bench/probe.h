// SPDX-License-Identifier: Apache-2.0
// A probe measures one thing about the system under the program and returns one number. It is a plain pthread
// program's code: natively and under superproc exactly the same instructions run, so the ratio of two runs is
// superproc's doing.
//
// Which thread is remote? Under superproc's round-robin two threads created one after the other are on different
// nodes, and nothing more is assumed: what needs two nodes uses two created threads, while the main thread waits;
// where the home node's and the other node's figures differ the dearer one is taken.
#ifndef SP_BENCH_PROBE_H
#define SP_BENCH_PROBE_H
#include <pthread.h>
#include <stdint.h>

struct Probe {
  const char* name;
  const char* unit;
  double (*measure)(int64_t run_ns);
};

// calls.c
double null_call(int64_t run_ns);
double null_call_remote(int64_t run_ns);
double pid_call(int64_t run_ns);
double futex_wake(int64_t run_ns);
// threads.c
double thread_create_join(int64_t run_ns);
double thread_create_join_local(int64_t run_ns);
double semaphore_roundtrip(int64_t run_ns);
double semaphore_roundtrip_free(int64_t run_ns);
// pages.c
double first_touch(int64_t run_ns);
double first_touch_default(int64_t run_ns);
double page_release(int64_t run_ns);
// pairs.c
double brk_2(int64_t run_ns);
double dup_2(int64_t run_ns);
double open_2(int64_t run_ns);
double malloc_2(int64_t run_ns);
double mutex_contended(int64_t run_ns);
// signals.c
double signal_self(int64_t run_ns);
double signal_cross(int64_t run_ns);
double signal_cross_free(int64_t run_ns);
// processes.c
double fork_exit_wait(int64_t run_ns);
double spawn_wait(int64_t run_ns);
// neighbours.c
double pipe_roundtrip(int64_t run_ns);
double pipe_moved(int64_t run_ns);
double tcp_roundtrip(int64_t run_ns);
double signal_roundtrip(int64_t run_ns);
double read_4k(int64_t run_ns);
double notified_read(int64_t run_ns);
double notified_own_read(int64_t run_ns);
double fork_small(int64_t run_ns);
double fork_big(int64_t run_ns);
double fork_at_once(int64_t run_ns);
double spawn_moved(int64_t run_ns);
int be_peer(char** arguments);

// threads.c: a thread that sleeps to the end of the process, so that the process is a threaded one (and converted).
void start_sleeper(void);
// As pthread_create; ends the process with a message when it fails.
pthread_t start_thread(void* (*run)(void*), void* argument);
// For each of two threads, ranks 0 and 1: keeps them on different CPUs from now on.
void stay_apart(int rank);
// sp-bench-probe.c
void require(int condition, const char* what);
#endif
