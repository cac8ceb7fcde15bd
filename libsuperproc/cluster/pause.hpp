// SPDX-License-Identifier: Apache-2.0
// The steps of wire/fault.hpp. Where no fault is asked for it costs the load of a word that nobody writes.
#pragma once
#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

[[gnu::noinline]] inline void pause_now(wire::Fault& fault) {
  constexpr int64_t kLookNs = 20'000'000, kPauseNs = 4'000'000'000; // bounded: a test may have forgotten us
  if (fault.others_first.fetch_sub(1) != 0) return;
  fault.pid.store(static_cast<int32_t>(sys::call(SYS_getpid)));
  fault.reached.store(1);
  for (int64_t paused_ns = 0; paused_ns < kPauseNs && fault.go_on.load() == 0; paused_ns += kLookNs)
    NodeBell::sleep(reinterpret_cast<const volatile uint32_t*>(&fault.go_on), 0, kLookNs);
}

inline void pause_at(wire::Step step) {
  wire::Fault& fault = wire::cluster().fault;
  if (fault.step.load(std::memory_order_relaxed) == step) [[unlikely]]
    pause_now(fault);
}

} // namespace sp
