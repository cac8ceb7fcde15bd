// SPDX-License-Identifier: Apache-2.0
// One call of the program while it is performed on the shadow's node. No handler of the program runs in it, because one
// that leaves by siglongjmp would leave a request and its memory behind: from the first request on all signals are
// blocked. A wait sees through a signalfd that one has come, has the shadow end its call, and when everything is given
// back the signal is let in. Then the call returns EINTR or begins again, by the rules of signal(7).
#pragma once
#include <cstdint>

namespace sp::vfd {

class CallScope {
public:
  CallScope();
  CallScope(const CallScope&) = delete;
  ~CallScope() { leave(); }

  // Null: outside a call of the program, where nothing ends a wait.
  static CallScope* current();
  // After a child has borrowed this thread's memory: it may have died in a call.
  static void forget();

  // Before a request: block(), unless there is no handler that could run.
  void enter() {
    if (!blocked_ && !nothing_handled()) block();
  }
  void block();
  // The signals that would be delivered to the program in a wait with this mask (null: its own), as a new signalfd;
  // -errno.
  long watch_signals(const uint64_t* mask);
  // One of them is there already. To be asked by what goes on for long without a wait.
  bool has_signal();
  void interrupted_under(const uint64_t* mask); // one of them has come

  // No handler of the program could run in a wait of this thread, which is its only one: the wait needs no precautions.
  static bool nothing_handled();
  static void actions_change(); // sigaction is about to be called
  void open_for_wait();         // what has no handler acts at once
  void close_after_wait();

  // Lets in what has come. True: none of it forbids that the call begins again.
  bool leave();

private:
  bool blocked_ = false, interrupted_ = false;
  uint64_t mask_ = 0;         // the program's
  uint64_t mask_of_wait_ = 0; // the one that ppoll and its like were given
};

} // namespace sp::vfd
