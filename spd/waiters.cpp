// SPDX-License-Identifier: Apache-2.0
#include "spd/waiters.hpp"

#include <algorithm>
#include <cerrno>
#include <map>
#include <mutex>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/sync/waiter_hash.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

namespace {

constexpr size_t kWaitersMax = 4096;
std::mutex lock; // of the list: requests come to one thread, deaths to others
std::map<int, pid_t> waiters; // by pidfd

int deaths() {
  static const int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll;
}

WaiterHash hash_of(NodeId self) { return {cluster_table(), self, static_cast<int32_t>(getpid())}; }

// One at a time: what the one has just given back may be a living process's when the other looks again.
template <class Test>
void forget(NodeId self, Test is_meant) {
  const std::lock_guard held(lock);
  const auto at = std::find_if(waiters.begin(), waiters.end(), is_meant);
  if (at == waiters.end()) return;
  const auto [descriptor, pid] = *at;
  hash_of(self).forget_all(self, static_cast<uint32_t>(pid));
  epoll_ctl(deaths(), EPOLL_CTL_DEL, descriptor, nullptr);
  close(descriptor);
  waiters.erase(at);
}

} // namespace

long watch_waiter(NodeId, pid_t pid) {
  if (!is_leased(pid)) return -EINVAL;
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return -errno;
  epoll_event event{EPOLLIN | EPOLLONESHOT, {.fd = descriptor}};
  const std::lock_guard held(lock);
  const int error = waiters.size() >= kWaitersMax ? EAGAIN
                    : epoll_ctl(deaths(), EPOLL_CTL_ADD, descriptor, &event) != 0 ? errno
                                                                                  : 0;
  if (error) return close(descriptor), -error;
  waiters[descriptor] = pid;
  return 0;
}

void waiter_ended(NodeId self, pid_t pid) {
  forget(self, [&](const auto& waiter) { return waiter.second == pid; });
  hash_of(self).ring_all();
}

void watch_waiters(NodeId self) {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(deaths(), &event, 1, -1) != 1) continue;
    forget(self, [&](const auto& waiter) { return waiter.first == event.data.fd; });
    hash_of(self).ring_all();
  }
}

} // namespace sp::spd
