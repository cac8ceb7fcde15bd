// SPDX-License-Identifier: Apache-2.0
// POSIX record locks belong to the process, so threads do not exclude one another; open-file and flock locks do; a
// child conflicts. Breaks when a remote thread locks as its resident: it would be refused, and F_GETLK would name the
// resident's pid.
// calls: fcntl flock fork
// threads: 5
#include "../check.h"
#include <sys/file.h>

static int fd;
static char name[] = "/tmp/sp-program-XXXXXX";

static struct flock whole(int kind) { return (struct flock){.l_type = kind, .l_whence = SEEK_SET, .l_len = 10}; }
static void* locks_again(void* argument) {
  struct flock lock = whole(F_WRLCK);
  CHECK(fcntl(fd, F_SETLK, &lock) == 0);
  lock = whole(F_WRLCK);
  CHECK(fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type == F_UNLCK);
  int other = open(name, O_RDWR);
  CHECK(other >= 0 && flock(other, LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK);
  lock = whole(F_WRLCK);
  pid_t child = fork();
  if (child == 0) {
    CHECK(fcntl(other, F_SETLK, &lock) == -1 && (errno == EAGAIN || errno == EACCES));
    CHECK(fcntl(other, F_GETLK, &lock) == 0 && lock.l_type == F_WRLCK && lock.l_pid == getppid());
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  close(other); // which drops all record locks of this process on the file
  child = fork();
  if (child == 0) _exit(fcntl(fd, F_SETLK, &lock));
  CHECK_EXITED(child, 0);
  return argument;
}

int main(void) {
  fd = mkstemp(name);
  CHECK(fd >= 0 && flock(fd, LOCK_EX) == 0);
  locks_again(NULL);
  run_on_each(locks_again, NULL);
  struct flock lock = whole(F_WRLCK);
  CHECK(fcntl(fd, F_SETLK, &lock) == 0);
  join(start(locks_again, NULL));
  CHECK(unlink(name) == 0);
  ok();
}
