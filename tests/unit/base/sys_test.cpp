// SPDX-License-Identifier: Apache-2.0
// Raw calls and the futex wrappers against the kernel itself.
#include <doctest/doctest.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <sys/mman.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/sys.hpp"

namespace sys = sp::sys;

TEST_CASE("a raw call returns the kernel's value and leaves errno alone") {
  errno = 77;
  CHECK(sys::call(SYS_getpid) == getpid());
  CHECK(sys::call(SYS_close, -1) == -EBADF);
  CHECK(errno == 77);
  CHECK(sys::failed(-EBADF));
  CHECK_FALSE(sys::failed(0));
  CHECK_FALSE(sys::failed(-4096));
}

TEST_CASE("all six arguments arrive, in order") {
  // mmap uses all six, and the offset, the last, decides which page is seen.
  const long file = sys::call(SYS_memfd_create, "six", 0);
  REQUIRE(file >= 0);
  REQUIRE(sys::call(SYS_ftruncate, file, 8192) == 0);
  REQUIRE(sys::call(SYS_pwrite64, file, "second", 6, 4096) == 6);
  const long at = sys::call(SYS_mmap, nullptr, 4096, PROT_READ, MAP_SHARED, file, 4096);
  REQUIRE_FALSE(sys::failed(at));
  CHECK(reinterpret_cast<const char*>(at)[0] == 's');
  CHECK(sys::call(SYS_munmap, at, 4096) == 0);
  CHECK(sys::call(SYS_close, file) == 0);
}

TEST_CASE("futex_wait says why it did not sleep or why it woke") {
  uint32_t word = 1;
  CHECK(sys::futex_wait(&word, 2) == -EAGAIN);
  CHECK(sys::futex_wait(&word, 1, 1'000'000) == -ETIMEDOUT);
  CHECK(sys::futex_wake(&word, 1) == 0); // nobody waits
}

TEST_CASE("futex_wake wakes a sleeper in another thread") {
  std::atomic<uint32_t> word{0};
  auto* raw = reinterpret_cast<uint32_t*>(&word);
  std::atomic<bool> woken{false};
  std::thread sleeper([&] {
    while (word.load() == 0) sys::futex_wait(raw, 0);
    woken = true;
  });
  usleep(2000);
  CHECK_FALSE(woken);
  word = 1;
  sys::futex_wake(raw, 1);
  sleeper.join();
  CHECK(woken);
}

TEST_CASE("futex words work between processes through shared memory") {
  auto* word = static_cast<uint32_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  REQUIRE(word != MAP_FAILED);
  const pid_t child = fork();
  if (child == 0) {
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) == 0)
      if (sys::futex_wait(word, 0, 10'000'000'000) == -ETIMEDOUT) _exit(1);
    _exit(0);
  }
  REQUIRE(child > 0);
  long woken = 0;
  for (int i = 0; i < 1000 && !woken; ++i) { // a wake without the store: proves that the child sleeps on this very word
    usleep(1000);
    woken = sys::futex_wake(word, 1);
  }
  CHECK(woken == 1);
  __atomic_store_n(word, 1, __ATOMIC_RELEASE);
  sys::futex_wake(word, 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  munmap(word, 4096);
}

TEST_CASE("ENSURE ends the process with SIGABRT and says where") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGABRT, SIG_DFL);
    dup2(ends[1], 2);
    const int one = 1;
    ENSURE(one == 2);
    _exit(0);
  }
  REQUIRE(child > 0);
  close(ends[1]);
  char text[512] = {};
  CHECK(read(ends[0], text, sizeof text - 1) > 0);
  close(ends[0]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
  CHECK(std::string_view(text).find("one == 2 does not hold") != std::string_view::npos);
  CHECK(std::string_view(text).find("sys_test.cpp") != std::string_view::npos);
}
