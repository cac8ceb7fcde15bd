// SPDX-License-Identifier: Apache-2.0
#include "spd/unplaced.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

namespace {

constexpr uint32_t kUnplacedMax = 1024; // four messages' worth
uint32_t first_unplaced = wire::kUnplaced;
constexpr int kYields = 100, kTriesMax = 100'000; // more than ten seconds: the number is taken for good

void raise_numbers(char* control, uint64_t bytes) {
  for (uint64_t at = 0; at + sizeof(cmsghdr) <= bytes;) {
    cmsghdr header;
    memcpy(&header, control + at, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > bytes - at) return;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
      for (uint64_t n = at + sizeof header; n + sizeof(int) <= at + header.cmsg_len; n += sizeof(int)) {
        int number;
        memcpy(&number, control + n, sizeof number);
        number = static_cast<int>(raise_number(number));
        memcpy(control + n, &number, sizeof number);
      }
    at += (header.cmsg_len + 7) & ~7ull;
  }
}

long duplicate_at(long descriptor, long number, bool close_on_exec) {
  const long found = sys::call(SYS_fcntl, descriptor, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, number);
  if (found == number || sys::failed(found)) return found;
  sys::call(SYS_close, found);
  return -EBUSY;
}

} // namespace

long place_copy(long descriptor, long number, bool close_on_exec) {
  long placed;
  for (int tries = 0; (placed = duplicate_at(descriptor, number, close_on_exec)) == -EBUSY && tries < kTriesMax; ++tries) {
    constexpr timespec kMoment{0, 100'000};
    if (tries < kYields) sys::call(SYS_sched_yield);
    else sys::call(SYS_nanosleep, &kMoment, nullptr);
  }
  return placed;
}

long raise_number(long descriptor) {
  const long raised = sys::call(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, static_cast<long>(first_unplaced));
  sys::call(SYS_close, descriptor);
  return sys::failed(raised) ? -EMFILE : raised;
}

long place_number(long descriptor, long number) {
  if (descriptor == number) return number;
  const bool close_on_exec = sys::call(SYS_fcntl, descriptor, F_GETFD) & FD_CLOEXEC;
  long placed = duplicate_at(descriptor, number, close_on_exec);
  if (placed == -EBUSY) { // who has that number for the moment may want this one
    descriptor = raise_number(descriptor);
    if (sys::failed(descriptor)) return descriptor;
    placed = place_copy(descriptor, number, close_on_exec);
  }
  sys::call(SYS_close, descriptor);
  return placed;
}

void allow_unplaced() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = wire::kUnplaced + kUnplacedMax;
  if (limit.rlim_max < wanted) first_unplaced = static_cast<uint32_t>(limit.rlim_max / 4 * 3);
  if (limit.rlim_cur >= wanted) return;
  limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

bool may_be_unplaced(uint64_t number) { return number >= first_unplaced; }

void drop_unplaced(const std::atomic<uint8_t>* published) {
  uint32_t first = 0;
  for (uint32_t n = 0; n < wire::kUnplaced; ++n) {
    if (published[n].load(std::memory_order_relaxed) == 0) continue;
    if (n > first) sys::call(SYS_close_range, first, n - 1, 0);
    first = n + 1;
  }
  sys::call(SYS_close_range, first, ~0u, 0);
}

long make_pair(const CallWords& call) {
  int pair[2];
  const bool sockets = call[0] == SYS_socketpair;
  const long failed = sockets ? sys::call(SYS_socketpair, call[1], call[2], call[3], pair)
                              : sys::call(SYS_pipe2, pair, call[2]);
  if (failed) return failed;
  for (int& end : pair) end = static_cast<int>(raise_number(end));
  memcpy(reinterpret_cast<void*>(sockets ? call[4] : call[1]), pair, sizeof pair);
  return pair[0] < 0 || pair[1] < 0 ? -EMFILE : 0;
}

long receive_unplaced(int socket, msghdr& message, int flags) {
  const long result = sys::call(SYS_recvmsg, socket, &message, flags);
  if (!sys::failed(result)) raise_numbers(static_cast<char*>(message.msg_control), message.msg_controllen);
  return result;
}

} // namespace sp::spd
