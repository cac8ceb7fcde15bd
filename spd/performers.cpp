// SPDX-License-Identifier: Apache-2.0
#include "spd/performers.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libsuperproc/base/kernel_action.hpp"
#include "libsuperproc/cluster/moved_kin.hpp"
#include "spd/admission_ipc.hpp"
#include "spd/ending_shadow.hpp"
#include "spd/messages.hpp"
#include "spd/shadow_descriptors.hpp"
#include "spd/shadow_credentials.hpp"
#include "spd/unplaced.hpp"

namespace sp::spd {

namespace {

constexpr int kInterruptSignal = 32; // libc's own for cancellation: no program sends it to a process

// Idle: 0. The taker fills it and sets 1; the performer sets 0 when it has answered.
struct Performer {
  std::atomic<uint32_t> busy{0};
  std::atomic<int32_t> tid{0};
  bool started = false;
  uint32_t record = 0;
  Ring ring;
  TakenRequest taken{};
};
Performer performers[wire::kMovedSlotCount];

const volatile uint32_t* word(const std::atomic<uint32_t>& w) { return reinterpret_cast<const volatile uint32_t*>(&w); }

void on_interrupt(int) {}

void poke(uint32_t record, uint32_t thread, int32_t self) {
  const wire::Moved& m = wire::moved(record);
  const NodeId from{m.shadow_node.load()}, to{m.body_node.load()};
  if (from.value >= kNodeCountMax || to.value >= kNodeCountMax) return;
  const Result<Ring> ring = Ring::open(node_ring_memory(from, to), kNodeRingStride);
  const Result<EventChannel> bell = EventChannel::open(node_bell_line(to));
  if (!ring || !bell) return;
  const Request request{static_cast<uint32_t>(wire::NodeOperation::poke_body), 0, 0, {record, thread}};
  (void)NodeLink(*ring, *bell, WaitPolicy{}).post(request, HostTid{self});
}

[[noreturn]] void* perform_for_ever(void* argument) {
  auto& self = *static_cast<Performer*>(argument);
  self.tid.store(static_cast<int32_t>(sys::call(SYS_gettid)));
  const uint64_t all_but_interrupt = ~(1ull << (kInterruptSignal - 1));
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all_but_interrupt, nullptr, sizeof all_but_interrupt);
  for (;;) {
    while (self.busy.load() == 0) sys::futex_wait(word(self.busy), 0);
    self.ring.complete(self.taken.ticket, perform_call(self.record, self.taken.request.arguments));
    if (self.taken.request.flags) poke(self.record, self.taken.request.flags, self.tid.load());
    self.busy.store(0);
  }
}

// libc knows where a handler returns to.
void prepare_interrupts() {
  struct sigaction borrowed {}, before {};
  borrowed.sa_handler = on_interrupt;
  sigaction(SIGUSR2, &borrowed, &before);
  KernelAction action{};
  sys::call(SYS_rt_sigaction, SIGUSR2, nullptr, &action, sizeof action.mask);
  sys::call(SYS_rt_sigaction, kInterruptSignal, &action, nullptr, sizeof action.mask);
  sigaction(SIGUSR2, &before, nullptr);
}

bool start(Performer& p) {
  static const bool prepared = (prepare_interrupts(), true);
  (void)prepared;
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 << 10);
  pthread_t thread;
  p.started = pthread_create(&thread, &small, perform_for_ever, &p) == 0;
  return p.started;
}

// For a first byte.
bool would_wait(int descriptor, short events) {
  if (is_regular(static_cast<uint64_t>(descriptor))) return false;
  pollfd asked{descriptor, events, 0};
  return sys::call(SYS_poll, &asked, 1, 0) == 0;
}

} // namespace

