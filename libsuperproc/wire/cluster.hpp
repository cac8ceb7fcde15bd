// SPDX-License-Identifier: Apache-2.0
// The cluster segment: what isolated nodes have in common. `spctl run --isolate` makes it, every spd, every SubProcess
// and every shadow maps it at kClusterBase. It is input to each of them: numbers are bounded, texts are ended by the
// reader, before they are used.
//
//   ClusterHeader | filter, sleepers | for each node its queue: doorbell, a ring from every node | waiters on futexes |
//   Accounts | PipeRing[kPipeRingCount] | Moved[moved_count]
//
// Where nodes have kernels of their own a board of the node's lies over the page at kClusterBoard (wire_board.hpp).
//
// A *moved* SubProcess has its body on one node and a *shadow* on the node where it began: a process with the same
// number, the same parent, group, session and terminal, and the open files that it inherited. The body asks the shadow to
// perform what concerns those; the kernel of that node does the rest (wait, job control, locks) as if nothing had moved.
//
// One Moved record's life; each step is one store or exchange of `state`, by the one who is named:
//
//   free     -> claimed   the process that is about to move, or whose child begins on another node (spd at first)
//   claimed  -> free      the same, when it cannot be done
//   claimed  -> leaving   the body exists; the one that moved becomes the shadow
//   leaving  -> settled   the shadow has published its descriptors and serves requests
//   leaving  -> ended     the same as from settled, when a fork's body ends at once (process/stand_by.hpp)
//   settled  -> ended     the spd of the body's node: the body is gone, wait_status says how
//   ended    -> free      the shadow, as its last step; if its kernel then undoes something (`undoes`), the spd of its
//                         node when it is gone
//   settled  -> free      the shadow, when the body's next program is one that begins here again; the body then ends
//   settled  -> gone_home the same, when the body's parent is on the body's node: the body stays for it
//   gone_home -> ended    the shadow of that parent, which reaps the program; the body ends like it, and frees
// What if it dies here? The mover in claimed: the spd of its node frees the record (it watches the owner's pidfd from the
// moment it is asked for a body). The shadow: that spd asks the body's node to kill the body, and frees. The body: see
// ended. A whole node: every record that names it is ended by whoever fences it.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "libsuperproc/wire/accounts.hpp"
#include "libsuperproc/wire/fault.hpp"
#include "libsuperproc/wire/pipe_ring.hpp"
#include "libsuperproc/wire/pool.hpp"
#include "libsuperproc/wire/subprocess.hpp"

