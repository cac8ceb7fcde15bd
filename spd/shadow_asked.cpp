// SPDX-License-Identifier: Apache-2.0
// spd's form of what vfd/ does inside a program: it asks a shadow in the place of a supervised program (vfd/shadow_call.hpp,
// vfd/descriptors.hpp).
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/eventfd.h>

#include "spd/notification.hpp"
#include "spd/places.hpp"
#include "vfd/passing.hpp"
#include "vfd/pipe_transfer.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {

using spd::Notification;

HostTid own_tid() { return {static_cast<int32_t>(sys::call(SYS_gettid))}; }

bool answers(uint32_t record) {
  const wire::MovedState state = wire::moved(record).state.load();
  return state == wire::MovedState::settled;
}

Result<int64_t> interrupt(uint32_t record, NodeLink& link, Ticket ticket) {
  constexpr int64_t kAgainNs = 10'000'000;
  for (;;) {
    (void)link.post({static_cast<uint32_t>(wire::ShadowOperation::interrupt), 0, 0, {ticket.slot, ticket.sequence}},
                    own_tid());
    const Result<int64_t> result = link.ring().wait(ticket, {WaitPolicy{}, wire::kCpuUnknown, kAgainNs});
    if (result || result.error().value != ETIMEDOUT) return result;
    if (!answers(record)) return link.abandon(ticket), fail(EIO);
  }
}

// Waits for the answer, looking now and then whether the program still waits for it and whether a signal waits for the
// program: the kernel tells nobody.
Result<int64_t> await(uint32_t record, NodeLink& link, const EventChannel& bell, Ticket ticket) {
  constexpr int64_t kLookFirstNs = 250'000, kLookNs = 8'000'000;
  for (int64_t look_ns = kLookFirstNs;; look_ns = std::min(look_ns * 2, kLookNs)) {
    const Result<int64_t> result = link.ring().wait(ticket, {WaitPolicy{}, bell.consumer_cpu(), look_ns});
    if (result || result.error().value != ETIMEDOUT) return result;
    if (!answers(record)) return link.abandon(ticket), fail(EIO);
    Notification* const call = Notification::current();
    if (!call) continue;
    call->wait_begins();
    if (call->must_end()) return interrupt(record, link, ticket);
  }
}

} // namespace

long ask_shadow_with(uint32_t record, const Request& request) {
  // Whatever was read for this call was not the program's if it has ended meanwhile.
  const Notification* const call = Notification::current();
  if (call && !call->is_valid()) return -EINTR;
  const Result<Ring> ring = Ring::open(moved_ring_memory(record), kMovedRingBytes);
  const Result<EventChannel> bell = EventChannel::open(moved_bell_line(record));
  if (!ring || !bell) return -EIO;
  NodeLink link(*ring, *bell, WaitPolicy{});
  const Result<Ticket> ticket = link.start(request, own_tid());
  if (!ticket) return -ticket.error().value;
  const long result = to_raw(await(record, link, *bell, *ticket));
  if (call && !call->is_valid()) return -EINTR;
  switch (result) {
    case wire::kBrokenPipe: return call && sys::call(SYS_tkill, call->tid(), SIGPIPE), -EPIPE;
    case wire::kTooLong: return call && sys::call(SYS_tkill, call->tid(), SIGXFSZ), -EFBIG;
    default: return result;
  }
}

// The number is the program's kernel's: the shadow's open file moves to where it has given a place.
long open_there(long number, const uint64_t (&a)[6], int close_on_exec) {
  const long there = shadow_call_at(kNoPlace, number, a[0], a[1], a[2], a[3], a[4], a[5]);
  if (sys::failed(there)) return there;
  const long place = spd::give_place(*Notification::current(), std::nullopt, close_on_exec);
  if (!sys::failed(place)) shadow_call(SYS_dup3, there, place, close_on_exec ? O_CLOEXEC : 0);
  shadow_call(SYS_close, there);
  return place;
}

// A program without the shim has its pipes in the kernel.
bool goes_by_pipe(long, const uint64_t (&)[6]) { return false; }
long transfer_by_pipe(long number, const uint64_t (&arguments)[6], Plainly plainly) { return plainly(number, arguments); }

// What it passes must be the shadow's, and what it receives becomes the shadow's: the program's own kernel has no part.
SentDescriptors::~SentDescriptors() = default;

long SentDescriptors::replace(uint8_t* control, uint64_t bytes) {
  long refused = 0;
  each_array(control, bytes, [&](uint64_t, const int* numbers, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i)
      if (!is_remote(static_cast<uint64_t>(numbers[i]))) refused = -EOPNOTSUPP;
  });
  return refused;
}

uint64_t receive_descriptors(Side, uint8_t* control, uint64_t bytes, int flags, bool& lost) {
  const int close_on_exec = flags & MSG_CMSG_CLOEXEC;
  each_array(control, bytes, [&](uint64_t, int* numbers, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      Transfer transfer;
      auto* const seen = static_cast<wire::Token*>(transfer.take(sizeof(wire::Token)));
      wire::Token token;
      const bool elsewhere = shadow_call(SYS_recvfrom, numbers[i], seen, sizeof token, MSG_PEEK | MSG_DONTWAIT, nullptr,
                                         nullptr) == sizeof token &&
                             is_token(*seen, token);
      const long place = elsewhere ? -1 : spd::give_place(*Notification::current(), std::nullopt, close_on_exec);
      if (place >= 0) shadow_call(SYS_dup3, numbers[i], place, close_on_exec ? O_CLOEXEC : 0);
      shadow_call(SYS_close, numbers[i]);
      lost = lost || place < 0;
      numbers[i] = place < 0 ? -1 : static_cast<int>(place);
    }
  });
  return bytes;
}

} // namespace sp::vfd

namespace sp::spd {

long give_place(const Notification& call, std::optional<uint32_t> place, int close_on_exec) {
  static const int nothing = eventfd(0, EFD_CLOEXEC);
  return call.give(nothing, place, close_on_exec);
}

} // namespace sp::spd
