// SPDX-License-Identifier: Apache-2.0
// The receiver: a service thread at home, see signal/routing.hpp. It is woken for other reasons than a signal of the
// process by a signal of its own, which libc keeps for itself and sends to single threads only, with a value of ours.
#include <cerrno>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/signal/routing.hpp"

namespace sp {

namespace {

constexpr int kPoke = 32;
constexpr uint64_t kPokeMark = 0x726563656976650a;

bool is_poke(const siginfo_t& info) {
  return info.si_signo == kPoke && info.si_code == SI_QUEUE && address_of(info.si_value.sival_ptr) == kPokeMark;
}

const volatile uint32_t* answered_word() { return reinterpret_cast<const volatile uint32_t*>(&routing().answered); }

// Real-time signals keep their order. Those behind the first are likely to be on their way just now: they are taken too,
// until there is a pause, and go back together.
void put_back_in_order(int32_t own_tid, siginfo_t& first) {
  constexpr int kFirstRealTime = 34;
  constexpr uint32_t kCount = 64;
  const timespec pause{0, 200'000};
  const int signal = first.si_signo;
  const uint64_t set = bit_of(signal);
  siginfo_t more[kCount];
  uint32_t count = 0;
  if (signal >= kFirstRealTime)
    while (count < kCount && sys::call(SYS_rt_sigtimedwait, &set, &more[count], &pause, sizeof set) == signal) {
      restore(&more[count]);
      ++count;
    }
  put_back(own_tid, signal, first);
  for (uint32_t i = 0; i < count; ++i) put_back(own_tid, signal, more[i]);
}

void route(int32_t own_tid, siginfo_t& info) {
  const int signal = info.si_signo;
  restore(&info);
  if (is_a_copy(&info)) return;
  if (forward(signal, info)) return;
  routing().held.fetch_or(bit_of(signal));
  // Somebody may have begun to accept it before it was held.
  if (forward(signal, info)) {
    routing().held.fetch_and(~bit_of(signal));
    return;
  }
  put_back_in_order(own_tid, info);
}

// One signal; false if there was none within the time (null: no limit).
bool receive_one(int32_t own_tid, uint64_t set, const timespec* limit, bool* poked) {
  siginfo_t info{};
  const long signal = sys::call(SYS_rt_sigtimedwait, &set, &info, limit, sizeof set);
  if (signal <= 0) return false;
  if (is_poke(info))
    *poked = true;
  else
    route(own_tid, info);
  return true;
}

} // namespace

[[noreturn]] void receive_signals(void*) {
  const auto own_tid = static_cast<int32_t>(sys::call(SYS_gettid));
  RoutingTable& table = routing();
  table.receiver_tid.store(own_tid);
  for (;;) {
    bool poked = false;
    receive_one(own_tid, (kRouted & ~table.held.load()) | bit_of(kPoke), nullptr, &poked);
    if (!poked) continue;
    const uint32_t ticket = table.asked.load();
    const timespec none{};
    while (receive_one(own_tid, (kRouted & ~table.held.load()) | bit_of(kPoke), &none, &poked)) {
    }
    table.answered.store(ticket);
    sys::futex_wake(answered_word(), 0x7fffffff);
  }
}

void poke_receiver() {
  siginfo_t info{};
  info.si_signo = kPoke;
  info.si_code = SI_QUEUE;
  info.si_value.sival_ptr = pointer_to<void>(kPokeMark);
  const int32_t receiver = routing().receiver_tid.load();
  if (receiver == 0) return;
  while (sys::call(SYS_rt_tgsigqueueinfo, control().identity.pid, receiver, kPoke, &info) == -EAGAIN)
    sys::call(SYS_sched_yield);
}

void settle() {
  RoutingTable& table = routing();
  if (!is_shared() || table.receiver_tid.load() == 0) return;
  const uint32_t ticket = table.asked.fetch_add(1) + 1;
  poke_receiver();
  for (uint32_t seen; static_cast<int32_t>((seen = table.answered.load()) - ticket) < 0;)
    sys::futex_wait(answered_word(), seen);
  sys::call(SYS_getpid); // what was sent to this thread is delivered at the latest when a call returns
}

} // namespace sp
