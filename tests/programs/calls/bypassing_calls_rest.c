// SPDX-License-Identifier: Apache-2.0
// The further calls of io_uring and AIO, with bad arguments: EBADF, EINVAL or ENOSYS, in each thread, and nothing else happens.
// Breaks when such a call is passed on half.
// calls: io_uring_enter io_uring_register io_cancel io_pgetevents io_submit io_getevents io_destroy
// threads: 4
#include "../check.h"
#include <linux/aio_abi.h>

static int refused(long result) {
  return result == -1 &&
         (errno == ENOSYS || errno == EBADF || errno == EINVAL || errno == EOPNOTSUPP || errno == EPERM);
}
static void* body(void* argument) {
  struct iocb request = {0}, *list = &request;
  struct io_event event;
  int pipe_ends[2];
  CHECK(pipe(pipe_ends) == 0);
  CHECK(refused(syscall(SYS_io_uring_enter, pipe_ends[0], 1, 0, 0, NULL, 0)));
  CHECK(refused(syscall(SYS_io_uring_register, pipe_ends[0], 99, NULL, 0)));
  CHECK(refused(syscall(SYS_io_submit, 0L, 1L, &list)) && refused(syscall(SYS_io_cancel, 0L, &request, &event)));
  CHECK(refused(syscall(SYS_io_getevents, 0L, 0L, 0L, NULL, NULL)) && refused(syscall(SYS_io_destroy, 0L)));
  CHECK(refused(syscall(SYS_io_pgetevents, 0L, 0L, 0L, NULL, NULL, NULL)));
  close(pipe_ends[0]), close(pipe_ends[1]);
  return argument;
}

int main(void) {
  body(NULL);
  run_on_each(body, NULL);
  ok();
}
