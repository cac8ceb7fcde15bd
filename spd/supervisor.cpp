// SPDX-License-Identifier: Apache-2.0
#include "spd/supervisor.hpp"

#include <cerrno>
#include <linux/seccomp.h>
#include <memory>
#include <mutex>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "spd/notification.hpp"
#include "spd/notified_call.hpp"

namespace sp::spd {

namespace {

constexpr uint32_t kThreadCountMax = 256;                         // calls under way of one listener
constexpr unsigned long kSetFlags = SECCOMP_IOW(4, uint64_t);     // SECCOMP_IOCTL_NOTIF_SET_FLAGS, Linux 6.6
constexpr uint64_t kSyncWakeUp = 1;                               // the thread that is asked runs where the call was made

struct Listener {
  Listener(int opened, NodeId node) : descriptor(opened), self(node) {}
  Listener(const Listener&) = delete;
  ~Listener() { close(descriptor); }

  const int descriptor;
  const NodeId self;
  std::mutex turn;                      // who holds it waits for the next call
  std::atomic<uint32_t> idle_count{0};  // threads that have the turn or wait for it
  std::atomic<uint32_t> thread_count{0};
};

// False: nobody is left who could be asked about.
bool await_call(const Listener& listener, seccomp_notif& call) {
  for (;;) {
    pollfd waited{listener.descriptor, POLLIN, 0};
    if (poll(&waited, 1, -1) < 0) continue;
    if (waited.revents & POLLIN) {
      call = {};
      if (ioctl(listener.descriptor, SECCOMP_IOCTL_NOTIF_RECV, &call) == 0) return true;
      continue; // it was killed meanwhile
    }
    if (waited.revents) return false;
  }
}

void serve(const std::shared_ptr<Listener>& listener);

void add_thread(const std::shared_ptr<Listener>& listener) {
  if (listener->thread_count.fetch_add(1) >= kThreadCountMax) return void(listener->thread_count.fetch_sub(1));
  listener->idle_count.fetch_add(1);
  try {
    std::thread(serve, listener).detach();
  } catch (const std::system_error&) { // there are others
    listener->idle_count.fetch_sub(1), listener->thread_count.fetch_sub(1);
  }
}

void serve(const std::shared_ptr<Listener>& listener) {
  for (std::unique_lock turn(listener->turn);;) {
    seccomp_notif call;
    if (!turn.owns_lock()) {
      listener->idle_count.fetch_add(1);
      turn.lock();
    }
    if (!await_call(*listener, call)) return;
    Notification notification(listener->descriptor, call, [&] {
      if (listener->idle_count.fetch_sub(1) == 1) add_thread(listener);
      turn.unlock();
    });
    perform_notified(listener->self, notification);
  }
}

} // namespace

long supervise(NodeId self, pid_t pid, int number) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return -errno;
  const int descriptor = static_cast<int>(syscall(SYS_pidfd_getfd, process, number, 0));
  const int error = errno;
  close(process);
  if (descriptor < 0) return -error;
  (void)ioctl(descriptor, kSetFlags, kSyncWakeUp);
  add_thread(std::make_shared<Listener>(descriptor, self));
  return 0;
}

} // namespace sp::spd
