// SPDX-License-Identifier: Apache-2.0
#include "vfd/pending_call.hpp"

#include "libsuperproc/base/gate.hpp"
#include "vfd/call_scope.hpp"

namespace sp::vfd {

namespace {

constexpr uint64_t kSigsys = 1ull << (SIGSYS - 1);

enum class Poke : uint32_t { unawaited, awaited, come };
thread_local constinit Poke poke = Poke::unawaited;

int64_t now_ns() {
  timespec t{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

} // namespace

bool is_poke(const siginfo_t* info) {
  return info->si_code == SI_QUEUE && address_of(info->si_value.sival_ptr) == wire::kPokeMark;
}

bool take_poke() {
  if (poke == Poke::unawaited) return false;
  poke = Poke::come;
  return true;
}

PokesBarred::PokesBarred() {
  constexpr int64_t kLimitNs = 1'000'000'000; // no spd takes as long; the word may be overwritten
  if (!is_body()) return;
  record().pokes.fetch_or(wire::kPokesBarred);
  const int64_t end = now_ns() + kLimitNs;
  while (record().pokes.load() & wire::kPokeIsSent && now_ns() < end) sys::call(SYS_sched_yield);
  sys::call(SYS_gettid); // takes one that was sent
}

PokesBarred::~PokesBarred() {
  if (!is_body() || !(record().pokes.exchange(0) & wire::kPokeMissed)) return;
  (void)ask_spd(membership.node, membership.node, own_tid(), wire::NodeOperation::poke_body, own_record());
}

void let_pokes_in() {
  if (is_body()) record().pokes.store(0);
}

PendingCall::PendingCall() : self_(own_tid()) {}

long PendingCall::start(Request request) {
  const Result<Ring> ring = Ring::open(moved_ring_memory(own_record()), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(own_record()));
  if (!ring || !bell) return -EIO;
  link_ = NodeLink(*ring, *bell, WaitPolicy{});
  if (CallScope* const scope = CallScope::current()) scope->block(); // a poke is kept until the wait
  request.flags = static_cast<uint32_t>(self_.value);
  poke = Poke::awaited;
  const Result<Ticket> ticket = link_.start(request, self_);
  if (!ticket) return -ticket.error().value;
  ticket_ = *ticket;
  active_ = true;
  return 0;
}

long PendingCall::wait_here(pollfd* polled, uint32_t count, int64_t limit_ns, const uint64_t* mask) {
  CallScope& scope = *CallScope::current();
  const long signals = scope.watch_signals(mask);
  pollfd all[kWaitCountMax + 1];
  for (uint32_t i = 0; i < count; ++i) all[i] = polled[i];
  all[count] = {static_cast<int>(signals), POLLIN, 0};
  long result = wait(all, count + 1, limit_ns);
  sys::call(SYS_close, signals);
  if (result > 0 && all[count].revents) {
    scope.interrupted_under(mask);
    if (--result == 0) return -EINTR;
  }
  for (uint32_t i = 0; i < count; ++i) polled[i].revents = all[i].revents;
  return result;
}

long PendingCall::wait(pollfd* polled, uint32_t count, int64_t limit_ns) {
  constexpr uint64_t kAllButPokes = ~kSigsys;
  const int64_t end = limit_ns < 0 ? 0 : now_ns() + limit_ns;
  for (;;) {
    if (done()) return 0;
    int64_t left = limit_ns < 0 ? 0 : end - now_ns();
    if (left < 0) left = 0;
    timespec limit{left / 1'000'000'000, left % 1'000'000'000};
    const long result =
        sys::call(SYS_ppoll, polled, count, limit_ns < 0 ? nullptr : &limit, &kAllButPokes, sizeof kAllButPokes);
    if (result != -EINTR) return result;
    if (poke == Poke::come) poke = Poke::awaited; // an old one, or that of this call
  }
}

long PendingCall::finish() {
  active_ = false;
  poke = Poke::unawaited;
  if (!link_.ring().is_done(ticket_)) return interrupt(link_, ticket_, self_);
  return to_raw(link_.finish(ticket_));
}

} // namespace sp::vfd
