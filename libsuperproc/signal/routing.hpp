// SPDX-License-Identifier: Apache-2.0
// Signals for the whole process. The kernel queues them at home, and knows home's threads only as those who may take
// them. Threads on other nodes are told by a service thread there, the receiver (signal/receiver.cpp).
//
// Protocol
//  - A signal for the process stays in home's queue until a thread is there to take it. So its siginfo, its order, the
//    queue's limit, sigpending, and whatever home's threads do (unblock it, wait for it, read it from a signalfd) are the
//    kernel's affair, whoever sent it.
//  - Each thread keeps in its record what it `accepts`: what its mask leaves open, and what it waits for.
//  - The receiver looks whenever a signal has reached home. Of what home's threads do not accept it gives *notice* to a
//    thread elsewhere that does: a signal of the same number to that thread alone, with the SI code kNotice. It
//    interrupts as the signal itself would. There the thread *fetches* the signal from home's queue: when a notice is
//    delivered (signal/delivery.cpp), ends a wait (signal/waiting.cpp) or is read from a signalfd. It may find that
//    somebody else was quicker; then nothing has happened.
//  - `pending` says what home's queue holds: the receiver writes it before it looks at who accepts; who sends a signal to
//    the own process adds it before the call returns. Who changes what it accepts writes that first and then looks there:
//    a thread elsewhere that accepts more gives notice to itself before its call returns; whoever accepts less, and may
//    have been left something, tells the receiver to look again. So one of two always sees the other.
//  - At most one notice of a number is under way to a thread: `noticed`. One that comes too late is taken out again.
#pragma once
#include <csignal>
#include <cstdint>

#include "libsuperproc/cluster/self.hpp"

namespace sp {

inline constexpr int kNotice = -61; // no si_code of Linux

struct RoutingTable {
  std::atomic<uint64_t> pending;
  std::atomic<uint32_t> receiver_tid; // futex word; 0: not started
  std::atomic<uint32_t> poked;        // and has not looked since
  std::atomic<uint32_t> to_itself;    // signals that threads of home have sent to themselves
  std::atomic<uint32_t> too_many;     // of those: the receiver is told, and lets itself be woken no longer by each
  siginfo_t plain;                    // of SI_USER: needs no room in a queue
};
inline RoutingTable& routing() { return *reinterpret_cast<RoutingTable*>(wire::kSignalTable + (512 << 10)); }

// What goes this way: not what would stop or continue the process, nor SIGSYS, which nobody blocks.
inline constexpr uint64_t bit_of(int signal) { return 1ull << (signal - 1); }
inline constexpr uint64_t kRouted = ~(bit_of(SIGKILL) | bit_of(SIGSTOP) | bit_of(SIGCONT) | bit_of(SIGTSTP) |
                                      bit_of(SIGTTIN) | bit_of(SIGTTOU) | bit_of(SIGSYS));

// Does the calling thread take part; and does it live away from home?
inline bool is_routed() { return is_shared() && thread_self.record; }
inline bool is_away() { return is_routed() && !at_home(); }

// The calling thread, which is_routed(), accepts this from now on.
void accept(uint64_t signals);
inline uint64_t accepted_now() { return thread_self.record->accepts.load(std::memory_order_relaxed); }

// For a scope: another mask, or more signals than the mask leaves open.
class Accepting {
public:
  explicit Accepting(uint64_t signals) : active_(is_routed()), before_(active_ ? accepted_now() : 0) {
    if (active_) accept(signals);
  }
  Accepting(const Accepting&) = delete;
  ~Accepting() {
    if (active_) accept(before_);
  }

private:
  const bool active_;
  const uint64_t before_;
};

void poke_receiver(); // it looks again

// What home's threads accept together.
uint64_t accepted_at_home();

// Of a thread that is_away() and accepts these: gives notice to itself of what is pending at home.
void look_at_home(uint64_t signals);

// To one thread, with the code kNotice or, where the user's limit of queued signals is reached, without any siginfo.
bool send_marked(NodeId node, int32_t tid, int signal);
bool is_notice(const siginfo_t* info);
// Away: takes one of these from home's queue. Its number, -EAGAIN if there is none.
long fetch(uint64_t signals, siginfo_t* info);
// The same after a notice of `signal`. False if there is nothing any more.
bool fetch_noticed(int signal, siginfo_t* info);
// Notices of a signal that is ignored from now on have been dropped by the kernel.
void forget_notices(int signal);

// After a signal was sent to the own process: it is where the protocol wants it.
void sent_to_process(int signal);
// ... and to the calling thread alone.
inline void sent_to_itself() {
  if (at_home() && routing().to_itself.fetch_add(1, std::memory_order_relaxed) + 1 == routing().too_many.load())
    poke_receiver();
}

[[noreturn]] void receive_signals(void*); // the receiver
void await_receiver();
// The receiver's part: gives notice to a thread that accepts it. False if there is none.
bool notify_somebody(int signal);

inline constexpr uint64_t kLooking = bit_of(SIGKILL); // in `pending`: there may be more
inline uint64_t may_be_pending() {
  const uint64_t pending = routing().pending.load();
  return pending & kLooking ? kRouted : pending;
}

} // namespace sp
