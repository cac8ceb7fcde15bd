// SPDX-License-Identifier: Apache-2.0
// If all are the shadow's it waits there. Else both are looked at in turn: copies of the program's own files here, and the
// shadow's there, at first often, later every few milliseconds.
#include "spd/notified_wait.hpp"

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <linux/time_types.h>
#include <poll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

#include "spd/process_status.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

constexpr uint64_t kPolledMax = 1024;
constexpr int64_t kForEver = -1;

int64_t now_ns() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

// The program's own files, open here as well for the time of one wait.
class OwnFiles {
public:
  OwnFiles(pid_t tid, const std::vector<pollfd>& polled) : polled_(polled) {
    const auto status = status_of(tid);
    const int process = status ? static_cast<int>(syscall(SYS_pidfd_open, status->process, 0)) : -1;
    for (pollfd& one : polled_) {
      const bool own = one.fd >= 0 && !vfd::is_remote(static_cast<uint64_t>(one.fd));
      one.fd = own ? static_cast<int>(syscall(SYS_pidfd_getfd, process, one.fd, 0)) : -1;
      opened_ += one.fd >= 0;
      one.revents = 0;
      if (own && one.fd < 0) invalid_.push_back(&one);
    }
    close(process);
  }
  OwnFiles(const OwnFiles&) = delete;
  ~OwnFiles() {
    for (const pollfd& one : polled_)
      if (one.fd >= 0) close(one.fd);
  }
  bool any() const { return opened_ > 0 || !invalid_.empty(); }
  // Waits at most so long; how many are ready.
  long look(int wait_ms) {
    long ready = poll(polled_.data(), polled_.size(), invalid_.empty() ? wait_ms : 0);
    for (pollfd* one : invalid_) one->revents = POLLNVAL, ++ready;
    return ready;
  }
  short ready(size_t i) const { return polled_[i].revents; }

private:
  std::vector<pollfd> polled_;
  std::vector<pollfd*> invalid_;
  int opened_ = 0;
};

// The shadow's; `limit_ns` < 0: none.
long look_there(std::vector<pollfd>& polled, int64_t limit_ns) {
  vfd::Transfer transfer;
  auto* const there = static_cast<pollfd*>(transfer.take(polled.size() * sizeof(pollfd)));
  for (size_t i = 0; i < polled.size(); ++i) {
    there[i] = polled[i];
    if (polled[i].fd >= 0 && !vfd::is_remote(static_cast<uint64_t>(polled[i].fd))) there[i].fd = -1;
  }
  auto* const limit = static_cast<timespec*>(transfer.take(sizeof(timespec)));
  if (limit_ns >= 0) *limit = {limit_ns / 1'000'000'000, limit_ns % 1'000'000'000};
  const long ready = limit_ns == 0
                         ? vfd::shadow_call(SYS_poll, there, polled.size(), 0)
                         : vfd::shadow_call(SYS_ppoll, there, polled.size(), limit_ns < 0 ? nullptr : limit, 0, 8);
  for (size_t i = 0; i < polled.size(); ++i) polled[i].revents = sys::failed(ready) ? short{0} : there[i].revents;
  return ready;
}