namespace sp::wire {

inline constexpr uint64_t kClusterMagic = 0x31'7274736c637073; // "spclstr1"
inline constexpr uint32_t kClusterVersion = 7;
inline constexpr uint32_t kClusterNameMax = 32; // with its zero byte
inline constexpr uint32_t kImageTextMax = 4096;
inline constexpr uint64_t kArgumentsShownMax = 4096; // of a program, by its shadow

inline constexpr uint64_t kClusterBase = 0x1d00'0000'0000;
inline constexpr uint64_t kClusterQueues = kClusterBase + (1ull << 20);
inline constexpr uint64_t kClusterQueueBytes = 1ull << 20;
inline constexpr uint64_t kClusterFutexes = kClusterBase + (24ull << 20); // sync/waiter_table.hpp
inline constexpr uint64_t kClusterFutexBytes = 8ull << 20;
inline constexpr uint64_t kAccounts = kClusterBase + (32ull << 20);
inline constexpr uint64_t kPipeRings = kClusterBase + (40ull << 20);
inline constexpr uint64_t kPipeRingStride = 128 << 10; // a PipeRing, its contents, nothing
inline constexpr uint64_t kMovedBase = kClusterBase + (64ull << 20);
inline constexpr uint32_t kMovedCountMax = 512;
inline constexpr uint64_t kMovedBytes = 2ull << 20; // of one record with its ring and transfer area
constexpr uint64_t cluster_bytes(uint32_t moved_count) { return kMovedBase + moved_count * kMovedBytes - kClusterBase; }
inline constexpr uint64_t kClusterBytes = cluster_bytes(kMovedCountMax);    // of addresses
inline constexpr uint64_t kClusterSleepers = kClusterBase + (768ull << 10); // gnttab-shm/wire_board.hpp
inline constexpr uint64_t kClusterBoard = kMovedBase - 4096;
static_assert(kClusterQueues + kNodeCountMax * kClusterQueueBytes <= kClusterFutexes);
static_assert(kClusterFutexes + kClusterFutexBytes <= kAccounts);
static_assert(kAccounts + sizeof(Accounts) <= kPipeRings);
static_assert(sizeof(PipeRing) + kPipeRingBytes <= kPipeRingStride);
static_assert(kPipeRings + kPipeRingCount * kPipeRingStride <= kClusterBoard);
static_assert(kClusterBase + kClusterBytes <= kControlBase);

enum class SpdState : uint32_t { absent = 0, running = 1, dead = 2 };

struct alignas(64) ClusterNode {
  std::atomic<SpdState> state;
  int32_t first_pid; // the numbers that this node gives out: a number tells the node
  int32_t end_pid;
  std::atomic<uint32_t> body_count;   // moved SubProcesses that run here
  std::atomic<uint64_t> bodies_begun; // since the start
  std::atomic<int64_t> dead_since;    // seconds of the real-time clock; 0: it lives
  int32_t domain;                     // of a node that is a Xen domain, its number; else 0
};

struct ClusterHeader {
  uint64_t magic;
  uint32_t version;
  uint32_t bytes; // sizeof(ClusterHeader) of the writer
  uint32_t node_count;
  Placement placement;
  std::atomic<uint32_t> place_next;
  std::atomic<uint32_t> moved_high; // records ever used: scan below this index
  uint32_t cores_per_node;          // 0: each node has all
  std::atomic<uint32_t> epoch;      // of membership: counts the nodes that have been fenced
  char name[kClusterNameMax];       // of one that lasts (`spctl up`), ended by a zero byte; empty: it has one program
  ClusterNode nodes[kNodeCountMax];
  Fault fault; // tests only
  Space spaces[kSpaceCountMax];
  // Folders that all nodes have alike, while all else is the first node's; each ended by a zero byte, the list by an empty
  // one. None: the nodes have all files in common.
  char image[kImageTextMax];
  uint32_t moved_count; // records there are; a cluster of ranges of memory pays for all of them from the start
  uint32_t has_boards;  // 1: no kernel wakes a sleeper of another node (gnttab-shm/node_bell.hpp)
};
static_assert(sizeof(ClusterHeader) <= kClusterQueues - kClusterBase);
static_assert(offsetof(ClusterHeader, fault) == 1152); // tests/fault/steps

enum class MovedState : uint32_t { free = 0, claimed = 1, leaving = 2, settled = 3, ended = 4, gone_home = 5 };

inline constexpr uint32_t kVfdCountMax = 4096; // a moved SubProcess's descriptors are below this number
inline constexpr uint64_t kMovedRing = 8192;   // offset in the record
// Above those: a shadow's descriptors that have no number of the body's yet.
inline constexpr uint32_t kUnplaced = kVfdCountMax;
inline constexpr uint32_t kMovedSlotCount = 32;       // calls under way at one time
inline constexpr uint64_t kMovedTransfer = 64 << 10;  // offset in the record
inline constexpr uint64_t kTransferBytes = 128 << 10; // one call's arguments and results
inline constexpr uint32_t kTransferCount = 8;
static_assert(kMovedTransfer + kTransferCount * kTransferBytes <= kMovedBytes);

inline constexpr uint32_t kLimitCount = 16;
inline constexpr uint64_t kDepartureTextMax = kTransferCount * kTransferBytes;
inline constexpr uint64_t kBelongingsBytes = 16 << 10; // of a fork's child, at their end (process/travel.hpp)

inline constexpr uint32_t kGroupCountMax = 256;
struct Credentials {
  uint32_t users[3]; // real, effective, saved
  uint32_t groups_own[3];
  uint32_t group_count;
  uint32_t groups[kGroupCountMax];
  uint32_t file_user, file_group; // setfsuid(2)
  uint32_t secure_bits;
  uint32_t no_new_privileges;
  uint64_t effective, permitted, inheritable, bounding, ambient; // capabilities(7)
};

// How a thread is scheduled, as sched_setattr(2), sched_setaffinity(2) and ioprio_set(2) have it.
struct DepartureScheduling {
  uint32_t policy;
  uint32_t priority;
  uint64_t flags;
  int32_t nice;
  int32_t io;
  CpuMask processors;
};

// What a program gets at its start; the texts lie in the transfer area one behind the other, each ended by a zero byte.
//
// Its process begins with Moved::begins as a robust futex, so the kernel marks that when it calls exec, or ends; then
// `error` tells which. Who is about to leave waits for the mark, and, if the program has failed, until spd has reaped the
// process and stores 0.
struct Departure {
  uint32_t argument_count;
  uint32_t environment_count;
  uint64_t text_bytes; // path, working directory, arguments, environment
  uint64_t mask;
  uint64_t ignored;
  uint64_t limits[kLimitCount][2]; // setrlimit(2)
  uint32_t stays;                  // come_home: the body's parent waits for the body
  uint32_t without_shim;           // it is to be supervised
  uint32_t umask;
  uint32_t user;
  uint32_t group;
  Credentials rights;
  DepartureScheduling scheduling;
  int32_t error;    // why the program could not be started, 0: it was
  uint32_t goes_on; // it is a fork's child that goes on there; nothing of the above but user, group and rights is said
  // In that case:
  char name[16];        // its own
  uint64_t description; // an Image's offset ...
  uint32_t source;      // ... in what the keeper has as this descriptor
};

// Who is about to leave asks for a process at once, and says what it is to become while that is made:
//
//   none       -> on_its_way   who leaves, before it asks
//   on_its_way -> described    the same: where its description lies is in the departure (wire/image.hpp)
//   described  -> complete     the same: the rest of the departure and its descriptors are there, too
//   complete   -> arrived      the body, when it is whole
//   any of these but none and arrived -> given_up   who leaves, if one of the above fails: the process there ends
//                              -> kArrivalFailed + errno   the spd of its node, when that process has ended
//
// Who leaves waits for one of the last two, and stays where it is if it failed.
enum class Arrival : uint32_t { none = 0, on_its_way, described, complete, arrived, given_up };
inline constexpr uint32_t kArrivalFailed = 1 << 16;

// Said by the shadow.
enum Undoes : uint32_t {
  kUndoesNothing = 0,
  kUndoesSemaphores = 1 /* SEM_UNDO */,
  kUndoesAttachments = 2,
  kUndoesLocks = 4
};

// A poke (NodeOperation::poke_body) is a signal that the next program of the body would die of. So none is sent while one
// program gives way to the next:
//
//   0 or missed -> barred   the body, before exec; then it waits while somebody is sending
//   any -> 0                the body, when exec has failed, and if one was missed all its threads are poked; the next
//                           program, when it can take one; who claims the record
//   without barred: -> + sending, then without it   the spd of its node, for the time of a poke
//   barred      -> + missed  that spd, instead of a poke
//
// What if it dies here? The body: nobody looks at the word any more. That spd: its death is the node's, and the body's.
enum PokeState : uint32_t { kPokesBarred = 1, kPokeIsSent = 2, kPokeMissed = 4 };

struct alignas(4096) Moved {
  std::atomic<MovedState> state; // futex word
  std::atomic<uint32_t> use;     // counts claims, so that news of an earlier use is not taken for this one's
  std::atomic<int32_t> pid;
  std::atomic<int32_t> shadow_pid; // the same, but for rare races of an ordinary user's
  std::atomic<int32_t> claimant;   // the process that claimed it; an spd is 1 on whichever node
  std::atomic<uint32_t> claimant_node;
  std::atomic<uint32_t> body_node;
  std::atomic<uint32_t> shadow_node;
  std::atomic<int32_t> wait_status; // as wait4 gives it
  std::atomic<int32_t> stopped_by;  // the signal that stopped the body, 0: it runs
  std::atomic<uint32_t> fresh;      // 1: the body has not yet taken its places
  std::atomic<uint32_t> supervised; // 1: the kernel asks spd about the body's calls (spd/supervisor.hpp) ...
  std::atomic<uint32_t> has_shim;   // ... who lets them pass while this is 1: its program has the shim
  std::atomic<int32_t> listener;    // of a body that is about to be supervised: 1 + descriptor, -errno
  std::atomic<uint32_t> arrival;    // Arrival of a fork's child, or kArrivalFailed + errno; futex word
  std::atomic<uint32_t> undoes;     // Undoes: what others see change when the shadow is gone
  // Bit n: transfer area n is taken. The body's, at each call; the shadow looks at the line above.
  alignas(64) std::atomic<uint32_t> transfer_used;
  std::atomic<uint32_t> begins; // futex word, see Departure
  std::atomic<uint32_t> pokes;  // PokeState
  Departure departure;
  struct alignas(64) {
    uint64_t line[8];
  } bell;                                           // EventChannelLine of the shadow
  std::atomic<uint8_t> descriptors[kVfdCountMax];   // of the shadow: 0 none, else kVfdOpen | file type (S_IFMT >> 12)
  std::atomic<uint32_t> pipe_ends[2][kPipeEndsMax]; // PipeEnd: that it reads from, that it writes to; the shadow's
};
inline constexpr uint8_t kVfdOpen = 0x80;
inline constexpr uint8_t kVfdClosesAtExec = 0x40; // said by one that goes on elsewhere, for its shadow and its body
static_assert(sizeof(Moved) <= kMovedRing && std::is_standard_layout_v<Moved>);

// What the spd of a node does for others.
enum class NodeOperation : uint32_t {
  none = 0,
  start_body,   // record -> 0 or -errno: the departure's program runs on this node under the record's number
  restore_body, // record -> 0 or -errno: a process for a fork's child that goes on here; see Arrival
  watch_body,   // record: it began here by itself (a fork's child); ended when it is gone
  watch_shadow, // record, 1 if it may be gone already, which is news: the shadow lives on this node
  signal_body,  // record, signal; and si_code, si_pid, si_uid, si_value, if a program has sent those
  stop_body,    // record: SIGSTOP, and its shadow knows (spd/stops.hpp)
  signal_home,  // record, signal: to its program, which has come home
  signal_first, // 0, signal: to the program that `spctl run` has started, on the first node
  next_pid,     // record: the next process of this node gets its number; 0 or -errno
  old_pids,     // after that: numbers go on where they were
  supervise,    // record, tid, listener: a descriptor of that thread; 0 or -errno
  poke_body,    // record, tid (0: all): SIGSYS with kPokeMark to this thread (vfd/pending_call.hpp), but see PokeState
  hold_space,   // space, pid: this process of the node holds it
  let_go_space, // the same: it does no longer
  let_go_all,   // pid: this process of the node runs another program now, so it holds no space and no segment
  park,         // pid, descriptor -> the number under which its open file is kept here (spd/parked.hpp)
  drop_parked,  // that number
  hand_over,    // pid, socket, number, whether it is kept all the same: sends what is parked there
  watch_token,  // pid, socket, node, number: when its other end is closed, what is parked on that node is dropped
  start_resident, // space, home, its number: of the SubProcess whose description is in home's pool -> its number or -errno
  place_segment,  // number of a System V segment -> its offset in this node's pool, or -errno
  sweep_segments, // one may be gone
  watch_waiter,   // pid: this process of the node waits, or wakes, in the cluster's hash of futexes
  join_pipe, // record, descriptor: of its shadow, one end of a pipe; 1: that writes -> PipeEnd or -errno (wire/pipe_ring.hpp)
  fill_pipe,   // record, descriptor, PipeEnd: the reader's -> 0 or -errno
  leave_pipe,  // record, descriptor, PipeEnd: the contents are the kernel's again; without an end: of all that it has
  notify_twin, // record, descriptor: of the body's, a queue; a message is sent to it (syscalls/remote_notify.cpp)
  call_about,  // inquiry: its call is performed on this node (wire/inquiry.hpp) -> 0 or -errno; its result lies there
  count
};

inline constexpr int kTwinSignal = 33; // libc's own: no program asks to be told by it
inline constexpr uint64_t kPokeMark = 0x656b6f70'72707573;

// What a shadow does for its body. A request's flags are 0, or kOnlyIfReady (a call that would wait is not performed but
// answered with kWouldWait), or the number of a thread that is to be poked when the call is done.
inline constexpr uint32_t kOnlyIfReady = 1u << 31;
inline constexpr long kWouldWait = -4096; // no errno
// In place of -EPIPE and -EFBIG, when the kernel has sent SIGPIPE or SIGXFSZ with it: who asked sends it to its own thread.
inline constexpr long kBrokenPipe = -4097;
inline constexpr long kTooLong = -4098;
enum class ShadowOperation : uint32_t {
  none = 0,
  call,       // number, six arguments; pointers lead into the transfer area -> result
  fork,       // record, pid: a shadow for the body's child
  after_exec, // the body runs a new program: close what is to be closed. Address of its name (16 bytes), of its arguments
              // as in /proc/PID/cmdline, their bytes; of its Credentials
  come_home, // the departure's program begins here, in the shadow's process: it is one without the shim
  interrupt, // ticket's slot and sequence of a call under way
  join_pipe, // descriptor, PipeWish: an end of a pipe that may become a ring -> 0 or -errno
  fill_pipe, // descriptor: the reader's -> 0 or -errno
  identify,  // address of the body's Credentials: calls are performed as this user from now on
  count
};

inline constexpr const char* kEnvMoved = "SUPERPROC_MOVED"; // record of this SubProcess, set by us
inline constexpr const char* kEnvPlaced =
    "SUPERPROC_PLACED"; // process whose program's node was chosen at exec, set by us
inline constexpr const char* kEnvPreload = "SUPERPROC_PRELOAD"; // what spd gives to the program as LD_PRELOAD
inline constexpr const char* kEnvCluster = "SUPERPROC_CLUSTER"; // where spd and sp-shadow are, set by spctl
inline constexpr int kKeeperPid = 2;                            // on every node, holds the cluster segment ...
inline constexpr int kKeeperSegment = 3;                        // ... as this descriptor (cluster/cluster_memory.hpp)

// The filter by which the kernel knows what calls to ask about: each spd writes the same, before it serves.
inline constexpr uint64_t kNotifiedFilter = kClusterBase + (512 << 10);
inline constexpr uint32_t kFilterLengthMax = 4096; // BPF_MAXINSNS
struct NotifiedFilter {
  uint32_t length;
  uint32_t reserved;
  uint64_t instructions[kFilterLengthMax]; // struct sock_filter
};
static_assert(sizeof(ClusterHeader) <= kNotifiedFilter - kClusterBase);
static_assert(kNotifiedFilter + sizeof(NotifiedFilter) <= kClusterSleepers);
inline NotifiedFilter& notified_filter() { return *reinterpret_cast<NotifiedFilter*>(kNotifiedFilter); }

// Only calls on numbers below this are notified: so many descriptors of its shadow's can a supervised program have.
inline constexpr uint32_t kNotifiedDescriptors = 64;

inline Accounts& accounts() { return *reinterpret_cast<Accounts*>(kAccounts); }
inline ClusterHeader& cluster() { return *reinterpret_cast<ClusterHeader*>(kClusterBase); }
// Whatever the header says by now.
inline uint32_t moved_count() {
  const uint32_t count = static_cast<const volatile uint32_t&>(cluster().moved_count);
  return count < kMovedCountMax ? count : kMovedCountMax;
}
inline Moved& moved(uint32_t index) { return *reinterpret_cast<Moved*>(kMovedBase + index * kMovedBytes); }
inline PipeRing& pipe_ring(uint32_t index) {
  return *reinterpret_cast<PipeRing*>(kPipeRings + index * kPipeRingStride);
}
inline char* pipe_contents(uint32_t index) { return reinterpret_cast<char*>(&pipe_ring(index) + 1); }
inline uint64_t transfer_area(uint32_t index, uint32_t n) {
  return kMovedBase + index * kMovedBytes + kMovedTransfer + n * kTransferBytes;
}

} // namespace sp::wire
