// SPDX-License-Identifier: Apache-2.0
// A stand-in is to home what a thread on another node is to its own: the kernel's parent of the thread's children, and the
// one whose death signal (PR_SET_PDEATHSIG) the thread's is. It is a service thread of home that is made when its thread
// first forks, executes a program or asks for a death signal, and ends when its thread ends; then the kernel does with
// its children what it does natively.
//
// On isolated nodes it also performs, through dispatch, the thread's calls about what is home's: descriptors, files,
// relatives. No handler of the program runs on top of such a call: a signal is put off (base/critical.hpp) and marks the
// word, the thread has home's agent send the stand-in a SIGSYS with kEndCall, whose handler lets the kernel's call end with
// EINTR, and when the answer is there the handler is let in. A stop of the world does not wait for the thread meanwhile.
//
//   thread (any node but home)                         stand-in (home)
//   asked = kAsked, wake; sleeps on `answered`
//                                                      takes on what the thread passes to its children, does the errand
//                                                      answered = kAnswered, wake; sleeps on `asked`
//   goes on; at its end: asked = kLeave, wake
//                                                      ends; the kernel clears `alive`
//   frees the stand-in's memory, which is its own
//
// All signals of the thread are blocked meanwhile, as natively of one whose vfork child runs. A stand-in has the user and
// groups that home's agent had when it was made. After the program has changed them the thread gets another one, and
// keeps the first for its children's sake.
#pragma once
#include <csignal>

#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/inheritance.hpp"

namespace sp {

// From any node but home. clone without CLONE_THREAD, whose child is home's child and runs on the caller's memory with
// `mask`.
long clone_at_home(uint64_t flags, uint64_t frame, uint64_t parent_tid, uint64_t child_tid, uint64_t tls,
                   uint64_t mask);
// The world is stopped; ready_to_fork_at_home() came before that.
long fork_at_home(ForkRequest& request);
bool ready_to_fork_at_home();
// execve in the home process, which ends every other thread there, home's agent included. Returns only if it fails. The
// new program inherits `mask`, and the signals `pending` for the calling thread.
long exec_at_home(uint64_t path, uint64_t arguments, uint64_t environment, uint64_t mask, uint64_t pending);
long prctl_at_home(uint64_t option, uint64_t argument);

// Isolated: a call by number, memory being shared. `mask`: what is blocked meanwhile, null: what is anyway.
long perform_at_home(long number, const uint64_t (&arguments)[6], const uint64_t* mask);
// Dispatch, set by syscalls/.
extern long (*perform_as_home)(long number, const uint64_t* arguments);
// In the handler of SIGSYS: a stand-in shall end its call.
bool is_end_call(const siginfo_t* info);

// The calling thread ends.
void dismiss_stand_ins();
// In a fork's child: they were the parent's.
void forget_stand_ins();

struct StandIn;
bool start_stand_in(StandIn& stand_in); // home's agent

} // namespace sp
