// SPDX-License-Identifier: Apache-2.0
// The control segment of one SubProcess, at kControlBase in every resident. The shim writes it; spctl reads it from
// outside (through /proc/PID/mem, stopping nobody), so it is input there: check magic, version and every index, copy,
// then use. Before conversion it is private memory of the process; conversion makes it shared like everything else.
//
// Who writes what: `identity` and `options` the shim's start, before any thread exists; a NodeRecord the node itself
// (state, counters) and the reaper at home (host_pid); a ThreadRecord the thread itself once it runs, before that the
// thread that creates it. Counters are relaxed and may lag.
#pragma once
#include <atomic>
#include <cstdint>

#include "libsuperproc/wire/address_map.hpp"

namespace sp::wire {

inline constexpr uint64_t kControlMagic = 0x31636f7270727573; // "surproc1"
inline constexpr uint32_t kControlVersion = 1;
inline constexpr uint32_t kThreadCountMax = 16384;
inline constexpr uint32_t kSyscallCountMax = 512;
inline constexpr uint32_t kCpuWordCount = 16; // 1024 CPUs

enum class SubProcessState : uint32_t {
  native = 0, // one thread so far: the kernel's own process, copy-on-write fork included
  converting = 1,
  shared = 2, // the address space lies in segments, residents exist
  dying = 3,
};

// Whether Syscall User Dispatch watches the SubProcess's threads (sync/sealing.hpp).
enum class Dispatch : uint32_t { armed = 0, sealed = 1 /* no: all its code is proven to need none */ };

enum class Placement : uint32_t { round_robin = 0, fill = 1, least_loaded = 2 };

struct CpuMask {
  uint64_t words[kCpuWordCount];
};

struct Identity {
  int32_t pid;                 // what getpid answers in every thread: the home resident's
  int32_t superprocess;        // pid of the first SubProcess; all its descendants have the same
  uint64_t superprocess_start; // its start time, in clock ticks since boot: tells a reused pid
  uint32_t home_node;
  uint32_t reserved;
};

struct Options {
  uint32_t node_count;
  Placement placement;
  uint32_t cores_per_node; // 0: an equal share
  uint32_t flags;          // OptionFlag
};
enum OptionFlag : uint32_t {
  kOptionTrace = 1,      // say on descriptor 2 what conversion and placement do
  kOptionNoPatch = 2,    // leave libc's code alone; everything goes through Syscall User Dispatch
  kOptionForkStays = 4,  // a fork's child never goes on on another node
  kOptionForkLeaves = 8, // it does at once, not first when it shows that it will not call exec
  kOptionIsolated = 16,  // nodes have nothing in common but memory and doorbells
};

enum class NodeState : uint32_t { absent = 0, starting = 1, running = 2, dead = 3 };

struct alignas(64) NodeRecord {
  std::atomic<NodeState> state;
  std::atomic<int32_t> host_pid; // the resident process; the home node's is Identity::pid
  std::atomic<int32_t> agent_tid;
  std::atomic<uint32_t> thread_count;         // alive now
  std::atomic<uint32_t> thread_started_count; // since the start
  uint32_t reserved[11];
  CpuMask cpus; // where this node's threads run unless the program says otherwise
  // counters, each written by threads of this node only
  alignas(64) std::atomic<uint64_t> requests_served; // by this node's agent
  std::atomic<uint64_t> requests_sent;
  std::atomic<uint64_t> dispatched; // calls that left the fast path
  std::atomic<uint64_t> trapped;    // of these, by Syscall User Dispatch
  std::atomic<uint64_t> signals_forwarded;
  std::atomic<uint64_t> forks;
  std::atomic<uint64_t> execs;
  std::atomic<uint64_t> doorbells;      // futex wakes of a sleeping agent
  std::atomic<uint64_t> pipe_transfers; // reads and writes by a ring (wire/pipe_ring.hpp) ...
  std::atomic<uint64_t> pipe_bytes;     // ... and their bytes
};

enum class ThreadState : uint32_t { free = 0, starting = 1, running = 2, exiting = 3 };

struct alignas(64) ThreadRecord {
  std::atomic<ThreadState> state;
  std::atomic<int32_t> tid; // the kernel's, unique on this machine
  std::atomic<uint32_t> node;
  std::atomic<uint32_t> flags;     // ThreadFlag
  uint64_t clear_tid;              // address that CLONE_CHILD_CLEARTID or set_tid_address named, 0: none
  std::atomic<uint32_t> next_free; // index + 1 while free
  std::atomic<uint32_t> stop_word; // used by sync/stop_world
  uint64_t sigsys_pending;         // the program's own SIGSYS that it blocks
  uint64_t filters;                // its newest seccomp filter since conversion (process/program_filters.cpp)
  std::atomic<uint64_t> accepts;   // signals for the process that it would take (signal/routing.hpp)
  std::atomic<uint64_t> noticed;   // of which it was given notice
  std::atomic<uint32_t> notifying; // threads that are about to do so
  uint32_t restartable_bytes;      // of what it has registered with rseq(2); 0: nothing
  uint64_t restartable;
  uint32_t restartable_signature;
  uint32_t reserved;
};
static_assert(sizeof(ThreadRecord) == 128 || sizeof(ThreadRecord) == 64);
enum ThreadFlag : uint32_t {
  kThreadAffinitySet = 1,   // the program chose CPUs itself
  kThreadSigsysBlocked = 2, // as the program sees it; in truth SIGSYS is never blocked
  kThreadOutOfReach = 8,    // sleeps, and runs nothing of the program before it has looked for a stop
  kThreadWaitsForVfork = 4, // no signal reaches it until its vfork child has called exec
  kThreadExecs = 16,        // its next program would die of a stop's signal
  kThreadIsSentStop = 32,   // by who stops the world, at this moment
};

struct SubProcessControl {
  uint64_t magic;
  uint32_t version;
  uint32_t bytes; // sizeof(SubProcessControl) of the writer
  std::atomic<SubProcessState> state;
  uint32_t reserved0;
  Identity identity;
  Options options;
  CpuMask logical_cpus; // what the program may use and sees as its affinity

