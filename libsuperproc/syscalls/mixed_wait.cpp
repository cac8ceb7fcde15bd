// SPDX-License-Identifier: Apache-2.0
// If all are the shadow's it waits there; else both wait (vfd/pending_call.hpp).
#include "libsuperproc/syscalls/mixed_wait.hpp"

#include <cerrno>
#include <ctime>
#include <poll.h>
#include <sys/epoll.h>

#include "vfd/descriptors.hpp"
#include "vfd/epolls.hpp"
#include "vfd/pending_call.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint32_t kPolledMax = 1024;
constexpr int64_t kForEver = -1;

struct Mask { // what ppoll and pselect6 have, or null
  const uint64_t* set;
};

long wait_here(pollfd* polled, uint32_t count, int64_t limit_ns, Mask mask) {
  timespec limit{limit_ns / 1'000'000'000, limit_ns % 1'000'000'000};
  return app_call(SYS_ppoll, polled, count, limit_ns < 0 ? nullptr : &limit, mask.set, 8);
}

long wait_there(pollfd* polled, uint32_t count, int64_t limit_ns) {
  vfd::Transfer transfer;
  auto* const there = static_cast<pollfd*>(transfer.put(polled, count * sizeof(pollfd)));
  timespec limit{limit_ns / 1'000'000'000, limit_ns % 1'000'000'000};
  void* const time = limit_ns < 0 ? nullptr : transfer.put(&limit, sizeof limit);
  // Without waiting the shadow's taker does it itself, which is cheaper than giving it away.
  const long ready = limit_ns == 0 ? vfd::shadow_call(SYS_poll, there, count, 0)
                                   : vfd::shadow_call(SYS_ppoll, there, count, time, 0, 8);
  if (!sys::failed(ready))
    for (uint32_t i = 0; i < count; ++i) polled[i].revents = there[i].revents;
  return ready;
}

// Two lists of the same length: an entry that is the other side's has the number -1, which the kernel passes over.
struct Split {
  pollfd here[kPolledMax], there[kPolledMax];
  uint32_t here_count = 0, there_count = 0;
};

void split(const pollfd* polled, uint32_t count, Split& lists) {
  for (uint32_t i = 0; i < count; ++i) {
    const bool remote = polled[i].fd >= 0 && vfd::is_remote(static_cast<uint64_t>(polled[i].fd));
    lists.here[i] = lists.there[i] = polled[i];
    lists.here[i].revents = lists.there[i].revents = 0;
    (remote ? lists.here : lists.there)[i].fd = -1;
    if (remote)
      ++lists.there_count;
    else if (polled[i].fd >= 0)
      ++lists.here_count;
  }
}

// Asks both without waiting, then waits on both.
long wait_on_both(Split& lists, uint32_t count, int64_t limit_ns, Mask mask) {
  const long there = wait_there(lists.there, count, 0), here = wait_here(lists.here, count, 0, mask);
  if (sys::failed(there) || sys::failed(here)) return sys::failed(here) ? here : there;
  if (there + here != 0 || limit_ns == 0) return there + here;
  vfd::Transfer transfer;
  auto* const list = static_cast<pollfd*>(transfer.put(lists.there, count * sizeof(pollfd)));
  vfd::PendingCall far;
  if (const long failed = far.start(SYS_poll, list, count, -1)) return failed;
  const long near = far.wait_here(lists.here, count, limit_ns, mask.set);
  const long found = far.finish();
  if (found > 0)
    for (uint32_t i = 0; i < count; ++i) lists.there[i].revents = list[i].revents;
  const long far_count = found > 0 ? found : 0;
  return near > 0 || far_count > 0 ? (near > 0 ? near : 0) + far_count : near;
}

