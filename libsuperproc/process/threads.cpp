// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/threads.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/process/process_table.hpp"

namespace sp {

uint32_t index_of(const wire::ThreadRecord& record) { return static_cast<uint32_t>(&record - control().threads); }

wire::ThreadRecord* find_thread(int32_t tid) {
  if (tid == 0) return thread_self.record;
  for (;;) {
    bool starting = false; // its creator knows a thread's number before the thread has written it down
    const uint32_t high = control().thread_high.load();
    for (uint32_t i = 0; i < high; ++i) {
      wire::ThreadRecord& record = control().threads[i];
      const wire::ThreadState state = record.state.load();
      if (state == wire::ThreadState::running && record.tid.load() == tid) return &record;
      starting |= state == wire::ThreadState::starting;
    }
    if (!starting) return nullptr;
    sys::call(SYS_sched_yield);
  }
  return nullptr;
}

Result<wire::ThreadRecord*> allocate_thread(NodeId node) {
  auto& c = control();
  uint32_t index;
  {
    Holding holding(process_table().threads_lock);
    const uint32_t head = c.thread_free.load(std::memory_order_relaxed);
    if (head) {
      index = head - 1;
      c.thread_free.store(c.threads[index].next_free.load(std::memory_order_relaxed), std::memory_order_relaxed);
    } else if (c.thread_high.load(std::memory_order_relaxed) < wire::kThreadCountMax) {
      index = c.thread_high.load(std::memory_order_relaxed);
      c.threads[index].state.store(wire::ThreadState::free);
      c.thread_high.store(index + 1);
    } else {
      return fail(EAGAIN);
    }
  }
  wire::ThreadRecord& record = c.threads[index];
  record.tid.store(0);
  record.node.store(node.value);
  record.flags.store(0);
  record.clear_tid = 0;
  record.restartable_bytes = 0;
  record.sigsys_pending = 0;
  record.filters = 0;
  record.accepts.store(0);
  record.noticed.store(0);
  record.stop_word.store(0);
  record.state.store(wire::ThreadState::starting);
  c.thread_count.fetch_add(1);
  node_record(node).thread_count.fetch_add(1, std::memory_order_relaxed);
  return &record;
}

void free_thread(wire::ThreadRecord& record) {
  auto& c = control();
  node_record({record.node.load()}).thread_count.fetch_sub(1, std::memory_order_relaxed);
  Holding holding(process_table().threads_lock);
  record.state.store(wire::ThreadState::free);
  record.next_free.store(c.thread_free.load(std::memory_order_relaxed), std::memory_order_relaxed);
  c.thread_free.store(index_of(record) + 1, std::memory_order_relaxed);
}

void restart_thread_table() {
  auto& c = control();
  for (auto& node : c.nodes) node.thread_count.store(0), node.thread_started_count.store(0);
  c.thread_free.store(0);
  c.thread_high.store(1);
  c.thread_count.store(1);
  wire::ThreadRecord& first = c.threads[0];
  const uint32_t flags = thread_self.record ? thread_self.record->flags.load() : 0;
  const uint64_t pending = 0;
  first.node.store(home_node().value);
  first.tid.store(static_cast<int32_t>(sys::call(SYS_gettid)));
  first.flags.store(flags);
  first.clear_tid = 0;
  first.restartable_bytes = 0;
  first.sigsys_pending = pending;
  first.filters = 0;
  first.accepts.store(0);
  first.notifying.store(0);
  first.noticed.store(0);
  first.stop_word.store(0);
  first.state.store(wire::ThreadState::running);
  node_record(home_node()).thread_count.store(1);
  node_record(home_node()).thread_started_count.store(1);
  thread_self.record = &first;
  thread_self.tid = first.tid.load();
  thread_self.borrower = Borrower::none;
}

} // namespace sp