  std::atomic<uint32_t> thread_count; // application threads alive, all nodes
  std::atomic<uint32_t> thread_high;  // records ever used: scan below this index
  std::atomic<uint32_t> thread_free;  // head of the free list, index + 1
  std::atomic<uint32_t> placement_next;
  std::atomic<uint32_t> patched_sites;
  std::atomic<uint32_t> conversion_us; // how long the conversion took
  uint64_t segment_bytes_reserved;
  std::atomic<Dispatch> dispatch;
  char armed_because[252]; // which call or mapping; "" while sealed

  NodeRecord nodes[kNodeCountMax];
  std::atomic<uint32_t> trapped_by_number[kSyscallCountMax];    // reached us through Syscall User Dispatch
  std::atomic<uint32_t> dispatched_by_number[kSyscallCountMax]; // handled by dispatch, however they came
  std::atomic<uint32_t> refused_by_number[kSyscallCountMax];    // answered with the table's errno

  ThreadRecord threads[kThreadCountMax];
};

inline constexpr uint64_t kControlStateOffset = 16ull << 20; // the shim's other shared tables begin here
static_assert(sizeof(SubProcessControl) <= kControlStateOffset);

// The node's own pages, at kNodeBase.
struct NodePrivate {
  uint64_t magic;
  uint32_t node;
  int32_t host_pid;
};

// The environment that superproc passes to every SubProcess.
inline constexpr const char* kEnvNodes = "SUPERPROC_NODES";         // 1 .. 16
inline constexpr const char* kEnvPlacement = "SUPERPROC_PLACEMENT"; // round-robin, fill, least-loaded
inline constexpr const char* kEnvCores = "SUPERPROC_CORES_PER_NODE";
inline constexpr const char* kEnvFork = "SUPERPROC_FORK"; // decides (the default), stays, leaves
inline constexpr const char* kEnvTrace = "SUPERPROC_TRACE";
inline constexpr const char* kEnvId = "SUPERPROC_ID"; // PID:START of the SuperProcess, set by us

} // namespace sp::wire