long wait(Notification& call, std::vector<pollfd>& polled, int64_t limit_ns) {
  constexpr int kLookMsMax = 4;
  OwnFiles own(call.tid(), polled);
  if (!own.any()) return look_there(polled, limit_ns);
  const int64_t end = limit_ns < 0 ? 0 : now_ns() + limit_ns;
  for (int look_ms = 0;; look_ms = std::min(look_ms * 2 + 1, kLookMsMax)) {
    if (look_ms > 0) call.wait_begins();
    const int64_t left_ms = limit_ns < 0 ? kLookMsMax : std::max<int64_t>(0, (end - now_ns() + 999'999) / 1'000'000);
    const long here = own.look(static_cast<int>(std::min<int64_t>(look_ms, left_ms)));
    const long there = look_there(polled, 0);
    if (sys::failed(there)) return there;
    for (size_t i = 0; i < polled.size(); ++i) polled[i].revents = static_cast<short>(polled[i].revents | own.ready(i));
    if (here + there > 0 || left_ms == 0) return here + there;
    if (look_ms == kLookMsMax && call.must_end()) return -EINTR;
  }
}

template <class T>
bool read(uint64_t address, T& value) {
  return vfd::read_program(&value, reinterpret_cast<const void*>(address), sizeof value);
}

// In nanoseconds; false: EFAULT. What is left of the time is not told back, as POSIX has it.
bool read_limit(const Notification& call, int argument, int64_t& limit_ns) {
  limit_ns = kForEver;
  if (!call.arg(argument)) return true;
  timespec limit{};
  if (!read(call.arg(argument), limit)) return false;
  limit_ns = limit.tv_sec * 1'000'000'000 + limit.tv_nsec * (call.number() == SYS_select ? 1000 : 1);
  return true;
}

bool any_remote(const std::vector<pollfd>& polled) {
  return std::any_of(polled.begin(), polled.end(), [](const pollfd& one) {
    return one.fd >= 0 && vfd::is_remote(static_cast<uint64_t>(one.fd));
  });
}

} // namespace

std::optional<long> poll_both(Notification& call) {
  const uint64_t count = call.arg(1);
  if (count == 0 || count > kPolledMax) return std::nullopt;
  std::vector<pollfd> polled(count);
  if (!vfd::read_program(polled.data(), reinterpret_cast<const void*>(call.arg(0)), count * sizeof(pollfd)))
    return std::nullopt;
  if (!any_remote(polled)) return std::nullopt;
  int64_t limit_ns = call.number_arg(2) < 0 ? kForEver : call.number_arg(2) * int64_t{1'000'000};
  if (call.number() == SYS_ppoll && !read_limit(call, 2, limit_ns)) return -EFAULT;
  const long ready = wait(call, polled, limit_ns);
  if (sys::failed(ready) || !call.is_valid()) return ready;
  return vfd::write_program(reinterpret_cast<void*>(call.arg(0)), polled.data(), count * sizeof(pollfd)) ? ready
                                                                                                      : -EFAULT;
}

namespace {

struct Sets {
  fd_set of[3]{}; // reading, writing, exceptions
  uint64_t at[3]{};
  size_t bytes = 0;

  bool take(const Notification& call, uint32_t count) {
    bytes = (count + 63) / 64 * 8;
    for (int i = 0; i < 3; ++i) {
      at[i] = call.arg(i + 1);
      if (at[i] && !vfd::read_program(&of[i], reinterpret_cast<const void*>(at[i]), bytes)) return false;
    }
    return true;
  }
  bool give_back() const {
    for (int i = 0; i < 3; ++i)
      if (at[i] && !vfd::write_program(reinterpret_cast<void*>(at[i]), &of[i], bytes)) return false;
    return true;
  }
};

constexpr short kWanted[3] = {POLLIN, POLLOUT, POLLPRI};
constexpr short kFound[3] = {POLLIN | POLLHUP | POLLERR | POLLRDHUP, POLLOUT | POLLERR, POLLPRI};

long collect(const std::vector<pollfd>& polled, Sets& sets) {
  long bits = 0;
  for (fd_set& set : sets.of) {
    const int i = static_cast<int>(&set - sets.of);
    for (const pollfd& one : polled) {
      if (!FD_ISSET(one.fd, &set)) continue;
      if (one.revents & POLLNVAL) return -EBADF;
      if (one.revents & kFound[i])
        ++bits;
      else
        FD_CLR(one.fd, &set);
    }
  }
  return bits;
}

} // namespace

std::optional<long> select_both(Notification& call) {
  const auto count = static_cast<uint32_t>(call.arg(0));
  Sets sets;
  if (count == 0 || count > FD_SETSIZE || !sets.take(call, count)) return std::nullopt;
  std::vector<pollfd> polled;
  for (uint32_t n = 0; n < count; ++n) {
    int events = 0;
    for (int i = 0; i < 3; ++i) events |= FD_ISSET(n, &sets.of[i]) ? kWanted[i] : 0;
    if (events) polled.push_back({static_cast<int>(n), static_cast<short>(events), 0});
  }
  if (!any_remote(polled)) return std::nullopt;
  int64_t limit_ns;
  if (!read_limit(call, 4, limit_ns)) return -EFAULT;
  const long ready = wait(call, polled, limit_ns);
  if (sys::failed(ready) || !call.is_valid()) return ready;
  const long bits = collect(polled, sets);
  return sets.give_back() ? bits : -EFAULT;
}

} // namespace sp::spd
