// SPDX-License-Identifier: Apache-2.0
// How a signal reaches the program once the process is converted.
//
// The kernel enters deliver() for every signal that has a handler or would end the process. It
//  1. puts the signal off while the thread is in a Critical section (a synchronous fault cannot wait and goes on),
//  2. drops what was meant for the whole process or its process group and reached a resident other than home: home has
//     its own copy, which is the one that counts,
//  3. makes the sender's number the SubProcess's where a resident of ours sent it,
//  4. calls the program's handler, or ends the SubProcess.
#pragma once
#include <csignal>
#include <cstdint>
#include <ucontext.h>

namespace sp {

void deliver(int signal, siginfo_t* info, void* ucontext);

inline constexpr int kCopy = -62; // no si_code of Linux: what stops or continues home, for the other residents

// Not for the program: a signal for the process or its group that reached a resident other than home, or home's news of a
// resident that stopped. A resident gets thread-directed signals
// (SI_TKILL, SI_QUEUE, timers) and what the kernel sends for its own doing.
bool is_a_copy(const siginfo_t* info);
bool is_news_of_resident(const siginfo_t* info); // at home
// How many signals of the program were delivered to the calling thread.
uint32_t delivered_count();
// The sender's number as the program knows it.
void name_sender(siginfo_t* info);

// The program's own SIGSYS, which is never really blocked: kept back while the program believes it is.
void deliver_own_sigsys(siginfo_t* info, ucontext_t* context);
void release_own_sigsys();             // after the program has unblocked it
bool take_own_sigsys(siginfo_t* info); // by a thread that waits for it; false if there is none

// Ends the SubProcess as by `signal`; set by process/exit.cpp. Returns where the fault shall simply happen again.
extern void (*die_by_signal)(int signal, siginfo_t* info, ucontext_t* context);

// Before a handler of the program; set by sync/, which a thread may have asked not to stop it.
extern void (*handler_begins)();

// Puts a signal or a stop off to the end of the Critical section: everything stays blocked until then.
void put_off(int signal, const siginfo_t* info, ucontext_t* context);
// Before the section ends: do all handlers of what was put off let an interrupted call begin again?
bool put_off_restarts();
inline constexpr int kHeldBack = -63; // no si_code of Linux: where one that was put off would have its place
// What has come to the calling thread becomes what is next.
void come_in_order(int signal, siginfo_t* info);
void start_delivery(); // sets base/critical's hook

} // namespace sp
