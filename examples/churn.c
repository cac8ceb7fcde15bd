// SPDX-License-Identifier: Apache-2.0
// churn: every thread maps an anonymous block, touches each of its pages and unmaps it, again and again. In one
// process the threads meet on the kernel's locks of the memory map and interrupt each other's CPUs to flush
// translations; with an address space for each node they do not. A plain pthread program; no thread binds itself to a
// CPU.
//
// The figure is operations per second over all threads: for each thread the median of windows of about 10 ms, summed,
// so that what else runs on the machine spoils some windows and not the result.
#define _GNU_SOURCE
#include "clock.h"
#include "size.h"
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

enum { kThreadsMax = 64, kWindowsMax = 4096, kWindowNs = 10000000, kTouchBytes = 4096 };

struct Thread {
  _Alignas(64) double rate;
  int window_count;
  int error;
};

static size_t block_bytes = 4096;
static double run_seconds = 1;
static pthread_barrier_t start;
static struct Thread threads[kThreadsMax];

static int churn_once(void) {
  char* block = mmap(NULL, block_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (block == MAP_FAILED) return errno;
  for (size_t at = 0; at < block_bytes; at += kTouchBytes) ((volatile char*)block)[at] = 1;
  return munmap(block, block_bytes) == 0 ? 0 : errno;
}

static void* churn(void* argument) {
  struct Thread* self = argument;
  int batch = block_bytes <= 65536 ? 4 : 1; // blocks between two looks at the clock
  double rates[kWindowsMax];
  int window_count = 0;
  pthread_barrier_wait(&start);
  int64_t begin_ns = now_ns(), end_ns = begin_ns + (int64_t)(run_seconds * 1e9), at_ns = begin_ns;
  while (at_ns < end_ns && window_count < kWindowsMax && self->error == 0) {
    int64_t window_ns = at_ns;
    long operations = 0;
    do {
      for (int i = 0; i < batch && self->error == 0; i++) self->error = churn_once();
      operations += batch;
      at_ns = now_ns();
    } while (at_ns - window_ns < kWindowNs && self->error == 0);
    rates[window_count++] = (double)operations * 1e9 / (double)(at_ns - window_ns);
  }
  self->rate = median(rates, window_count);
  self->window_count = window_count;
  return NULL;
}

static void usage(FILE* to) {
  fprintf(to, "usage: churn [--size BYTES] [--threads N] [--seconds S] [--json | --number]\n"
              "  --size BYTES   of a block; K, M and G may follow (4K)\n"
              "  --threads N    that do it at once (2)\n"
              "  --seconds S    how long (1)\n"
              "  --json         the result for programs\n"
              "  --number       nothing but the operations per second\n");
}

int main(int argc, char** argv) {
  static const struct option options[] = {{"size", required_argument, NULL, 'b'},
                                          {"threads", required_argument, NULL, 't'},
                                          {"seconds", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"number", no_argument, NULL, 'n'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int thread_count = 2, form = 0, option;
  while ((option = getopt_long(argc, argv, "b:t:s:jnh", options, NULL)) != -1) {
    if (option == 'h') return usage(stdout), 0;
    if (option == 'b')
      block_bytes = (size_t)parse_size(optarg);
    else if (option == 't')
      thread_count = atoi(optarg);
    else if (option == 's')
      run_seconds = atof(optarg);
    else if (option == 'j' || option == 'n')
      form = option;
    else
      return usage(stderr), 2;
  }
  if (optind != argc || block_bytes == 0 || thread_count < 1 || thread_count > kThreadsMax || !(run_seconds > 0) ||
      run_seconds > 3600)
    return usage(stderr), 2;

  pthread_barrier_init(&start, NULL, (unsigned)thread_count);
  pthread_t ids[kThreadsMax];
  for (int i = 0; i < thread_count; i++) {
    int error = pthread_create(&ids[i], NULL, churn, &threads[i]);
    if (error != 0) {
      fprintf(stderr, "churn: pthread_create: %s\n", strerror(error));
      return 1;
    }
  }
  double total = 0;
  int window_count = 0;
  for (int i = 0; i < thread_count; i++) {
    pthread_join(ids[i], NULL);
    if (threads[i].error != 0) {
      fprintf(stderr, "churn: thread %d: %s\n", i, strerror(threads[i].error));
      return 1;
    }
    total += threads[i].rate;
    window_count += threads[i].window_count;
  }

  if (form == 'n') {
    printf("%.1f\n", total);
  } else if (form == 'j') {
    printf("{\"size_bytes\": %zu, \"threads\": %d, \"windows\": %d, \"ops_per_s\": %.1f, \"per_thread\": [",
           block_bytes, thread_count, window_count, total);
    for (int i = 0; i < thread_count; i++) printf("%s%.1f", i ? ", " : "", threads[i].rate);
    printf("]}\n");
  } else {
    printf("%zu bytes, %d threads: %.0f blocks mapped, touched and unmapped a second\n", block_bytes, thread_count,
           total);
  }
  return 0;
}
