// SPDX-License-Identifier: Apache-2.0
// The start of the shim inside a program: it runs before any other constructor, single-threaded, and without libc.
//   options from the environment -> control segment and node region -> patched libraries -> Syscall User Dispatch,
//   which is given up again if all code is proven to need none
// From then on everything the program asks the kernel for can be seen. What cannot work ends the program here, with the
// reason; nothing is half installed.
#include <csignal>
#include <sys/mman.h>

#include "libsuperproc/base/line.hpp"
#include "libsuperproc/process/conversion.hpp"
#include "libsuperproc/process/ending.hpp"
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/move.hpp"
#include "libsuperproc/process/placement.hpp"
#include "libsuperproc/process/remote_fork.hpp"
#include "libsuperproc/process/summary.hpp"
#include "libsuperproc/process/threads.hpp"
#include "libsuperproc/signal/delivery.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/sync/stop_world.hpp"
#include "libsuperproc/syscalls/code_guard.hpp"
#include "libsuperproc/syscalls/copy_first.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/syscalls/move_first.hpp"
#include "libsuperproc/syscalls/trace.hpp"
#include "libsuperproc/memory/memory_table.hpp"
#include "libsuperproc/wire/version_note.hpp"
#include "shim/loaded_objects.hpp"
#include "shim/proof.hpp"
#include "shim/start.hpp"
#include "shim/trap.hpp"
#include "vfd/body.hpp"
#include "vfd/pending_call.hpp"

