// SPDX-License-Identifier: Apache-2.0
// A memfd is one memory for all who have it: who inherits it, before or after it is mapped, who gets it in a message, as
// clients of a display server pass their pictures; its length, its seals and what is read and written by calls are one as well.
// calls: memfd_create, ftruncate, mmap, mremap, munmap, pread64, pwrite64, read, write, writev, fcntl, sendmsg, recvmsg, fork
#include "../check.h"

#include <sys/socket.h>
#include <sys/uio.h>

enum { kBytes = 3 * 4096 };

static int make(void) {
  const int memory = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  CHECK(memory >= 0 && ftruncate(memory, kBytes) == 0);
  return memory;
}
static char* map(int memory, int protection) {
  char* at = mmap(NULL, kBytes, protection, MAP_SHARED, memory, 0);
  CHECK(at != MAP_FAILED);
  return at;
}
static void has(int memory, const char* text, int at) {
  char got[16] = "";
  CHECK(pread(memory, got, strlen(text) + 1, at) == (ssize_t)strlen(text) + 1 && strcmp(got, text) == 0);
}

static void mapped_before_fork(void) {
  const int memory = make();
  char* const at = map(memory, PROT_READ | PROT_WRITE);
  strcpy(at, "parent");
  for (int i = 0; i < 3; i++) {
    const pid_t child = fork();
    if (child == 0) {
      CHECK(strcmp(at, i ? "child" : "parent") == 0);
      strcpy(at, "child");
      has(memory, "child", 0);
      CHECK(pwrite(memory, "second page", 12, 4096) == 12 && strcmp(at + 4096, "second page") == 0);
      _exit(0);
    }
    CHECK_EXITED(child, 0);
    CHECK(strcmp(at, "child") == 0 && strcmp(at + 4096, "second page") == 0);
    has(memory, "child", 0);
    has(memory, "second page", 4096);
  }
  struct iovec parts[2] = {{"two ", 4}, {"parts", 6}};
  char got[16] = "";
  CHECK(lseek(memory, 8192, SEEK_SET) == 8192 && writev(memory, parts, 2) == 10 && strcmp(at + 8192, "two parts") == 0);
  strcpy(at + 8192, "one");
  CHECK(lseek(memory, -10, SEEK_CUR) == 8192 && read(memory, got, 4) == 4 && strcmp(got, "one") == 0);
  CHECK(lseek(memory, 0, SEEK_CUR) == 8196);
  CHECK(munmap(at, kBytes) == 0);
  has(memory, "child", 0);
  close(memory);
}

// Only the descriptor is inherited.
static void mapped_by_children(void) {
  const int memory = make();
  CHECK(pwrite(memory, "written", 8, 0) == 8);
  for (int i = 0; i < 3; i++) {
    const pid_t child = fork();
    if (child == 0) {
      char* const at = map(memory, PROT_READ | PROT_WRITE);
      CHECK(strcmp(at, "written") == 0 && at[4096] == i);
      at[4096]++;
      _exit(0);
    }
    CHECK_EXITED(child, 0);
  }
  char* const at = map(memory, PROT_READ);
  CHECK(strcmp(at, "written") == 0 && at[4096] == 3);
  CHECK(munmap(at, kBytes) == 0 && close(memory) == 0);
}

static void length(void) {
  const int memory = make();
  char* at = map(memory, PROT_READ | PROT_WRITE);
  memset(at, 'x', kBytes);
  CHECK(ftruncate(memory, 100) == 0 && ftruncate(memory, 4 * kBytes) == 0);
  CHECK(at[99] == 'x' && at[100] == 0 && at[4096] == 0);
  at = mremap(at, kBytes, 4 * kBytes, MREMAP_MAYMOVE);
  CHECK(at != MAP_FAILED && at[99] == 'x');
  strcpy(at + 3 * kBytes, "grown");
  has(memory, "grown", 3 * kBytes);
  CHECK(munmap(at, 4 * kBytes) == 0 && close(memory) == 0);
}

static void sealed(void) {
  const int memory = make();
  char* const at = map(memory, PROT_READ | PROT_WRITE);
  strcpy(at, "for ever");
  CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE) < 0 && errno == EBUSY);
  CHECK(munmap(at, kBytes) == 0);
  CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW) == 0);
  const pid_t child = fork();
  if (child == 0) {
    CHECK(fcntl(memory, F_GET_SEALS) == (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW));
    CHECK(pwrite(memory, "x", 1, 0) < 0 && errno == EPERM && ftruncate(memory, 1) < 0 && errno == EPERM);
    CHECK(mmap(NULL, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0) == MAP_FAILED && errno == EPERM);
    CHECK(strcmp(map(memory, PROT_READ), "for ever") == 0);
    char* const own = mmap(NULL, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, memory, 0);
    CHECK(own != MAP_FAILED && strcmp(own, "for ever") == 0);
    strcpy(own, "own");
    has(memory, "for ever", 0);
    _exit(0);
  }
  CHECK_EXITED(child, 0);
  close(memory);
}

static void send_it(int to, int memory) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
  struct iovec text = {"m", 1};
  struct msghdr message = {
      .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  memcpy(CMSG_DATA(&control.header), &memory, sizeof memory);
  CHECK(sendmsg(to, &message, 0) == 1);
}

static int receive_it(int from) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control;
  char byte;
  int memory = -1;
  struct iovec text = {&byte, 1};
  struct msghdr message = {
      .msg_iov = &text, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  CHECK(recvmsg(from, &message, 0) == 1 && !(message.msg_flags & MSG_CTRUNC));
  memcpy(&memory, CMSG_DATA(&control.header), sizeof memory);
  return memory;
}

static void draw(int to) {
  char go;
  const int memory = make();
  char* const at = map(memory, PROT_READ | PROT_WRITE);
  strcpy(at, "first picture");
  CHECK(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
  send_it(to, memory);
  CHECK(read(to, &go, 1) == 1);
  strcpy(at, "second picture");
  CHECK(write(to, "d", 1) == 1 && read(to, &go, 1) == 1);
  _exit(0);
}

static void show(int from) {
  char done;
  const int memory = receive_it(from);
  const char* const at = map(memory, PROT_READ);
  CHECK(strcmp(at, "first picture") == 0);
  has(memory, "first picture", 0);
  CHECK(write(from, "g", 1) == 1 && read(from, &done, 1) == 1);
  CHECK(strcmp(at, "second picture") == 0);
  has(memory, "second picture", 0);
  CHECK(write(from, "g", 1) == 1);
}

// A client and a server; then two clients on whichever nodes.
static void passed(int server_is_child) {
  int ends[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const pid_t client = fork();
  if (client == 0) draw(ends[0]);
  const pid_t server = server_is_child ? fork() : 0;
  if (server == 0) {
    show(ends[1]);
    if (server_is_child) _exit(0);
  } else {
    CHECK_EXITED(server, 0);
  }
  CHECK_EXITED(client, 0);
  close(ends[0]);
  close(ends[1]);
}

int main(void) {
  mapped_before_fork();
  mapped_by_children();
  length();
  sealed();
  passed(0);
  passed(1);
  ok();
}
