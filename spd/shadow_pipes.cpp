// SPDX-License-Identifier: Apache-2.0
#include "spd/shadow_pipes.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "libsuperproc/cluster/pause.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "spd/admission.hpp"

namespace sp::spd {

namespace {

using wire::PipeEnd;
using wire::PipeState;
using wire::PipeWord;

// For this process's own decisions; the record is anybody's.
constinit PipeEnd ends[2][wire::kPipeEndsMax]{}; // that it reads from, that it writes to
constinit uint32_t end_count = 0;
constinit bool passes_on = false; // it has sent descriptors: who else has a descriptor while one is under way cannot be seen

void set_end(uint32_t record, uint64_t number, bool writes, PipeEnd end) {
  PipeEnd& own = ends[writes][number];
  end_count += static_cast<uint32_t>(static_cast<bool>(end)) - static_cast<uint32_t>(static_cast<bool>(own));
  own = end;
  wire::moved(record).pipe_ends[writes][number].store(end.bits);
}

bool has_end(uint64_t number) { return number < wire::kPipeEndsMax && (ends[0][number] || ends[1][number]); }

template <class... A>
long ask_own_spd(uint32_t record, wire::NodeOperation operation, A... arguments) {
  const NodeId here{wire::moved(record).shadow_node.load()};
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  const Result<int64_t> answer = ask_spd(here, here, self, operation, record, arguments...);
  return answer ? *answer : -EIO;
}

// The kernel's pipe is the place to read from and write to, and the body has said that it writes.
bool is_only_offered(uint32_t record, PipeEnd end) {
  const PipeWord word{wire::pipe_ring(end.ring()).word.load()};
  const wire::Moved& m = wire::moved(record);
  return word.use() == end.use() && (word.state() == PipeState::made || word.state() == PipeState::offered) &&
         (word.busy() || !end.writes()) && !(m.supervised.load() && !m.has_shim.load());
}

bool asks_for_ends_only(uint64_t list, uint64_t count) {
  constexpr uint64_t kCountMax = 1024;
  if (count > kCountMax || !in_segment(list, count * sizeof(pollfd))) return false;
  const auto* const polled = reinterpret_cast<const pollfd*>(list);
  for (uint64_t i = 0; i < count; ++i)
    if (polled[i].fd >= 0 && has_end(static_cast<uint64_t>(polled[i].fd)) && polled[i].events) return false;
  return true;
}

bool names_descriptor(uint64_t path) {
  const char* const text = reinterpret_cast<const char*>(path);
  return in_segment(path, 6) && (strncmp(text, "/proc/", 6) == 0 || strncmp(text, "/dev/", 5) == 0);
}

// Whether it only reads or only writes, which concerns only what goes that way.
std::optional<bool> direction_of(uint64_t number) {
  switch (number) {
    case SYS_read:
    case SYS_recvfrom:
    case SYS_recvmsg: return false;
    case SYS_write:
    case SYS_sendto:
    case SYS_sendmsg: return true;
    default: return std::nullopt;
  }
}

// Nothing that it tells or does has to do with what is in the pipe.
bool is_harmless(const CallWords& call) {
  switch (call[0]) {
    case SYS_fstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_lseek:
    case SYS_fadvise64:
    case SYS_getsockname:
    case SYS_getpeername: return true;
    case SYS_fcntl: return call[2] == F_GETFD || call[2] == F_SETFD || call[2] == F_GETFL;
    case SYS_ioctl: return call[2] == TCGETS;
    default: return false;
  }
}

void leave_end(uint32_t record, uint64_t number, bool writes) {
  if (!ends[writes][number]) return;
  ask_own_spd(record, wire::NodeOperation::leave_pipe, number, ends[writes][number].bits);
  set_end(record, number, writes, {0});
  pause_at(wire::Step::pipe_left);
}

void leave_for(uint32_t record, uint64_t number, const CallWords& call) {
  const auto writes = direction_of(call[0]);
  if (!writes) return is_harmless(call) ? void() : leave_pipe_of(record, number);
  if (const PipeEnd end = ends[*writes][number]; end && !is_only_offered(record, end)) leave_end(record, number, *writes);
}

// As far as the body says so here: one that lies loses what is its own.
bool passes_descriptors(const CallWords& call) {
  return call[0] == SYS_sendmsg && (!in_segment(call[2], sizeof(msghdr)) ||
                                    reinterpret_cast<const msghdr*>(call[2])->msg_controllen != 0);
}

} // namespace

long join_pipe_of(uint32_t record, uint64_t number, wire::PipeWish wish) {
  if (wish == wire::PipeWish::leave) return leave_pipe_of(record, number), 0;
  if (number >= wire::kPipeEndsMax || passes_on || wish > wire::PipeWish::write) return -EINVAL;
  const bool writes = wish == wire::PipeWish::write;
  leave_end(record, number, writes);
  const long answer = ask_own_spd(record, wire::NodeOperation::join_pipe, number, writes);
  if (answer <= 0 || answer > ~0u) return answer < 0 ? answer : -EIO;
  const PipeEnd end{static_cast<uint32_t>(answer)};
  if (!end || end.ring() >= wire::kPipeRingCount || end.writes() != writes) return -EIO;
  set_end(record, number, writes, end);
  return 0;
}

long fill_pipe_of(uint32_t record, uint64_t number) {
  if (number >= wire::kPipeEndsMax || !ends[0][number]) return -EINVAL;
  return ask_own_spd(record, wire::NodeOperation::fill_pipe, number, ends[0][number].bits);
}

void leave_pipe_of(uint32_t record, uint64_t number) {
  if (!has_end(number)) return;
  leave_end(record, number, false);
  leave_end(record, number, true);
}

void leave_pipes(uint32_t record) {
  for (uint64_t n = 0; end_count && n < wire::kPipeEndsMax; ++n) leave_pipe_of(record, n);
}

void leave_pipes_for(uint32_t record, const CallWords& call) {
  passes_on = passes_on || passes_descriptors(call);
  if (end_count == 0) return;
  const Arguments* const arguments = call[0] < 4096 ? find_arguments(static_cast<long>(call[0])) : nullptr;
  for (uint32_t i = 0; arguments && i < arguments->count; ++i) {
    const ArgumentKind kind = arguments->at[i].kind;
    if (kind == ArgumentKind::path && names_descriptor(call[1 + i])) return leave_pipes(record);
    if ((kind == ArgumentKind::fd || kind == ArgumentKind::dirfd) && has_end(call[1 + i]))
      leave_for(record, call[1 + i], call);
  }
  switch (call[0]) {
    case SYS_poll:
    case SYS_ppoll:
      if (!asks_for_ends_only(call[1], call[2])) leave_pipes(record);
      return;
    case SYS_select:
    case SYS_pselect6:
    case SYS_close_range: return leave_pipes(record);
    case SYS_sendmsg: return passes_on ? leave_pipes(record) : void();
    default: return;
  }
}

} // namespace sp::spd
