// SPDX-License-Identifier: Apache-2.0
// The calls about a process or thread by its number: where that stands, and what they read and write.
#pragma once
#include <cstdint>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace sp {

struct AboutCall {
  struct Memory {
    int8_t argument;    // -1: there is none
    uint8_t bytes;      // 0: as many as ...
    int8_t length_from; // ... this argument says; -1: as its first word says, as in struct sched_attr
  };
  static constexpr Memory kNone{-1, 0, 0};

  uint16_t number;
  int8_t who;
  Memory in, out;

  // Its first argument says whether `who` is a process, a group or a user.
  constexpr bool says_which() const {
    return number == SYS_getpriority || number == SYS_setpriority || number == SYS_ioprio_get ||
           number == SYS_ioprio_set;
  }
  // To one thread; of all others a thread is found by its process.
  constexpr bool is_signal() const {
    return number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_tgsigqueueinfo;
  }
  constexpr bool is_ioprio() const { return number == SYS_ioprio_get || number == SYS_ioprio_set; }
  constexpr uint64_t process() const { return is_ioprio() ? uint64_t{IOPRIO_WHO_PROCESS} : uint64_t{PRIO_PROCESS}; }
  constexpr uint64_t group() const { return is_ioprio() ? uint64_t{IOPRIO_WHO_PGRP} : uint64_t{PRIO_PGRP}; }
  constexpr uint64_t user() const { return is_ioprio() ? uint64_t{IOPRIO_WHO_USER} : uint64_t{PRIO_USER}; }
};

// clang-format off
inline constexpr AboutCall kAboutCalls[] = {
    {SYS_getpriority,           1, AboutCall::kNone, AboutCall::kNone},
    {SYS_setpriority,           1, AboutCall::kNone, AboutCall::kNone},
    {SYS_ioprio_get,            1, AboutCall::kNone, AboutCall::kNone},
    {SYS_ioprio_set,            1, AboutCall::kNone, AboutCall::kNone},
    {SYS_sched_setparam,        0, {1, 4, 0},        AboutCall::kNone},
    {SYS_sched_getparam,        0, AboutCall::kNone, {1, 4, 0}},
    {SYS_sched_setscheduler,    0, {2, 4, 0},        AboutCall::kNone},
    {SYS_sched_getscheduler,    0, AboutCall::kNone, AboutCall::kNone},
    {SYS_sched_rr_get_interval, 0, AboutCall::kNone, {1, 16, 0}},
    {SYS_sched_setaffinity,     0, {2, 0, 1},        AboutCall::kNone},
    {SYS_sched_getaffinity,     0, AboutCall::kNone, {2, 0, 1}},
    {SYS_sched_setattr,         0, {1, 0, -1},       AboutCall::kNone},
    {SYS_sched_getattr,         0, AboutCall::kNone, {1, 0, 2}},
    {SYS_prlimit64,             0, {2, 16, 0},       {3, 16, 0}},
    {SYS_tkill,                 0, AboutCall::kNone, AboutCall::kNone},
    {SYS_tgkill,                1, AboutCall::kNone, AboutCall::kNone},
    {SYS_rt_tgsigqueueinfo,     1, {3, 128, 0},      AboutCall::kNone},
};
// clang-format on

inline const AboutCall* find_about_call(long number) {
  for (const AboutCall& row : kAboutCalls)
    if (row.number == number) return &row;
  return nullptr;
}

} // namespace sp
