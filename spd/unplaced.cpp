// SPDX-License-Identifier: Apache-2.0
#include "spd/unplaced.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spd {

namespace {

constexpr uint32_t kUnplacedMax = 1024; // four messages' worth

constinit std::mutex numbers_held;

int raise_number(int descriptor) {
  const long raised = sys::call(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, static_cast<long>(wire::kUnplaced));
  sys::call(SYS_close, descriptor);
  return sys::failed(raised) ? -1 : static_cast<int>(raised);
}

void raise_numbers(char* control, uint64_t bytes) {
  for (uint64_t at = 0; at + sizeof(cmsghdr) <= bytes;) {
    cmsghdr header;
    memcpy(&header, control + at, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > bytes - at) return;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
      for (uint64_t n = at + sizeof header; n + sizeof(int) <= at + header.cmsg_len; n += sizeof(int)) {
        int number;
        memcpy(&number, control + n, sizeof number);
        number = raise_number(number);
        memcpy(control + n, &number, sizeof number);
      }
    at += (header.cmsg_len + 7) & ~7ull;
  }
}

// The time that a blocking receive waits; 0: it does not wait.
int patience_ms(int socket, int flags) {
  if (flags & (MSG_DONTWAIT | MSG_ERRQUEUE) || sys::call(SYS_fcntl, socket, F_GETFL) & O_NONBLOCK) return 0;
  timeval limit{};
  socklen_t bytes = sizeof limit;
  sys::call(SYS_getsockopt, socket, SOL_SOCKET, SO_RCVTIMEO, &limit, &bytes);
  const int64_t ms = limit.tv_sec * 1000 + (limit.tv_usec + 999) / 1000;
  return ms == 0 || ms > INT32_MAX ? -1 : static_cast<int>(ms);
}

} // namespace

std::mutex& numbers() { return numbers_held; }

void allow_unplaced() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t wanted = wire::kUnplaced + kUnplacedMax;
  if (limit.rlim_cur >= wanted || limit.rlim_max <= wire::kUnplaced) return;
  limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void drop_unplaced() { sys::call(SYS_close_range, wire::kUnplaced, ~0u, 0); }

long make_pair(const CallWords& call) {
  int pair[2];
  const bool sockets = call[0] == SYS_socketpair;
  const std::lock_guard<std::mutex> held(numbers());
  const long failed = sockets ? sys::call(SYS_socketpair, call[1], call[2], call[3], pair)
                              : sys::call(SYS_pipe2, pair, call[2]);
  if (failed) return failed;
  for (int& end : pair) end = raise_number(end);
  memcpy(reinterpret_cast<void*>(sockets ? call[4] : call[1]), pair, sizeof pair);
  return pair[0] < 0 || pair[1] < 0 ? -EMFILE : 0;
}

long receive_unplaced(int socket, msghdr& message, int flags) {
  const msghdr before = message;
  for (;;) {
    long result;
    {
      const std::lock_guard<std::mutex> held(numbers());
      result = sys::call(SYS_recvmsg, socket, &message, flags | MSG_DONTWAIT);
      if (!sys::failed(result)) raise_numbers(static_cast<char*>(message.msg_control), message.msg_controllen);
    }
    const int limit_ms = result == -EAGAIN ? patience_ms(socket, flags) : 0;
    if (limit_ms == 0) return result;
    message = before;
    pollfd readable{socket, POLLIN, 0};
    const long ready = sys::call(SYS_poll, &readable, 1, limit_ms);
    if (ready <= 0) return ready ? ready : -EAGAIN;
  }
}

} // namespace sp::spd
