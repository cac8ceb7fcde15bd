// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/conversion.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>
#include <sys/prctl.h>

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/proc_maps.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/process/agent.hpp"
#include "libsuperproc/process/cpu_timers.hpp"
#include "libsuperproc/process/haste.hpp"
#include "libsuperproc/process/last_step.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/process_table.hpp"
#include "libsuperproc/process/reaper.hpp"
#include "libsuperproc/process/residents.hpp"
#include "libsuperproc/process/service_thread.hpp"
#include "libsuperproc/process/settled_memory.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/actions.hpp"
#include "libsuperproc/signal/routing.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"

namespace sp {

void (*conversion_done)() = nullptr;

namespace {

[[noreturn]] void give_up(const char* what, const char* next) {
  Line{} << "superproc: cannot spread this program over nodes: " << what << "; " << next;
  for (;;) sys::call(SYS_exit_group, 125);
}

uint64_t block_all() {
  const uint64_t all = ~0ull;
  uint64_t before = 0;
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  return before;
}

uint64_t now_us() {
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

struct Move {
  bool started;
  int error; // of the conversion; 0: none
};

// The reaper copies this thread's stack, which must not be written to from then until the copy is in its place. So the
// thread starts it, and waits, on a stack of the node's own region.
void move_memory(void* argument) {
  Move move{};
  move.started = start_reaper().has_value();
  if (const Result<> done = move.started ? await_conversion() : Result<>(); !done) move.error = done.error().value;
  *static_cast<Move*>(argument) = move;
}

} // namespace

void convert() {
  const uint64_t mask = block_all();
  const uint64_t start_us = now_us();
  const Haste haste;
  control().state.store(wire::SubProcessState::converting);
  Move move{};
  sp_call_on_stack(move_memory, &move, wire::kNodeForkChild + wire::kNodeServiceBytes - 64);
  if (!move.started) give_up("it cannot start a thread", "raise the limit of processes (ulimit -u)");
  if (move.error == ENOSPC) give_up("its nodes' pools are full", "give domains more memory for ranges (memmap=)");
  if (move.error) give_up("no memory or address space for its segments", "see `spctl doctor`");
  control().segment_bytes_reserved = memory::kImageBytes + node_count() * wire::kArenaBytes;
  format_queues();
  if (is_isolated()) share_words_by_hash();
  take_over_actions();
  stay_on(home_node());
  if (!start_home_agent()) give_up("it cannot start its agents", "raise the limit of processes (ulimit -u)");
  if (!start_service_thread(wire::kNodeReceiver, Descriptors::own, receive_signals, nullptr))
    give_up("it cannot start its receiver of signals", "raise the limit of processes (ulimit -u)");
  await_receiver();
  await_residents();
  thread_self.record->accepts.store(~mask);
  if (is_isolated()) take_over_clear_tid();
  control().state.store(wire::SubProcessState::shared);
  take_over_cpu_timers();
  if (conversion_done) conversion_done();
  watch_residents();
  control().conversion_us.store(static_cast<uint32_t>(now_us() - start_us));
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: process " << control().identity.pid << " has " << node_count() << " nodes now, home "
           << home_node().value << ", after " << control().conversion_us.load() << " us";
  sys::call(SYS_rt_sigprocmask, SIG_SETMASK, &mask, 0, sizeof mask);
}

namespace {

// The kernel gives the ring of a perf event, and whatever else it makes without a file, to no fork's child; and residents
// begin as such.
const char* obstacle_to_forks() {
  auto maps = memory::ProcMaps::read(pointer_to<char>(wire::kNodeScratch), wire::kNodeScratchBytes);
  if (!maps) return "its mappings cannot be read";
  for (memory::Mapping m; maps->next(m);)
    if (m.is_shared && __builtin_memcmp(m.name, "anon_inode:", 11) == 0)
      return "it has memory of a perf event or the like";
  return nullptr;
}

} // namespace

void convert_if_possible() {
  unsettle();
  const char* const obstacle = is_isolated() ? obstacle_to_residents() : obstacle_to_forks();
  if (!obstacle) return convert();
  control().options.node_count = 1;
  if (control().options.flags & wire::kOptionTrace)
    Line{} << "superproc: threads of process " << control().identity.pid << " stay on its node: " << obstacle;
}

} // namespace sp
