// SPDX-License-Identifier: Apache-2.0
// sendfile, splice, vmsplice and copy_file_range between what was inherited, what is a socket and what this program opened:
// offsets, ends, partial copies and errors. Breaks where the two descriptors are not of one node.
// calls: sendfile splice vmsplice copy_file_range
#include "../check.h"
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/uio.h>

enum { kBytes = 200000 };
static char data[kBytes], got[kBytes];

static int file_of(const char* name, size_t bytes) {
  int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);
  CHECK(file >= 0 && write(file, data, bytes) == (ssize_t)bytes && lseek(file, 0, SEEK_SET) == 0);
  return file;
}

static void connected(int* one, int* other) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "copies"};
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);
  *one = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK(bind(listener, (struct sockaddr*)&address, sizeof address) == 0 && listen(listener, 1) == 0);
  CHECK(connect(*one, (struct sockaddr*)&address, sizeof address) == 0);
  CHECK((*other = accept(listener, NULL, NULL)) >= 0 && close(listener) == 0);
}

static void expect(int from, const char* what, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    ssize_t n = read(from, got + done, bytes - done);
    CHECK(n > 0);
    done += n;
  }
  CHECK(memcmp(got, what, bytes) == 0);
}

static void send_file_to_socket(int file, int one, int other) {
  pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    CHECK(close(one) == 0);
    expect(other, data, kBytes);
    _exit(0);
  }
  size_t done = 0;
  while (done < kBytes) {
    ssize_t n = sendfile(one, file, NULL, kBytes - done);
    CHECK(n > 0);
    done += n;
  }
  CHECK(lseek(file, 0, SEEK_CUR) == kBytes && sendfile(one, file, NULL, 10) == 0);
  CHECK_EXITED(child, 0);
  off_t at = 100;
  CHECK(sendfile(one, file, &at, 50) == 50 && at == 150 && lseek(file, 0, SEEK_CUR) == kBytes);
  expect(other, data + 100, 50);
  CHECK(sendfile(one, other, NULL, 1) == -1 && errno == EINVAL);
}

static void splices(int file, int one, int other) {
  int ends[2];
  CHECK(pipe(ends) == 0);
  loff_t at = 1000;
  CHECK(write(one, "stream", 6) == 6);
  CHECK(splice(other, NULL, ends[1], NULL, 100, 0) == 6);
  CHECK(splice(other, NULL, ends[1], NULL, 100, SPLICE_F_NONBLOCK) == -1 && errno == EAGAIN);
  CHECK(splice(ends[0], NULL, one, NULL, 4, 0) == 4);
  expect(other, "stre", 4);
  expect(ends[0], "am", 2);
  CHECK(splice(file, &at, ends[1], NULL, 500, 0) == 500 && at == 1500);
  CHECK(splice(ends[0], NULL, one, NULL, 500, 0) == 500);
  expect(other, data + 1000, 500);
  CHECK(splice(other, NULL, one, NULL, 1, 0) == -1 && errno == EINVAL);
  CHECK(splice(other, &at, ends[1], NULL, 1, 0) == -1 && errno == EINVAL);
  CHECK(splice(ends[0], &at, one, NULL, 1, 0) == -1 && errno == ESPIPE);
  struct iovec pieces[2] = {{"mem", 3}, {"ory", 3}};
  CHECK(vmsplice(ends[1], pieces, 2, 0) == 6);
  expect(ends[0], "memory", 6);
  CHECK(write(one, "rest", 4) == 4 && close(one) == 0);
  CHECK(splice(other, NULL, ends[1], NULL, 100, 0) == 4 && splice(other, NULL, ends[1], NULL, 100, 0) == 0);
  expect(ends[0], "rest", 4);
  CHECK(close(ends[0]) == 0 && close(ends[1]) == 0);
}

static void ranges(int file) {
  int copy = open("copy", O_RDWR | O_CREAT | O_TRUNC, 0600);
  loff_t from = 10, to = 5;
  CHECK(copy_file_range(file, &from, copy, &to, 100000, 0) == 100000 && from == 100010 && to == 100005);
  CHECK(pread(copy, got, 100000, 5) == 100000 && memcmp(got, data + 10, 100000) == 0);
  CHECK(lseek(file, kBytes - 7, SEEK_SET) >= 0 && copy_file_range(file, NULL, copy, NULL, 100, 0) == 7);
  CHECK(lseek(copy, 0, SEEK_CUR) == 7 && lseek(file, 0, SEEK_CUR) == kBytes);
  CHECK(close(copy) == 0);
}

int main(int count, char** arguments) {
  for (int i = 0; i < kBytes; ++i) data[i] = (char)(i * 7 + i / 251);
  if (count == 1) { // again, with a file that is inherited over exec
    int file = file_of("inherited", kBytes);
    char number[16];
    snprintf(number, sizeof number, "%d", file);
    execl("/proc/self/exe", arguments[0], number, NULL);
    CHECK(!"exec");
  }
  const int files[2] = {atoi(arguments[1]), file_of("own", kBytes)};
  for (int i = 0; i < 2; ++i) {
    int one, other;
    connected(&one, &other);
    CHECK(unlink("copies") == 0);
    send_file_to_socket(files[i], one, other);
    splices(files[i], one, other);
    ranges(files[i]);
    CHECK(close(other) == 0);
  }
  ok();
}
