// SPDX-License-Identifier: Apache-2.0
#include "vfd/shadow_call.hpp"

#include <cerrno>
#include <csignal>

#include "libsuperproc/cluster/pause.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/pending_call.hpp"

namespace sp::vfd {

// Either way the answer comes. The shadow's thread may not have reached the kernel yet when it is interrupted, so it is
// told again.
long interrupt(NodeLink& link, Ticket ticket, HostTid self) {
  constexpr int64_t kAgainNs = 10'000'000;
  for (;;) {
    (void)link.post({static_cast<uint32_t>(wire::ShadowOperation::interrupt), 0, 0, {ticket.slot, ticket.sequence}},
                    self);
    const Result<int64_t> result = link.ring().wait(ticket, {WaitPolicy{}, wire::kCpuUnknown, kAgainNs});
    if (result || result.error().value != ETIMEDOUT) return to_raw(result);
  }
}

namespace {

enum class Wait { yes, no };

Result<long> ask(uint32_t record, Request request, Wait wait) {
  const HostTid self = own_tid();
  TRY(const Ring ring, Ring::open(moved_ring_memory(record), kMovedRingBytes));
  TRY(const EventChannel bell, EventChannel::open(moved_bell_line(record)));
  NodeLink link(ring, bell, WaitPolicy{});
  if (wait == Wait::no) request.flags = wire::kOnlyIfReady;
  TRY(const Ticket ticket, link.start(request, self));
  pause_at(wire::Step::asked);
  return link.finish(ticket);
}

// The answer wakes this thread itself.
Result<long> ask_openly(uint32_t record, const Request& request, CallScope& scope) {
  constexpr int64_t kMomentNs = 1; // after it has spun
  const HostTid self = own_tid();
  TRY(const Ring ring, Ring::open(moved_ring_memory(record), kMovedRingBytes));
  TRY(const EventChannel bell, EventChannel::open(moved_bell_line(record)));
  NodeLink link(ring, bell, WaitPolicy{});
  TRY(const Ticket ticket, link.start(request, self));
  const Result<int64_t> soon = link.ring().wait(ticket, {WaitPolicy{}, bell.consumer_cpu(), kMomentNs});
  if (soon || soon.error().value != ETIMEDOUT) return soon;
  scope.open_for_wait();
  const Result<int64_t> result = link.ring().wait(ticket, {WaitPolicy::sleep_at_once(), bell.consumer_cpu(), -1});
  scope.close_after_wait();
  return result;
}

long wait_for_it(const Request& request) {
  PendingCall call;
  if (const long failed = call.start(request)) return failed;
  pause_at(wire::Step::waits);
  (void)call.wait_here(nullptr, 0, -1, nullptr);
  return call.finish();
}

long ask_in_scope(uint32_t record, const Request& request, CallScope* scope) {
  if (!scope) return to_raw(ask(record, request, Wait::yes));
  scope->enter();
  if (CallScope::nothing_handled()) return to_raw(ask_openly(record, request, *scope));
  const long result = to_raw(ask(record, request, Wait::no));
  return result == wire::kWouldWait ? wait_for_it(request) : result;
}

// For what the call did; let in when the scope is left.
long raise_here(int signal, CallScope* scope) {
  if (scope) scope->block();
  return sys::call(SYS_tgkill, sys::call(SYS_getpid), own_tid().value, signal);
}

} // namespace

long ask_shadow_with(uint32_t record, const Request& request) {
  CallScope* const scope = CallScope::current();
  const long result = ask_in_scope(record, request, scope);
  switch (result) {
    case wire::kBrokenPipe: return raise_here(SIGPIPE, scope), -EPIPE;
    case wire::kTooLong: return raise_here(SIGXFSZ, scope), -EFBIG;
    default: return result;
  }
}

} // namespace sp::vfd
