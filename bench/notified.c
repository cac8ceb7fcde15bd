// SPDX-License-Identifier: Apache-2.0
// What calls of a program without the shim cost away from its first node (spd/supervisor.hpp): linked statically as
// sp-bench-notified, dynamically as sp-bench-with-shim. Standard input is the shadow's; /dev/null opened here is this node's.
//   sp-bench-notified </dev/null; spctl run --isolate -- sh -c 'true; sp-bench-notified' </dev/null
// Medians of 31 batches, in ns a call; with the argument `own` or `shadow` only what such a read costs, in us.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { kBatches = 31 };

static double now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e9 + t.tv_nsec;
}

static int by_value(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static double median_ns(int count, long number, long first) {
  static char byte;
  double batches[kBatches];
  for (int b = 0; b < kBatches; b++) {
    const double began = now_ns();
    for (int i = 0; i < count; i++) syscall(number, first, &byte, 1);
    batches[b] = (now_ns() - began) / count;
  }
  qsort(batches, kBatches, sizeof *batches, by_value);
  return batches[kBatches / 2];
}

static void measure(const char* what, int count, long number, long first) {
  printf("%-46s %9.0f\n", what, median_ns(count, number, first));
}

int main(int count, char** arguments) {
  const int low = open("/dev/null", O_RDONLY), high = fcntl(low, F_DUPFD, 64);
  if (count == 2) {
    const int own = strcmp(arguments[1], "own") == 0;
    return printf("%.2f\n", median_ns(300, SYS_read, own ? low : STDIN_FILENO) / 1000) < 0;
  }
  measure("getuid: never asked about", 10000, SYS_getuid, 0);
  measure("read of this node's file, number 64 and above", 10000, SYS_read, high);
  measure("read of this node's file, a low number", 300, SYS_read, low);
  measure("read of the shadow's file", 300, SYS_read, 0);
  return low < 0 || high < 64;
}
