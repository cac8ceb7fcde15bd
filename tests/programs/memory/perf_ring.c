// SPDX-License-Identifier: Apache-2.0
// A thread reads the ring of a perf event that main mapped before there were threads. Breaks when the thread runs where
// that memory is not: the kernel gives it to no fork's child.
// calls: perf_event_open mmap
#include "../check.h"
#include <linux/perf_event.h>

static void* reads(void* ring) {
  const struct perf_event_mmap_page* page = ring;
  CHECK(page->version == 0 || page->compat_version <= page->version);
  CHECK(page->data_head == 0 && page->data_size == 4096);
  return ring;
}

int main(void) {
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE, .size = sizeof event, .config = PERF_COUNT_SW_DUMMY};
  event.exclude_kernel = event.exclude_hv = 1;
  int fd = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, 0);
  if (fd < 0) {
    CHECK(errno == EACCES || errno == EPERM || errno == ENOSYS || errno == ENOENT);
    fprintf(stderr, "this user may have no perf events: nothing is tested\n");
    ok();
    return 0;
  }
  void* ring = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  CHECK(ring != MAP_FAILED);
  run_on_each(reads, ring);
  CHECK(munmap(ring, 8192) == 0 && close(fd) == 0);
  ok();
}
