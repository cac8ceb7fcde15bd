// SPDX-License-Identifier: Apache-2.0
// A wait over both nodes: the shadow waits for its descriptors while this thread waits for its own.
//
// Protocol: with all signals blocked (call_scope.hpp) the thread asks the shadow (start), and sleeps in ppoll with SIGSYS
// let through. When the shadow's call has ended, its performer has the spd of this node poke the thread: a SIGSYS with a
// mark. So the poke is either seen in ppoll or pending when ppoll begins; it cannot be missed. Whoever is awake first ends
// the other's wait. A poke that comes too late finds nobody waiting and leaves no trace: the call it meets begins again.
#pragma once
#include <atomic>
#include <csignal>
#include <poll.h>

#include "vfd/shadow_call.hpp"

namespace sp::vfd {

inline constexpr uint32_t kWaitCountMax = 1024; // descriptors that one wait can have

class PendingCall {
public:
  PendingCall();
  PendingCall(const PendingCall&) = delete;
  ~PendingCall() {
    if (active_) finish();
  }

  // 0 or -errno. Its memory lies in a transfer area that lives longer than this.
  template <class... A>
  long start(long number, A... arguments) {
    static_assert(sizeof...(A) <= 6);
    return start(Request{static_cast<uint32_t>(wire::ShadowOperation::call),
                         0,
                         0,
                         {static_cast<uint64_t>(number), static_cast<uint64_t>(sys::arg(arguments))...}});
  }
  long start(Request request);

  // Before the wait: it is also over when the word has changed, of which a poke tells.
  void also_until(const std::atomic<uint64_t>& word, uint64_t value) { word_ = &word, value_ = value; }

  // Waits for descriptors of this node, a signal of the program (-EINTR), the end of the call, or the time. What ppoll
  // returns, 0 when the call has ended. `mask` as ppoll has it, null: the thread's own.
  long wait_here(pollfd* polled, uint32_t count, int64_t limit_ns, const uint64_t* mask);

  // The call's result; -EINTR if it had not ended and was interrupted.
  long finish();

private:
  long wait(pollfd* polled, uint32_t count, int64_t limit_ns);
  bool done() const { return (active_ && link_.ring().is_done(ticket_)) || (word_ && word_->load() != value_); }

  HostTid self_;
  mutable NodeLink link_;
  Ticket ticket_{};
  const std::atomic<uint64_t>* word_ = nullptr;
  uint64_t value_ = 0;
  bool active_ = false;
};

// No poke comes to this process while one program gives way to the next (wire::PokeState). Where exec fails, who has missed
// one looks again.
class PokesBarred {
public:
  PokesBarred();
  PokesBarred(const PokesBarred&) = delete;
  ~PokesBarred();
};
// At the start of the next program: it can take them.
void let_pokes_in();

// In the handler of SIGSYS.
bool is_poke(const siginfo_t* info);
// True: a wait over both nodes was poked. False: nobody waits any more.
bool take_poke();

} // namespace sp::vfd
