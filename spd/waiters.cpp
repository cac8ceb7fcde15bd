// SPDX-License-Identifier: Apache-2.0
#include "spd/waiters.hpp"

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

template <class Test>
bool forget_one(Test is_meant) {
  const std::lock_guard held(lock);
  for (auto at = waiters.begin(); at != waiters.end(); ++at) {
    if (!is_meant(*at)) continue;
    epoll_ctl(deaths(), EPOLL_CTL_DEL, at->first, nullptr);
    close(at->first);
    waiters.erase(at);
    return true;
  }
  return false;
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
  if (forget_one([&](const auto& waiter) { return waiter.second == pid; }))
    hash_of(self).forget_all(self, static_cast<uint32_t>(pid));
  hash_of(self).ring_all();
}

void watch_waiters(NodeId self) {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(deaths(), &event, 1, -1) != 1) continue;
    pid_t pid = 0;
    if (!forget_one([&](const auto& waiter) { return waiter.first == event.data.fd && (pid = waiter.second, true); }))
      continue;
    hash_of(self).forget_all(self, static_cast<uint32_t>(pid));
    hash_of(self).ring_all();
  }
}

} // namespace sp::spd
