// SPDX-License-Identifier: Apache-2.0
// The receiver: a service thread at home, see signal/routing.hpp. It keeps nothing between two looks. A signalfd tells it
// that a signal has reached home, without taking it; the descriptors are in a table of its own. Others wake it by a
// signal that libc keeps for itself and never sends to a process.
//
// A signalfd wakes its readers for signals to single threads too, which the kernel notices only then. So when threads of
// home send many to themselves (they count them), the receiver does not wait for the next one but looks from time to
// time, until there are no more: a wake-up would cost more than such a signal. After a look in vain it pauses as well.
// Meanwhile `pending` says that it does not know.
#include <csignal>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#include "libsuperproc/base/critical.hpp"
#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/ensure.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

namespace {

constexpr int kPoke = 32;
constexpr uint64_t kPokeSet = bit_of(kPoke);
constexpr timespec kPause{0, 1'000'000};
constexpr uint32_t kMany = 32;      // signals of threads to themselves
constexpr uint32_t kQuietCount = 5; // pauses without one

const volatile uint32_t* started_word() { return reinterpret_cast<const volatile uint32_t*>(&routing().receiver_tid); }

// Tells once of each signal that comes.
long open_watch() {
  sys::call(SYS_close_range, 0, ~0u, 0);
  const uint64_t signals = kRouted | kPokeSet;
  const long queue = sys::call(SYS_signalfd4, -1, &signals, sizeof signals, SFD_NONBLOCK | SFD_CLOEXEC);
  const long watch = sys::call(SYS_epoll_create1, EPOLL_CLOEXEC);
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;
  ENSURE(sys::call(SYS_epoll_ctl, watch, EPOLL_CTL_ADD, queue, &event) == 0);
  return watch;
}

bool take_poke(const timespec& limit) {
  return sys::call(SYS_rt_sigtimedwait, &kPokeSet, nullptr, &limit, sizeof kPokeSet) == kPoke;
}

// What home's queue holds, published. Who sends a signal adds it after it is queued, so nothing is lost in between.
uint64_t publish_pending() {
  std::atomic<uint64_t>& word = routing().pending;
  word.store(kLooking);
  uint64_t pending = 0;
  sys::call(SYS_rt_sigpending, &pending, sizeof pending);
  pending &= kRouted & ~kPokeSet;
  uint64_t seen = word.load();
  while (!word.compare_exchange_weak(seen, (seen & ~kLooking) | pending)) {
  }
  return pending;
}

// False if there was nothing to do. Whoever pokes from now on pokes anew.
bool look() {
  routing().poked.store(0);
  uint64_t pending = publish_pending();
  if (pending) pending &= ~accepted_at_home();
  bool done = false;
  for (; pending; pending &= pending - 1) done |= notify_somebody(__builtin_ctzll(pending) + 1);
  return done;
}

void pause_and_look() {
  routing().pending.fetch_or(kLooking);
  take_poke(kPause);
  look();
}

uint32_t signals_to_themselves() { return routing().to_itself.load(std::memory_order_relaxed); }

void look_from_time_to_time() {
  for (uint32_t quiet = 0; quiet < kQuietCount;) {
    const uint32_t before = signals_to_themselves();
    pause_and_look();
    quiet = signals_to_themselves() == before ? quiet + 1 : 0;
  }
}

} // namespace

[[noreturn]] void receive_signals(void*) {
  const long watch = open_watch();
  routing().receiver_tid.store(static_cast<uint32_t>(sys::call(SYS_gettid)));
  NodeBell::wake(started_word(), 1);
  for (;;) {
    const uint32_t before = signals_to_themselves();
    routing().too_many.store(before + kMany);
    epoll_event event{};
    sys::call(SYS_epoll_wait, watch, &event, 1, -1);
    const bool poked = take_poke({});
    if (signals_to_themselves() - before >= kMany)
      look_from_time_to_time();
    else if (!look() && !poked)
      pause_and_look();
  }
}

void await_receiver() {
  while (routing().receiver_tid.load() == 0) NodeBell::sleep(started_word(), 0);
}

void poke_receiver() {
  const Critical whole;
  if (routing().poked.exchange(1) == 0)
    send_marked(home_node(), static_cast<int32_t>(routing().receiver_tid.load()), kPoke);
}

} // namespace sp
