// SPDX-License-Identifier: Apache-2.0
// Signals for the whole process. The kernel gives them to the home process, where it picks a thread that accepts them: has
// them unblocked, or waits for them. Threads on other nodes are not among its candidates, so a thread at home stands in
// for them: the receiver (signal/receiver.cpp), which blocks everything and sits in rt_sigtimedwait.
//
// Protocol
//  - Each thread away from home keeps in its record what it `accepts`: what its mask leaves open, and what it waits for.
//  - The receiver waits for every signal that is not `held`. What it gets it forwards to a thread away from home that
//    accepts it. If there is none the signal becomes held and goes back into home's queue: home's threads may take it,
//    and it stays pending there for sigpending, sigwait, signalfd and a later unblocking.
//  - A thread away from home that accepts something held says so to home's agent, which forwards what is pending before it
//    answers: a signal is delivered before the call that unblocks it returns.
//    Each side writes first and reads then (accepts, held), so one of them sees the other.
//  - A forwarded signal is thread-directed to the kernel: SI code kForwarded, the original one in si_errno, all else as it
//    was. The forwarder marks the record (`forwarding` while it sends, `forwarded` for good); a thread that has stopped
//    accepting looks there, and gives back what reached it too late.
//  - settle() returns when everything that was sent to the process before it is where it belongs.
#pragma once
#include <csignal>
#include <cstdint>

#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp {

inline constexpr int kForwarded = -61; // no si_code of Linux

struct RoutingTable {
  std::atomic<uint64_t> held;
  std::atomic<int32_t> receiver_tid; // 0: not started
  std::atomic<uint32_t> asked;       // tickets of settle()
  std::atomic<uint32_t> answered;    // futex word
};
inline RoutingTable& routing() { return *reinterpret_cast<RoutingTable*>(wire::kSignalTable + (512 << 10)); }

// What the receiver may take: not what would stop or continue the process, nor SIGSYS, which nobody blocks.
inline constexpr uint64_t bit_of(int signal) { return 1ull << (signal - 1); }
inline constexpr uint64_t kRouted = ~(bit_of(SIGKILL) | bit_of(SIGSTOP) | bit_of(SIGCONT) | bit_of(SIGTSTP) |
                                      bit_of(SIGTTIN) | bit_of(SIGTTOU) | bit_of(SIGSYS));

// Does the calling thread take part, that is, live away from home?
bool is_routed();

// The calling thread, which is_routed(), accepts this from now on. What it was forwarded and does not accept goes back.
void accept(uint64_t signals);

// For a scope: another mask, or more signals than the mask leaves open. Nothing at home.
class Accepting {
public:
  explicit Accepting(uint64_t signals);
  Accepting(const Accepting&) = delete;
  ~Accepting();

private:
  uint64_t before_;
};
uint64_t accepted_now(); // of a thread that is_routed()

void settle();

// Makes a forwarded signal what it was. False if it is none.
bool restore(siginfo_t* info);

// The agent's part: what is pending of `signals` is forwarded to the thread.
void hand_over(uint64_t signals, wire::ThreadRecord& thread);

// Forwards to a thread that accepts it; false if there is none.
bool forward(int signal, const siginfo_t& info);
// Puts it into the process's queue, by a thread of the home process, `own_tid`.
void put_back(int32_t own_tid, int signal, siginfo_t& info);

[[noreturn]] void receive_signals(void*); // the receiver

void poke_receiver();

} // namespace sp