bool may_block(const CallWords& call) {
  const int descriptor = static_cast<int>(call[1]);
  switch (call[0]) {
    case SYS_read:
    case SYS_readv:
    case SYS_accept:
    case SYS_accept4: return would_wait(descriptor, POLLIN);
    case SYS_recvfrom: return !(call[4] & MSG_DONTWAIT) && would_wait(descriptor, POLLIN);
    case SYS_recvmsg: return !(call[3] & MSG_DONTWAIT) && would_wait(descriptor, POLLIN);
    case SYS_write:
    case SYS_writev: // ready for a byte is not ready for all
      return (call[3] > 512 && !is_regular(call[1])) || would_wait(descriptor, POLLOUT);
    case SYS_sendto: return !(call[4] & MSG_DONTWAIT) && (call[3] > 512 || would_wait(descriptor, POLLOUT));
    case SYS_sendmsg: // the body says how many bytes
      return !(call[3] & MSG_DONTWAIT) && (call[4] > 512 || would_wait(descriptor, POLLOUT));
    case SYS_poll:
    case SYS_ppoll:
    case SYS_select:
    case SYS_pselect6:
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_connect:
    case SYS_flock:
    case SYS_ioctl:
    case SYS_openat:
    case SYS_wait4:
    case SYS_waitid:
    case SYS_fsync:
    case SYS_sendfile:
    case SYS_splice:
    case SYS_tee:
    case SYS_mq_timedsend:
    case SYS_mq_timedreceive: return true;
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_msgsnd:
    case SYS_msgrcv: return object_call_may_wait(call);
    case SYS_fcntl: return call[2] == F_SETLKW || call[2] == F_OFD_SETLKW;
    default: return false;
  }
}

namespace {

// All signals are blocked here: what the kernel sends to a thread for what a call did stays pending, and is taken back.
long with_signal_told(long result) {
  if (result != -EPIPE && result != -EFBIG) return result;
  const uint64_t by_calls = 1ull << (SIGPIPE - 1) | 1ull << (SIGXFSZ - 1);
  const timespec none{};
  const long signal = sys::call(SYS_rt_sigtimedwait, &by_calls, nullptr, &none, sizeof by_calls);
  return signal == SIGPIPE ? wire::kBrokenPipe : signal == SIGXFSZ ? wire::kTooLong : result;
}

} // namespace

long perform_call(uint32_t record, const CallWords& call) {
  take_on_credentials();
  if (const auto target = static_cast<int32_t>(call[1]), signal = static_cast<int32_t>(call[2]);
      call[0] == SYS_kill && is_meant_for_bodies(signal) &&
      signal_bodies({wire::moved(record).shadow_node.load()}, target, signal) && target > 0)
    return 0;
  if ((call[0] == SYS_pidfd_open || (call[0] == SYS_kill && call[2] == 0)) &&
      is_ending_shadow(static_cast<pid_t>(call[1])))
    return -ESRCH;
  if (const auto undone = undone_at_end(call)) wire::moved(record).undoes.fetch_or(undone);
  switch (call[0]) {
    case SYS_pipe2:
    case SYS_socketpair: return make_pair(call);
    case SYS_sendmsg:
    case SYS_recvmsg: return with_signal_told(perform_message(call));
    case SYS_mq_notify: return perform_notify(call);
    case SYS_close: return close_number(record, call[1]);
    case SYS_dup3: return duplicate_number(record, call);
    case SYS_close_range: return close_published(record, call);
    default: break;
  }
  const long result =
      sys::call(static_cast<long>(call[0]), call[1], call[2], call[3], call[4], call[5], call[6]);
  return place_result(record, call, with_signal_told(result));
}

bool give_to_performer(uint32_t record, const Ring& ring, const TakenRequest& taken) {
  for (Performer& p : performers) {
    if (p.busy.load() != 0) continue;
    p.record = record, p.ring = ring, p.taken = taken;
    if (!p.started && !start(p)) return false;
    p.busy.store(1);
    sys::futex_wake(word(p.busy), 1);
    return true;
  }
  return false;
}

void interrupt_performer(Ticket ticket) {
  for (Performer& p : performers)
    if (p.busy.load() && p.taken.ticket.slot == ticket.slot && p.taken.ticket.sequence == ticket.sequence)
      sys::call(SYS_tgkill, sys::call(SYS_getpid), p.tid.load(), kInterruptSignal);
}

void forget_performers() {
  for (Performer& p : performers) p.busy.store(0), p.started = false;
}

} // namespace sp::spd
