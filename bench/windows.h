// SPDX-License-Identifier: Apache-2.0
// How every probe measures: many short windows over a fixed time, of which the first part only warms up, and the
// median of the rest. A machine shared with others spoils single windows; it rarely spoils half of them.
#ifndef SP_BENCH_WINDOWS_H
#define SP_BENCH_WINDOWS_H
#include "examples/clock.h"
#include <stdbool.h>

enum { kWindowsMax = 8192, kWindowsMin = 5 };

struct Windows {
  int64_t warm_ns, end_ns; // values before the one are dropped, none is taken after the other
  int count;
  double values[kWindowsMax];
};

static inline void windows_open(struct Windows* windows, int64_t run_ns) {
  int64_t now = now_ns();
  windows->warm_ns = now + run_ns / 5;
  windows->end_ns = now + run_ns;
  windows->count = 0;
}

// At least a few values, however slow one is.
static inline bool windows_go_on(const struct Windows* windows) {
  return windows->count < kWindowsMax && (windows->count < kWindowsMin || now_ns() < windows->end_ns);
}

static inline void windows_add(struct Windows* windows, double value) {
  if (now_ns() >= windows->warm_ns && windows->count < kWindowsMax) windows->values[windows->count++] = value;
}

static inline double windows_median(struct Windows* windows) { return median(windows->values, windows->count); }
#endif
