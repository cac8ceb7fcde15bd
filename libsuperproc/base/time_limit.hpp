// SPDX-License-Identifier: Apache-2.0
// The limit of a wait that lasts for a duration (nanosleep, poll, epoll_wait ...). A stop for another thread's fork
// (sync/stop_world.hpp) interrupts such a call, and what begins again must end when it would have ended, not later. ppoll and
// pselect6 need none of this: the kernel counts their limits down itself.
//
// Written by the thread itself: before each call of these numbers, also those without a limit, so that one which a handler
// has left by longjmp means nothing to the next; read by its own handler of SIGSYS.
#pragma once
#include <cstdint>
#include <ctime>
#include <ucontext.h>

namespace sp {

class TimeLimit {
public:
  TimeLimit(long number, int64_t milliseconds);     // <= 0: none
  TimeLimit(long number, const timespec* duration); // null: none
  TimeLimit(const TimeLimit&) = delete;
  ~TimeLimit();

  // What the call shall be given in the duration's place: counted down when it begins again.
  timespec left{};
};

// In a handler, before this call begins again: its limit is what is left of it.
void count_down(long number, ucontext_t* context);

} // namespace sp
