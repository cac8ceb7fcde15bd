// SPDX-License-Identifier: Apache-2.0
// Calls that find files by name: open, openat2, stat in all its forms, access, readlinkat; relative to a descriptor of another thread,
// and names below /proc/self. Breaks when names are looked at by the shim (for /proc/self) and passed on changed.
// calls: open openat2 lstat newfstatat statx access faccessat faccessat2 readlinkat readlink
// threads: 5
#include "../check.h"
#include <linux/openat2.h>

static int folder_fd;

static void* body(void* argument) {
  struct stat status;
  struct statx extended;
  struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
  char text[100] = "";
  int fd = (int)syscall(SYS_open, "/proc/self/stat", O_RDONLY, 0);
  CHECK(fd >= 0 && read(fd, text, 50) > 0 && atoi(text) == getpid() && close(fd) == 0);
  CHECK(syscall(SYS_lstat, "/proc/self", &status) == 0 && S_ISLNK(status.st_mode));
  CHECK(syscall(SYS_readlink, "/proc/self", text, 99L) > 0 && atoi(text) == getpid());
  memset(text, 0, sizeof text);
  CHECK(syscall(SYS_readlinkat, AT_FDCWD, "/proc/self", text, 99L) > 0 && atoi(text) == getpid());
  CHECK(syscall(SYS_newfstatat, folder_fd, "file", &status, 0) == 0 && status.st_size == 5);
  CHECK(fstatat(folder_fd, "", &status, AT_EMPTY_PATH) == 0 && S_ISDIR(status.st_mode));
  CHECK(syscall(SYS_newfstatat, folder_fd, "link", &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(status.st_mode));
  CHECK(statx(folder_fd, "link", 0, STATX_SIZE, &extended) == 0 && extended.stx_size == 5);
  CHECK(syscall(SYS_access, "/proc/self/maps", R_OK) == 0 && access("/no/such", F_OK) == -1 && errno == ENOENT);
  CHECK(syscall(SYS_faccessat, folder_fd, "file", R_OK) == 0);
  CHECK(syscall(SYS_faccessat2, folder_fd, "link", F_OK, AT_EACCESS) == 0 || errno == ENOSYS);
  CHECK(syscall(SYS_readlinkat, folder_fd, "link", text, 99L) == 4 && memcmp(text, "file", 4) == 0);
  fd = (int)syscall(SYS_openat2, folder_fd, "file", &how, sizeof how);
  CHECK(fd >= 0 && read(fd, text, 99) == 5 && memcmp(text, "12345", 5) == 0 && close(fd) == 0);
  CHECK(syscall(SYS_openat2, folder_fd, "../etc", &how, sizeof how) == -1 && errno == EXDEV);
  CHECK(syscall(SYS_open, (char*)8, O_RDONLY, 0) == -1 && errno == EFAULT);
  CHECK(syscall(SYS_lstat, "/", (void*)8) == -1 && errno == EFAULT);
  return argument;
}
static void* opens(void* argument) {
  folder_fd = open(argument, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(folder_fd >= 0);
  return NULL;
}

int main(void) {
  char folder[] = "/tmp/sp-program-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  opens(folder);
  int fd = openat(folder_fd, "file", O_CREAT | O_WRONLY, 0600);
  CHECK(fd >= 0 && write(fd, "12345", 5) == 5 && close(fd) == 0 && symlinkat("file", folder_fd, "link") == 0);
  body(NULL);
  close(folder_fd);
  join(start(opens, folder));
  run_on_each(body, NULL);
  body(NULL);
  CHECK(unlinkat(folder_fd, "file", 0) == 0 && unlinkat(folder_fd, "link", 0) == 0 && rmdir(folder) == 0);
  ok();
}
