// SPDX-License-Identifier: Apache-2.0
// Stops every other thread of the SubProcess, on all nodes, for the atomic snapshot that fork needs, and for breaking the
// seal (sealing.hpp).
//
// Protocol: the stopper takes the world lock, makes `round` odd, and sends each running thread SIGSYS (never blocked)
// with our mark. The thread's handler counts itself into `stopped` and sleeps until `round` is even again. A thread in a
// Critical section puts the stop off to its end. A thread that ends meanwhile is noticed by its record; one that is in
// the kernel stops when it comes out. A call that our signal interrupted (its result is EINTR, nothing else was
// delivered) begins again afterwards, so the program sees no EINTR that it would not see natively.
// A thread that calls exec is out of reach from then on: what is sent to it now would end its next program. So either it
// waits until who is sending (kThreadIsSentStop) has done so, or the stopper sees what it is about (kThreadExecs) and needs
// not stop it. A handler of the program on top of that call, or a call that fails, puts it within reach again.
// If the stopper dies, the SubProcess dies with it.
#pragma once
#include <atomic>
#include <csignal>
#include <cstdint>

#include "libsuperproc/base/critical.hpp"

namespace sp {

bool is_stop_signal(const siginfo_t* info);
// In the signal's handler, outside Critical sections; also where a thread comes out of a wait that no signal ends. Returns
// when the world goes on, at once if it is not stopped; the thread is armed then, unless the SubProcess is sealed.
void stop_here();

// For a thread that has been out of reach since it read the round: it must call stop_here() unless that is the same still.
uint32_t stop_round();

// In a fork's child, which may have its parent's table in the middle of a stop: the world goes on.
void forget_stop();

// While it lives the calling thread sleeps on a word of its own, runs nothing of the program and needs not be stopped: no
// handler is entered, a signal that is put off marks the word (base/critical.hpp).
class OutOfReach {
public:
  explicit OutOfReach(std::atomic<uint32_t>& awaited);
  OutOfReach(const OutOfReach&) = delete;
  ~OutOfReach();

private:
  const Critical put_off_;
  const uint32_t round_;
};

// While it lives the calling thread, which is about to call exec, is sent no stop. Not in a Critical section.
class NotStopped {
public:
  NotStopped();
  NotStopped(const NotStopped&) = delete;
  ~NotStopped();
};
// Before a handler of the program runs.
void come_within_reach();

// The calling thread is in a Critical section for as long as this lives.
class WorldStopped {
public:
  WorldStopped();
  WorldStopped(const WorldStopped&) = delete;
  ~WorldStopped();
};

} // namespace sp
