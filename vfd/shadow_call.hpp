// SPDX-License-Identifier: Apache-2.0
// Calls that a body's shadow performs. What they point to is put into a transfer area of the record, which both map at
// the same address, so pointers pass as they are.
#pragma once
#include "vfd/body.hpp"

namespace sp::vfd {

// Waits for the answer. In a CallScope a signal of the program ends a wait there with EINTR.
long ask_shadow_with(uint32_t record, const Request& request);

// Ends a call that waits there, or that has just ended: its result, -EINTR if it was ended.
long interrupt(NodeLink& link, Ticket ticket, HostTid self);

template <class... A>
long ask_shadow(uint32_t record, wire::ShadowOperation operation, A... arguments) {
  return ask_shadow_with(
      record, Request{static_cast<uint32_t>(operation), 0, 0, {static_cast<uint64_t>(sys::arg(arguments))...}});
}

// A system call by the shadow.
template <class... A>
long shadow_call(long number, A... arguments) {
  static_assert(sizeof...(A) <= 6);
  return ask_shadow(own_record(), wire::ShadowOperation::call, number, arguments...);
}

// ... whose result is a new open file, which gets the number `place` there too.
inline constexpr long kNoPlace = wire::kUnplaced; // none of the program's: until it is placed, or closed
template <class... A>
long shadow_call_at(long place, long number, A... arguments) {
  static_assert(sizeof...(A) == 6);
  return ask_shadow(own_record(), wire::ShadowOperation::call, number, arguments..., place + 1);
}

// For this process's own use.
inline long shadow_open(const void* path, long flags, long mode) {
  return shadow_call_at(kNoPlace, SYS_open, path, flags, mode, 0, 0, 0);
}

// One call's memory on both nodes; taken for a scope.
class Transfer {
public:
  Transfer();
  Transfer(const Transfer&) = delete;
  ~Transfer();

  // `bytes` more of it, aligned; null when there is not so much left.
  void* take(uint64_t bytes);
  uint64_t left() const { return wire::kTransferBytes - used_; }
  // The same with a copy of the program's memory in it; null also when that is not there.
  void* put(const void* from, uint64_t bytes);
  void* put_text(const char* text); // ends with its zero byte

private:
  uint32_t record_;
  uint32_t number_ = 0;
  uint64_t used_ = 0;
};

} // namespace sp::vfd
