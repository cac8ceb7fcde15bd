// SPDX-License-Identifier: Apache-2.0
// Timers on the CPU time of the whole SubProcess: timer_create on its CPU clock, ITIMER_VIRTUAL, ITIMER_PROF, and
// RLIMIT_CPU. No kernel knows the sum over the residents, so a service thread at home, the watch, adds it up. It is started
// with the first such timer and sleeps while none is armed; else it looks again when all threads together could have used
// up what is left, at the soonest after a millisecond, which is about the kernel's own granularity.
//
// The table is in the control segment, so that a thread of any node may arm a timer; a fork's child has a new one, as Linux
// has it. The watch holds the table's lock while it looks; nobody holds it for long.
#pragma once
#include <csignal>
#include <sys/time.h>

#include "libsuperproc/cluster/self.hpp"

namespace sp {

enum class CpuTime : uint32_t { user_and_system = 0, user = 1, scheduled = 2 }; // as the kernel counts CPU clocks

// What all residents have used.
int64_t cpu_time_ns(CpuTime kind);
int64_t resident_cpu_time_ns(uint64_t kind); // of the calling resident alone

// ---- the program's own: a slot, or -errno ----
long create_cpu_timer(CpuTime kind, const sigevent* event, int number_base);
long set_cpu_timer(int slot, int flags, const itimerspec* wanted, itimerspec* before);
long read_cpu_timer(int slot, itimerspec* now);
long cpu_timer_overrun(int slot);
long delete_cpu_timer(int slot);

// ---- of the process ----
itimerval read_cpu_itimer(int which);
long set_cpu_itimer(int which, const itimerval& wanted, itimerval* before);

// Takes over RLIMIT_CPU as it is now.
void watch_cpu_limit();
// At conversion: the interval timers that the kernel has for home, and the limit.
void take_over_cpu_timers();

// At home: starts the watch if it does not run. For the agent.
long start_cpu_watch();

} // namespace sp
