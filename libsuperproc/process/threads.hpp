// SPDX-License-Identifier: Apache-2.0
// The SubProcess's threads as records of the control segment: who allocates, counts and frees them.
#pragma once
#include "libsuperproc/base/result.hpp"
#include "libsuperproc/cluster/self.hpp"

namespace sp {

// A record for a thread that is about to start on `node`. EAGAIN: too many threads.
Result<wire::ThreadRecord*> allocate_thread(NodeId node);
void free_thread(wire::ThreadRecord& record);

uint32_t index_of(const wire::ThreadRecord& record);

// The running thread with this number, 0: the calling one; null: none of ours.
wire::ThreadRecord* find_thread(int32_t tid);

// In the first thread of a process (at its start, or in a fork's child): the table holds it alone.
void restart_thread_table();

template <class Function>
void for_each_thread(Function f) {
  const uint32_t high = control().thread_high.load();
  for (uint32_t i = 0; i < high; ++i) {
    wire::ThreadRecord& record = control().threads[i];
    if (record.state.load() != wire::ThreadState::free) f(record);
  }
}

} // namespace sp
