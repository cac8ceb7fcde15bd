// SPDX-License-Identifier: Apache-2.0
// calls: fstat fstatfs fadvise64 fallocate ftruncate fsync fdatasync fchmod fchown writev readv pwritev preadv sendfile
// calls: shutdown getsockname getpeername accept ioctl mkdirat unlinkat renameat linkat symlinkat fchownat mknodat utimensat
// Everything that is done with files through descriptors, in a program that has inherited them: on isolated nodes it may
// begin on another one than the files are open on.
#include "../check.h"
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/un.h>

enum { kFile = 40, kFolder, kListener, kSocket, kOther };

static void regular(void) {
  struct stat about;
  struct statfs system;
  char data[8] = {0}, more[8] = {0};
  CHECK(fallocate(kFile, 0, 0, 8192) == 0 && fstat(kFile, &about) == 0 && about.st_size == 8192);
  CHECK(ftruncate(kFile, 100) == 0 && fstat(kFile, &about) == 0 && about.st_size == 100);
  CHECK(fstatfs(kFile, &system) == 0 && system.f_bsize > 0);
  CHECK(posix_fadvise(kFile, 0, 0, POSIX_FADV_SEQUENTIAL) == 0);
  CHECK(fchmod(kFile, 0640) == 0 && fstat(kFile, &about) == 0 && (about.st_mode & 0777) == 0640);
  CHECK(fchown(kFile, getuid(), (gid_t)-1) == 0);
  struct iovec pieces[2] = {{"abcd", 4}, {"efgh", 4}}, rooms[2] = {{data, 3}, {more, 5}};
  CHECK(writev(kFile, pieces, 2) == 8 && lseek(kFile, 0, SEEK_CUR) == 8 && lseek(kFile, 0, SEEK_SET) == 0);
  CHECK(readv(kFile, rooms, 2) == 8 && memcmp(data, "abc", 3) == 0 && memcmp(more, "defgh", 5) == 0);
  CHECK(pwritev(kFile, pieces, 2, 50) == 8 && preadv(kFile, rooms, 2, 50) == 8 && lseek(kFile, 0, SEEK_CUR) == 8);
  CHECK(memcmp(more, "defgh", 5) == 0);
  CHECK(fsync(kFile) == 0 && fdatasync(kFile) == 0);
  CHECK(futimens(kFile, NULL) == 0 && flock(kFile, 0) == -1);
  CHECK(fcntl(kFile, F_SETFL, O_APPEND) == 0 && (fcntl(kFile, F_GETFL) & O_APPEND));
  char* volatile nowhere = (char*)8;
  CHECK(read(kFile, nowhere, 4) == -1 && errno == EFAULT);
  CHECK(write(kFile, nowhere, 4) == -1 && errno == EFAULT);
  CHECK(fstat(kFile, (struct stat*)nowhere) == -1 && errno == EFAULT);
}

static void folder(void) {
  struct stat about;
  CHECK(mkdirat(kFolder, "d", 0700) == 0 && unlinkat(kFolder, "d", AT_REMOVEDIR) == 0);
  int file = openat(kFolder, "a", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  CHECK(file >= 0 && write(file, "x", 1) == 1);
  CHECK(linkat(kFolder, "a", kFolder, "b", 0) == 0 && renameat(kFolder, "b", kFolder, "c") == 0);
  CHECK(symlinkat("a", kFolder, "s") == 0 && fchownat(kFolder, "s", getuid(), (gid_t)-1, AT_SYMLINK_NOFOLLOW) == 0);
  CHECK(fstatat(kFolder, "c", &about, 0) == 0 && about.st_nlink == 2);
  CHECK(mknodat(kFolder, "p", S_IFIFO | 0600, 0) == 0 && fchmodat(kFolder, "p", 0400, 0) == 0);
  CHECK(utimensat(kFolder, "a", NULL, 0) == 0 && faccessat(kFolder, "nothing", F_OK, 0) == -1 && errno == ENOENT);
  for (const char* name = "acsp"; *name; name++) CHECK(unlinkat(kFolder, (char[]){*name, 0}, 0) == 0);
  CHECK(fchdir(kFolder) == 0);
  close(file);
}

static void sockets(void) {
  struct sockaddr_in address = {0};
  socklen_t length = sizeof address;
  CHECK(getsockname(kListener, (struct sockaddr*)&address, &length) == 0 && address.sin_port != 0);
  int mine = socket(AF_INET, SOCK_STREAM, 0), bytes = -1;
  CHECK(connect(mine, (struct sockaddr*)&address, sizeof address) == 0);
  length = sizeof address;
  int theirs = accept(kListener, (struct sockaddr*)&address, &length);
  CHECK(theirs >= 0 && length == sizeof address && address.sin_family == AF_INET);
  CHECK(getpeername(mine, (struct sockaddr*)&address, &length) == 0);
  CHECK(send(mine, "hello", 5, 0) == 5);
  char text[8];
  CHECK(recv(theirs, text, 5, MSG_WAITALL | MSG_PEEK) == 5 && ioctl(theirs, FIONREAD, &bytes) == 0 && bytes == 5);
  CHECK(shutdown(mine, SHUT_WR) == 0 && read(theirs, text, 8) == 5 && read(theirs, text, 8) == 0);
  CHECK(write(kSocket, "to", 2) == 2 && read(kOther, text, 8) == 2);
  struct ucred who;
  length = sizeof who;
  CHECK(getsockopt(kSocket, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0 && who.uid == getuid());
}

int main(int count, char** arguments) {
  if (count > 1) return regular(), folder(), sockets(), 0;
  char name[] = "/tmp/inherited_files.XXXXXX";
  CHECK(mkdtemp(name));
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
  int pair[2], folder = open(name, O_RDONLY | O_DIRECTORY), listener = socket(AF_INET, SOCK_STREAM, 0);
  int file = openat(folder, "f", O_CREAT | O_RDWR, 0600);
  CHECK(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 4) == 0);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
  CHECK(dup2(file, kFile) > 0 && dup2(folder, kFolder) > 0 && dup2(listener, kListener) > 0);
  CHECK(dup2(pair[0], kSocket) > 0 && dup2(pair[1], kOther) > 0);
  for (int turn = 0; turn < 2; turn++) {
    pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", arguments[0], "child", (char*)NULL);
      _exit(3);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(fcntl(kFile, F_SETFL, 0) == 0 && lseek(kFile, 0, SEEK_SET) == 0);
  }
  CHECK(unlinkat(folder, "f", 0) == 0 && rmdir(name) == 0);
  ok();
}
