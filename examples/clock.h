// SPDX-License-Identifier: Apache-2.0
// The one clock of the examples and measuring programs: monotonic, in nanoseconds. Read through the vDSO, so that
// asking for the time is not itself a system call in a window of some microseconds.
#ifndef SP_EXAMPLES_CLOCK_H
#define SP_EXAMPLES_CLOCK_H
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int ascending(const void* a, const void* b) {
  double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

// Sorts the values. The median, because a shared machine spoils means and a minimum hides what usually happens.
static inline double median(double* values, int value_count) {
  if (value_count == 0) return 0;
  qsort(values, (size_t)value_count, sizeof *values, ascending);
  return value_count % 2 ? values[value_count / 2] : (values[value_count / 2 - 1] + values[value_count / 2]) / 2;
}
#endif
