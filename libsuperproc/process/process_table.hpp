// SPDX-License-Identifier: Apache-2.0
// What the residents of a SubProcess share about its life: locks, the service threads at home, how it shall end.
#pragma once
#include "libsuperproc/base/lock.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp {

struct ProcessTable {
  Lock threads_lock;                     // the list of free ThreadRecords
  Lock ending_lock;                      // held for ever by whoever ends the SubProcess
  std::atomic<int32_t> leader_exit_code; // of a main thread that ended by itself while others went on
  std::atomic<uint32_t> converted;       // futex word: the reaper has finished the conversion
  std::atomic<uint32_t> residents_ready; // futex word: counts agents
  std::atomic<uint32_t> proxies_busy;    // bit of each proxy's stack
  std::atomic<int32_t> reaper_tid;
  std::atomic<uint32_t> following;    // the residents are being stopped, or are, because home is
  std::atomic<uint32_t> user_changes; // how often the program changed its user or groups
};

inline ProcessTable& process_table() { return *reinterpret_cast<ProcessTable*>(wire::kProcessTable); }

} // namespace sp