long poll_list(pollfd* polled, uint32_t count, int64_t limit_ns, Mask mask) {
  Split lists;
  split(polled, count, lists);
  const long ready = lists.here_count == 0 && !mask.set ? wait_there(lists.there, count, limit_ns)
                                                        : wait_on_both(lists, count, limit_ns, mask);
  if (sys::failed(ready)) return ready;
  for (uint32_t i = 0; i < count; ++i)
    polled[i].revents = static_cast<short>(lists.here[i].revents | lists.there[i].revents);
  return ready;
}

// ppoll and pselect6 write what is left of the time.
int64_t limit_of(const timespec* limit) { return limit ? limit->tv_sec * 1'000'000'000 + limit->tv_nsec : kForEver; }

} // namespace

std::optional<long> poll_both(const Call& call) {
  auto* const polled = call.pointer<pollfd>(0);
  const auto count = static_cast<uint32_t>(call.arg(1));
  bool any = false;
  for (uint32_t i = 0; i < count && polled && !any; ++i)
    any = polled[i].fd >= 0 && vfd::is_remote(static_cast<uint64_t>(polled[i].fd));
  if (!any || count > kPolledMax) return std::nullopt;
  if (call.number() == SYS_poll) {
    const int limit_ms = call.number_arg(2);
    return poll_list(polled, count, limit_ms < 0 ? kForEver : limit_ms * int64_t{1'000'000}, {nullptr});
  }
  return poll_list(polled, count, limit_of(call.pointer<const timespec>(2)), {call.pointer<const uint64_t>(3)});
}

namespace {

constexpr short kReads = POLLIN | POLLHUP | POLLERR | POLLRDHUP, kWrites = POLLOUT | POLLERR, kExcepts = POLLPRI;

bool has(const uint64_t* set, uint32_t n) { return set && set[n / 64] >> n % 64 & 1; }
void put(uint64_t* set, uint32_t n, bool on) {
  if (set) set[n / 64] = (set[n / 64] & ~(1ull << n % 64)) | static_cast<uint64_t>(on) << n % 64;
}

} // namespace

// As poll, by the rules of select(2).
std::optional<long> select_both(const Call& call) {
  const auto count = static_cast<uint32_t>(call.arg(0));
  auto* const reads = call.pointer<uint64_t>(1);
  auto* const writes = call.pointer<uint64_t>(2);
  auto* const excepts = call.pointer<uint64_t>(3);
  if (count > kPolledMax) return std::nullopt;
  pollfd polled[kPolledMax];
  uint32_t used = 0;
  bool any = false;
  for (uint32_t n = 0; n < count; ++n) {
    const int events = (has(reads, n) ? POLLIN : 0) | (has(writes, n) ? POLLOUT : 0) | (has(excepts, n) ? POLLPRI : 0);
    if (!events) continue;
    polled[used++] = {static_cast<int>(n), static_cast<short>(events), 0};
    any = any || vfd::is_remote(n);
  }
  if (!any) return std::nullopt;
  int64_t limit_ns = kForEver;
  Mask mask{nullptr};
  if (call.number() == SYS_select) {
    if (const auto* limit = call.pointer<const timeval>(4))
      limit_ns = limit->tv_sec * 1'000'000'000 + limit->tv_usec * 1000;
  } else {
    limit_ns = limit_of(call.pointer<const timespec>(4));
    if (const auto* given = call.pointer<const uint64_t>(5)) mask.set = pointer_to<const uint64_t>(given[0]);
  }
  const long ready = poll_list(polled, used, limit_ns, mask);
  if (sys::failed(ready)) return ready;
  long bits = 0;
  for (uint32_t i = 0; i < used; ++i) {
    const auto n = static_cast<uint32_t>(polled[i].fd);
    if (polled[i].revents & POLLNVAL) return -EBADF;
    const bool r = has(reads, n) && (polled[i].revents & kReads), w = has(writes, n) && (polled[i].revents & kWrites),
               e = has(excepts, n) && (polled[i].revents & kExcepts);
    put(reads, n, r), put(writes, n, w), put(excepts, n, e);
    bits += r + w + e;
  }
  return bits;
}

