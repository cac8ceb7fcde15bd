// SPDX-License-Identifier: Apache-2.0
// What a new thread, a child or the next program has from the thread that makes it. Where another thread makes it in that
// one's place, an agent or a stand-in, the kernel would give it that thread's; so this is taken along and taken on.
#pragma once
#include "libsuperproc/process/haste.hpp"
#include "libsuperproc/wire/subprocess.hpp"

namespace sp {

struct Inheritance {
  Scheduling scheduling; // of a child, by the rules of sched_setscheduler(2)
  wire::CpuMask affinity;
  uint32_t affinity_chosen; // by the program
  uint32_t no_new_privileges;
  uint64_t timer_slack_ns;
  uint64_t filters; // process/program_filters.hpp
  char name[16];
};

Inheritance own_inheritance();

// By a thread that has the filters `known` already.
void take_on(const Inheritance& inheritance, uint64_t known_filters);

} // namespace sp
