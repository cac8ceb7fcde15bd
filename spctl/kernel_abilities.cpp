// SPDX-License-Identifier: Apache-2.0
// See kernel_abilities.hpp.
#include "spctl/kernel_abilities.hpp"

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <fstream>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/wire/subprocess.hpp"

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_OFF 0
#endif

namespace sp::spctl {

bool inside_superproc() {
  unsigned char resident; // only a program that was started by another has the SuperProcess's name in its environment
  return mincore(reinterpret_cast<void*>(wire::kControlBase), 1, &resident) == 0;
}

int dispatch_errno() {
  if (inside_superproc()) return 0; // it works, and switching it off would cut off the shim below us
  return prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_OFF, 0, 0, 0) == 0 ? 0 : errno;
}

int memfd_errno() {
  const int descriptor = memfd_create("superproc-doctor", MFD_CLOEXEC);
  if (descriptor < 0) return errno;
  int error = ftruncate(descriptor, 4096) == 0 ? 0 : errno;
  if (error == 0) {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    error = page == MAP_FAILED ? errno : 0;
    if (error == 0) munmap(page, 4096);
  }
  close(descriptor);
  return error;
}

int user_fault_errno() {
  const long descriptor = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
  if (descriptor < 0) return errno;
  close(static_cast<int>(descriptor));
  return 0;
}

int user_notification_errno() {
  constexpr unsigned kWaitKillable = 1u << 5; // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
  constexpr unsigned kFlags = SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillable;
  syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, kFlags, nullptr); // flags are looked at first, then there is no filter
  return errno == EFAULT ? 0 : errno;
}

int open_errno(const char* path, int flags) {
  const int descriptor = open(path, flags | O_CLOEXEC);
  if (descriptor < 0) return errno;
  close(descriptor);
  return 0;
}

uint32_t usable_cpu_count() {
  cpu_set_t* set = CPU_ALLOC(wire::kCpuWordCount * 64);
  const size_t bytes = CPU_ALLOC_SIZE(wire::kCpuWordCount * 64);
  const int count = sched_getaffinity(0, bytes, set) == 0 ? CPU_COUNT_S(bytes, set) : 1;
  CPU_FREE(set);
  return count < 1 ? 1 : static_cast<uint32_t>(count);
}

std::string read_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::optional<int64_t> read_number(const char* path) {
  const std::string line = read_line(path);
  int64_t number = 0;
  const auto parsed = std::from_chars(line.data(), line.data() + line.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

} // namespace sp::spctl
