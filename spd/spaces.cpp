// SPDX-License-Identifier: Apache-2.0
#include "spd/spaces.hpp"

#include <algorithm>
#include <cerrno>
#include <list>
#include <mutex>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "libsuperproc/cluster/pool.hpp"
#include "spd/segment.hpp"

namespace sp::spd {

namespace {

struct Holder {
  uint32_t space;
  pid_t pid;
  int descriptor; // pidfd
};

std::vector<int> pools;
std::mutex lock; // of the list: requests come to one thread, deaths to another
std::list<Holder> holders;

int deaths() {
  static const int epoll = epoll_create1(EPOLL_CLOEXEC);
  return epoll;
}

// Takes the first that `is_meant` off the list; false: there is none.
template <class Test>
bool forget_one(NodeId self, Test is_meant) {
  Holder gone{};
  {
    const std::lock_guard held(lock);
    const auto found = std::find_if(holders.begin(), holders.end(), is_meant);
    if (found == holders.end()) return false;
    gone = *found;
    holders.erase(found);
  }
  close(gone.descriptor);
  wire::cluster().spaces[gone.space].held[self.value].fetch_sub(1);
  fewer_holders(gone.space, 1, pools.data());
  return true;
}

} // namespace

void have_pools(std::vector<int> descriptors) { pools = std::move(descriptors); }

long hold_space(NodeId self, uint64_t space, pid_t pid) {
  if (space >= wire::kSpaceCountMax || !is_leased(pid)) return -EINVAL;
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (descriptor < 0) return -errno;
  epoll_event event{EPOLLIN | EPOLLONESHOT, {.fd = descriptor}};
  const std::lock_guard held(lock);
  if (epoll_ctl(deaths(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    const int error = errno;
    close(descriptor);
    return -error;
  }
  holders.push_back({static_cast<uint32_t>(space), pid, descriptor});
  wire::cluster().spaces[space].held[self.value].fetch_add(1);
  return 0;
}

long let_go_space(NodeId self, uint64_t space, pid_t pid) {
  return forget_one(self, [&](const Holder& h) { return h.space == space && h.pid == pid; }) ? 0 : -ESRCH;
}

void let_go_spaces(NodeId self, pid_t pid) {
  while (forget_one(self, [&](const Holder& h) { return h.pid == pid; })) {
  }
}

void hold_for_child(NodeId self, uint32_t space) {
  wire::cluster().spaces[space].holders.fetch_add(1);
  wire::cluster().spaces[space].held[self.value].fetch_add(1);
}

void let_go_for_child(NodeId self, uint32_t space) {
  wire::cluster().spaces[space].held[self.value].fetch_sub(1);
  fewer_holders(space, 1, pools.data());
}

void empty_pool(NodeId self, uint64_t offset, uint64_t bytes) {
  constexpr int kPunchHole = 3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
  sys::call(SYS_fallocate, pools[self.value], kPunchHole, offset, bytes);
}

int pool_of(NodeId self) { return pools[self.value]; }

void watch_holders(NodeId self) {
  for (;;) {
    epoll_event event{};
    if (epoll_wait(deaths(), &event, 1, -1) != 1) continue;
    // Each has a descriptor of its own. To look again would find another holder, who has got the number meanwhile.
    forget_one(self, [&](const Holder& h) { return h.descriptor == event.data.fd; });
  }
}

} // namespace sp::spd
