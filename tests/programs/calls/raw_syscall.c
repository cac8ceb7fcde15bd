// SPDX-License-Identifier: Apache-2.0
// The same work by libc's syscall(): files, memory, time, ids, futex, with all six arguments, errno and results as
// natively. Breaks at libc's one generic syscall site, whose number is not a constant.
// calls: openat read write close mmap munmap pwrite64 pread64 gettid clock_gettime futex memfd_create
// threads: 4
#include "../check.h"

static void* body(void* argument) {
  char bytes[8] = "";
  struct timespec now;
  int fd = (int)syscall(SYS_memfd_create, "raw", 0);
  CHECK(fd >= 0 && syscall(SYS_write, fd, "abcdef", 6L) == 6 && syscall(SYS_pwrite64, fd, "XY", 2L, 2L) == 2);
  CHECK(syscall(SYS_pread64, fd, bytes, 6L, 0L) == 6 && memcmp(bytes, "abXYef", 6) == 0);
  CHECK(syscall(SYS_ftruncate, fd, 8192L) == 0);
  char* memory = (char*)syscall(SYS_mmap, NULL, 8192L, (long)(PROT_READ | PROT_WRITE), (long)MAP_SHARED, (long)fd, 0L);
  CHECK((intptr_t)memory > 0 && memcmp(memory, "abXYef", 6) == 0);
  CHECK(syscall(SYS_munmap, memory, 8192L) == 0 && syscall(SYS_close, fd) == 0);
  CHECK(syscall(SYS_close, fd) == -1 && errno == EBADF);
  CHECK(syscall(SYS_getpid) == getpid() && syscall(SYS_gettid) == gettid());
  CHECK(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now) == 0 && now.tv_sec > 0);
  CHECK(syscall(SYS_read, 0, (void*)1, 1L) <= 0);
  CHECK(syscall(99999) == -1 && errno == ENOSYS && syscall(-1) == -1 && errno == ENOSYS);
  CHECK(syscall(SYS_sched_yield) == 0);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
