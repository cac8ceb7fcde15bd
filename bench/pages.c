// SPDX-License-Identifier: Apache-2.0
// Fresh anonymous memory: what the first touch of a page costs and what giving it back costs, in a process with a
// second thread.
//
// Where the machine gives huge pages unasked, one touch brings in 512 pages and the price of a page means nothing; so
// the process declines them, except in first-touch-default, which shows what a program meets on this machine as it
// is.
#define _GNU_SOURCE
#include "bench/probe.h"
#include "bench/windows.h"
#include <sys/mman.h>
#include <sys/prctl.h>

enum { kBlockBytes = 16 << 20, kPageBytes = 4096, kPages = kBlockBytes / kPageBytes };

static void touch_and_release(int64_t run_ns, double* touch_ns, double* release_ns) {
  static struct Windows touch, release;
  start_sleeper();
  windows_open(&touch, run_ns);
  windows_open(&release, run_ns);
  while (windows_go_on(&touch) && windows_go_on(&release)) {
    volatile char* block = mmap(NULL, kBlockBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(block != MAP_FAILED, "mmap failed");
    int64_t begin_ns = now_ns();
    for (long at = 0; at < kBlockBytes; at += kPageBytes) block[at] = 1;
    int64_t touched_ns = now_ns();
    require(munmap((void*)block, kBlockBytes) == 0, "munmap failed");
    int64_t released_ns = now_ns();
    windows_add(&touch, (double)(touched_ns - begin_ns) / kPages);
    windows_add(&release, (double)(released_ns - touched_ns) / kPages);
  }
  *touch_ns = windows_median(&touch);
  *release_ns = windows_median(&release);
}

double first_touch_default(int64_t run_ns) {
  double touch_ns, release_ns;
  touch_and_release(run_ns, &touch_ns, &release_ns);
  return touch_ns;
}

double first_touch(int64_t run_ns) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  return first_touch_default(run_ns);
}

double page_release(int64_t run_ns) {
  double touch_ns, release_ns;
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  touch_and_release(run_ns, &touch_ns, &release_ns);
  return release_ns;
}
