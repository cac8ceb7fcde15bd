// SPDX-License-Identifier: Apache-2.0
// calls: pread64 pwrite64 read write
// Buffers of all sizes that end where memory ends, in a program that has inherited its file: each byte arrives, none beside
// it changes, and memory that is not there, or may not be written, is EFAULT; with handlers of signals, and with threads.
#include "../check.h"

enum { kFile = 40, kPage = 4096, kPages = 4, kBytes = kPages * kPage };

static char pattern_at(long at) { return (char)(at * 31 % 127 + 1); }

static char* between_guards(void) {
  char* all = mmap(NULL, kBytes + 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(all != MAP_FAILED && mprotect(all + kPage, kBytes, PROT_READ | PROT_WRITE) == 0);
  return all + kPage;
}

// Of `bytes` that end `before_end` bytes before the memory does.
static void read_and_write(char* memory, long bytes, long before_end) {
  char* at = memory + kBytes - before_end - bytes;
  memset(memory, 0, kBytes);
  CHECK(pread(kFile, at, (size_t)bytes, bytes % 7) == bytes);
  for (long i = 0; i < bytes; i++) CHECK(at[i] == pattern_at(bytes % 7 + i));
  CHECK(at == memory || at[-1] == 0);
  CHECK(before_end == 0 || at[bytes] == 0);
  CHECK(pwrite(kFile, at, (size_t)bytes, kBytes + 100) == bytes);
  memset(memory, 0, kBytes);
  CHECK(pread(kFile, at, (size_t)bytes, kBytes + 100) == bytes);
  for (long i = 0; i < bytes; i++) CHECK(at[i] == pattern_at(bytes % 7 + i));
}

static void edges(void) {
  static const long kSizes[] = {1, 2, 7, 8, 9, 15, 100, 4095, 4096, 4097, 5000, 8191, 8192, 8193, 12288, 12289, kBytes};
  static const long kEnds[] = {0, 1, 4, 7, 8, 100, 4089, 4096, 4100};
  char* memory = between_guards();
  for (size_t s = 0; s < sizeof kSizes / sizeof *kSizes; s++)
    for (size_t e = 0; e < sizeof kEnds / sizeof *kEnds; e++)
      if (kSizes[s] + kEnds[e] <= kBytes) read_and_write(memory, kSizes[s], kEnds[e]);
  char* volatile wrong[] = {memory - kPage, memory + kBytes, memory + kBytes + kPage - 1, (char*)8, (char*)-64};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    CHECK(pread(kFile, wrong[i], 1, 0) == -1 && errno == EFAULT);
    CHECK(pread(kFile, wrong[i], 64, 0) == -1 && errno == EFAULT);
    CHECK(pwrite(kFile, wrong[i], 64, 0) == -1 && errno == EFAULT);
  }
  CHECK(mprotect(memory, kPage, PROT_READ) == 0);
  CHECK(pread(kFile, memory, 64, 0) == -1 && errno == EFAULT && pwrite(kFile, memory, 64, 2 * kBytes) == 64);
  CHECK(munmap(memory - kPage, kBytes + 2 * kPage) == 0);
}

static void on_signal(int signal) { (void)signal; }

static void* edges_in_thread(void* argument) {
  edges();
  return argument;
}

static void go_on(void) {
  edges();
  CHECK(signal(SIGUSR1, on_signal) != SIG_ERR);
  edges();
  run_on_each(edges_in_thread, NULL);
}

int main(int count, char** words) {
  if (count > 1) return go_on(), 0;
  FILE* file = tmpfile();
  CHECK(file && dup2(fileno(file), kFile) == kFile);
  static char all[kBytes + 7];
  for (long i = 0; i < (long)sizeof all; i++) all[i] = pattern_at(i);
  CHECK(write(kFile, all, sizeof all) == (ssize_t)sizeof all);
  for (int turn = 0; turn < 2; turn++) {
    pid_t child = fork();
    if (child == 0) {
      execl("/proc/self/exe", words[0], "child", (char*)NULL);
      _exit(3);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
  }
  ok();
}