// ---- epoll ----

namespace {

constexpr uint32_t kEventsMax = 1024;

// What is there without waiting, or with; copied behind the `found` that the program has already.
long take_events(vfd::Transfer& transfer, const Call& call, long epoll, long found, long max, int limit_ms) {
  void* const there = transfer.take(static_cast<uint64_t>(max) * sizeof(epoll_event));
  const long count = vfd::shadow_call(SYS_epoll_wait, epoll, there, max, limit_ms);
  if (count > max) return -EIO; // what a shadow never says
  if (count > 0 && !vfd::write_program(call.pointer<epoll_event>(1) + found, there,
                                       static_cast<uint64_t>(count) * sizeof(epoll_event)))
    return -EFAULT;
  return count;
}

long take_both(const Call& call, long twin, long max, const uint64_t* mask) {
  const long here = app_call(SYS_epoll_pwait, call.arg(0), call.arg(1), max, 0, mask, 8);
  if (sys::failed(here) || here == max) return here;
  vfd::Transfer transfer;
  const long there = take_events(transfer, call, twin, here, max - here, 0);
  return there > 0 ? here + there : here ? here : there;
}

} // namespace

std::optional<long> epoll_wait_both(const Call& call) {
  const long max =
      call.number_arg(2) < static_cast<int>(kEventsMax) ? call.number_arg(2) : static_cast<int>(kEventsMax);
  int64_t limit_ns = kForEver;
  if (call.number() == SYS_epoll_pwait2)
    limit_ns = limit_of(call.pointer<const timespec>(3));
  else if (call.number_arg(3) >= 0)
    limit_ns = call.number_arg(3) * int64_t{1'000'000};
  const auto* const mask = call.number() == SYS_epoll_wait ? nullptr : call.pointer<const uint64_t>(4);
  if (vfd::is_remote(call.arg(0))) {
    if (max <= 0) return -EINVAL;
    vfd::Transfer transfer;
    return take_events(transfer, call, static_cast<long>(call.arg(0)), 0, max,
                       limit_ns < 0 ? -1 : static_cast<int>(limit_ns / 1'000'000));
  }
  const long twin = vfd::twin_of(call.arg(0));
  if (twin < 0) return std::nullopt;
  for (;;) {
    const long ready = take_both(call, twin, max, mask);
    if (ready != 0 || limit_ns == 0) return ready;
    pollfd far_list{static_cast<int>(twin), POLLIN, 0}, near{call.number_arg(0), POLLIN, 0};
    vfd::Transfer transfer;
    vfd::PendingCall far;
    if (const long failed = far.start(SYS_poll, transfer.put(&far_list, sizeof far_list), 1, -1)) return failed;
    const long woken = far.wait_here(&near, 1, limit_ns, mask);
    const long found = far.finish();
    if (woken < 0 && found <= 0) return woken;
    if (woken == 0 && found <= 0) limit_ns = 0; // the time is over: a last look
  }
}

std::optional<long> epoll_control_both(const Call& call) {
  const bool epoll_there = vfd::is_remote(call.arg(0)), member_there = vfd::is_remote(call.arg(2));
  if (!epoll_there && !member_there) return std::nullopt;
  if (epoll_there && !member_there) return -EPERM; // an epoll from before the move knows the shadow's only
  const long epoll = epoll_there ? static_cast<long>(call.arg(0)) : vfd::make_twin(call.arg(0));
  if (sys::failed(epoll)) return epoll;
  vfd::Transfer transfer;
  void* const event = call.arg(3) ? transfer.put(call.pointer<const void>(3), sizeof(epoll_event)) : nullptr;
  if (call.arg(3) && !event) return -EFAULT;
  return vfd::shadow_call(SYS_epoll_ctl, epoll, call.arg(1), call.arg(2), event);
}

} // namespace sp