namespace sp::shim {

SP_VERSION_NOTE const wire::VersionNote version_note;

namespace {

constexpr int kOwnError = 125;
constexpr uint32_t kNodeCountDefault = 2;

[[noreturn]] void refuse(const char* why, const char* next) {
  Line{} << "superproc: " << why << "; " << next;
  for (;;) sys::call(SYS_exit_group, kOwnError);
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

// A decimal number of at most 9 digits, or -1.
long parse(const char* text) {
  long value = 0;
  int digits = 0;
  for (; *text >= '0' && *text <= '9' && digits < 9; ++text, ++digits) value = value * 10 + (*text - '0');
  return digits == 0 || *text ? -1 : value;
}

wire::Options options_from(const char* const* environment) {
  wire::Options options{kNodeCountDefault, wire::Placement::round_robin, 0, 0};
  if (const char* text = find_variable(environment, wire::kEnvNodes)) {
    const long nodes = parse(text);
    if (nodes < 1 || nodes > static_cast<long>(kNodeCountMax))
      refuse("SUPERPROC_NODES is not a number from 1 to 16", "correct or unset it");
    options.node_count = static_cast<uint32_t>(nodes);
  }
  if (const char* text = find_variable(environment, wire::kEnvPlacement)) {
    if (equal(text, "fill"))
      options.placement = wire::Placement::fill;
    else if (equal(text, "least-loaded"))
      options.placement = wire::Placement::least_loaded;
    else if (!equal(text, "round-robin") && !equal(text, "alternate"))
      refuse("SUPERPROC_PLACEMENT is none of round-robin, fill, least-loaded", "correct or unset it");
  }
  if (const char* text = find_variable(environment, wire::kEnvCores)) {
    const long cores = parse(text);
    if (cores < 0) refuse("SUPERPROC_CORES_PER_NODE is not a number", "correct or unset it");
    options.cores_per_node = static_cast<uint32_t>(cores);
  }
  const char* trace = find_variable(environment, wire::kEnvTrace);
  if (trace && equal(trace, "1")) options.flags |= wire::kOptionTrace;
  if (find_variable(environment, "SUPERPROC_NO_PATCH")) options.flags |= wire::kOptionNoPatch;
  if (const char* text = find_variable(environment, wire::kEnvFork)) {
    if (equal(text, "stays"))
      options.flags |= wire::kOptionForkStays;
    else if (equal(text, "leaves"))
      options.flags |= wire::kOptionForkLeaves;
    else if (!equal(text, "decides"))
      refuse("SUPERPROC_FORK is none of decides, stays, leaves", "correct or unset it");
  }
  return options;
}

void map_region(uint64_t base, uint64_t bytes) {
  constexpr int kFixedNoReplace = 0x100000;
  const long at = sys::call(SYS_mmap, base, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | kFixedNoReplace, -1, 0);
  if (at != static_cast<long>(base))
    refuse("its address range is taken or not allowed", "look at `ulimit -v` and at other preloaded libraries");
}

uint64_t boot_time_ns() {
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_BOOTTIME, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1000000000ull + static_cast<uint64_t>(now.tv_nsec);
}

// "PID:START" of the SuperProcess that this program belongs to, or a new one.
void identify(const char* const* environment) {
  wire::Identity& identity = control().identity;
  identity.pid = static_cast<int32_t>(sys::call(SYS_getpid));
  identity.superprocess = identity.pid;
  identity.superprocess_start = boot_time_ns();
  if (const char* text = find_variable(environment, wire::kEnvId)) {
    uint64_t number = 0, pid = 0;
    for (; *text; ++text) {
      if (*text == ':')
        pid = number, number = 0;
      else
        number = number * 10 + static_cast<uint64_t>(*text - '0');
    }
    identity.superprocess = static_cast<int32_t>(pid);
    identity.superprocess_start = number;
  }
  identity.home_node = home_of(identity.pid, identity.superprocess).value;
  name_superprocess(identity.superprocess, identity.superprocess_start);
}

void make_control(const char* const* environment) {
  const wire::Options options = options_from(environment);
  map_region(wire::kControlBase, wire::kControlBytes);
  map_region(wire::kNodeBase, wire::kNodeBytes);
  auto& c = control();
  c.version = wire::kControlVersion;
  c.bytes = sizeof(wire::SubProcessControl);
  c.options = options;
  identify(environment);
  node_private() = {wire::kControlMagic, c.identity.home_node, c.identity.pid};
  sys::call(SYS_sched_getaffinity, 0, sizeof c.logical_cpus, &c.logical_cpus);
  share_out_processors();
  c.nodes[c.identity.home_node].host_pid.store(c.identity.pid);
  restart_thread_table();
  c.magic = wire::kControlMagic;
}

// Its nodes are the cluster's, and home is the one where it runs.
void join_cluster() {
  control().options.flags |= wire::kOptionIsolated;
  const uint32_t most = wire::cluster().node_count, asked = control().options.node_count; // 1: its threads stay with it
  live_on(vfd::membership.node, vfd::is_body() || asked == 1 ? 1 : most);                 // as a body's do
}

// The parts of a program's life at which dispatch must look at other calls than before.
void when_shared() { set_interest(Interest::shared); }
void when_native() {
  set_interest(Interest::native);
  sp_interest[SYS_brk].bits = memory::memory_table().break_limit != 0;
}

} // namespace

} // namespace sp::shim

constinit bool sp_shim_started = false;

void sp_shim_start(int, char** arguments, char** environment) {
  using namespace sp;
  using namespace sp::shim;
  sp_shim_started = true;
  make_control(environment);
  remember_environment(environment);
  summarize_to(find_variable(environment, "SUPERPROC_SUMMARY"));
  conversion_done = when_shared;
  native_again = when_native;
  begun_anew = trace_child;
  handler_begins = come_within_reach;
  holding = copy_first;
  undecided = move_first;
  die_by_signal = die_by_signal_here;
  known_code = is_known_code;
  start_delivery();
  if (find_variable(environment, wire::kEnvCluster) && !vfd::attach(find_variable(environment, wire::kEnvMoved)))
    refuse("a program that has moved and become another user cannot start others", "run it with --placement fill");
  if (vfd::in_cluster()) join_cluster();
  clear_up_after_exec(environment);
  move_at_start(arguments, environment);
  set_interest(Interest::native);
  start_trace(environment);
  ProvenCode proven{};
  if (!(control().options.flags & wire::kOptionNoPatch))
    control().patched_sites.store(patch_libraries(environment, proven));
  if (!start_trapping())
    refuse("this kernel has no Syscall User Dispatch", "it needs Linux 5.11 or newer with CONFIG_GENERIC_ENTRY");
  vfd::let_pokes_in();
  if (!is_all_proven(proven)) return;
  seal();
  guard_code();
}
