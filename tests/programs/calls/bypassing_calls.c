// SPDX-License-Identifier: Apache-2.0
// io_uring, AIO and userfaultfd either work as natively or are refused with an errno for which libraries fall back.
// Breaks when the kernel works on memory or descriptors behind superproc's back, or the refusal is another error.
// calls: io_uring_setup io_setup io_submit io_getevents io_destroy userfaultfd
// threads: 4
#include "../check.h"
#include <linux/aio_abi.h>
#include <linux/io_uring.h>

static void* body(void* argument) {
  struct io_uring_params parameters;
  memset(&parameters, 0, sizeof parameters);
  int ring = (int)syscall(SYS_io_uring_setup, 4, &parameters);
  CHECK(ring >= 0 || errno == ENOSYS || errno == EPERM);
  if (ring >= 0) {
    size_t size = parameters.sq_off.array + parameters.sq_entries * 4;
    char* map = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, IORING_OFF_SQ_RING);
    CHECK(map != MAP_FAILED && munmap(map, size) == 0 && close(ring) == 0);
  }
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, 4, &context) == 0) {
    char byte = 0;
    int fd = memfd_create("aio", MFD_CLOEXEC);
    CHECK(write(fd, "x", 1) == 1);
    struct iocb request = {.aio_fildes = fd,
                           .aio_lio_opcode = IOCB_CMD_PREAD,
                           .aio_buf = (uint64_t)&byte,
                           .aio_nbytes = 1},
                *list = &request;
    struct io_event event;
    CHECK(syscall(SYS_io_submit, context, 1, &list) == 1 &&
          syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1);
    CHECK(event.res == 1 && byte == 'x' && close(fd) == 0 && syscall(SYS_io_destroy, context) == 0);
  } else {
    CHECK(errno == ENOSYS);
  }
  int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  CHECK(fd >= 0 || errno == ENOSYS || errno == EPERM);
  if (fd >= 0) close(fd);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
