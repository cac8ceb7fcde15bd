// SPDX-License-Identifier: Apache-2.0
#include "vfd/pipe_transfer.hpp"

#include <sys/socket.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/pipe_turn.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {

bool is_alone() { return control().thread_count.load() <= 1 && thread_self.borrower == Borrower::none; }

wire::PipeEnd end_of(uint64_t descriptor, bool writes) { return {record().pipe_ends[writes][descriptor].load()}; }

// How often it is tried: a search through all processes of the first node is worth some dozen transfers.
struct Tries {
  uint32_t transfers, next, step;
};
constinit Tries tries[2][wire::kPipeEndsMax]{};

bool is_time_to_try(uint64_t descriptor, bool writes) {
  constexpr uint32_t kFirst = 16, kStepMax = 2048;
  Tries& t = tries[writes][descriptor];
  if (t.step == 0) t.next = t.step = kFirst;
  if (++t.transfers < t.next) return false;
  if (t.step < kStepMax) t.step *= 2;
  t.next = t.transfers + t.step;
  return true;
}

void wish(uint64_t descriptor, wire::PipeWish what) {
  ask_shadow(own_record(), wire::ShadowOperation::join_pipe, descriptor, static_cast<uint64_t>(what));
}

wire::PipeEnd end_to_use(uint64_t descriptor, bool writes) {
  const wire::PipeEnd end = end_of(descriptor, writes);
  if (!is_alone()) {
    if (end) wish(descriptor, wire::PipeWish::leave);
    return {0};
  }
  if (!end && is_time_to_try(descriptor, writes))
    wish(descriptor, writes ? wire::PipeWish::write : wire::PipeWish::read);
  return end_of(descriptor, writes);
}

long read_pipe(PipeTurn turn, long number, const uint64_t (&a)[6], Plainly plainly) {
  const std::optional<long> result = turn.read(pointer_to<char>(a[1]), a[2]);
  return result ? *result : plainly(number, a);
}

long write_pipe(PipeTurn turn, long number, const uint64_t (&a)[6], Plainly plainly) {
  uint64_t done = 0;
  if (!turn.begin_plain_write()) {
    bool left = false;
    const long result = turn.write(pointer_to<const char>(a[1]), a[2], left);
    if (!left) return result;
    done = static_cast<uint64_t>(result);
  }
  const long result = plainly(number, {a[0], a[1] + done, a[2] - done, a[3], a[4], a[5]});
  turn.end_plain_write();
  if (sys::failed(result)) return done ? static_cast<long>(done) : result;
  return result + static_cast<long>(done);
}

} // namespace

bool goes_by_pipe(long number, const uint64_t (&a)[6]) {
  switch (number) {
    case SYS_read:
    case SYS_write: break;
    case SYS_recvfrom:
      if (a[3] != 0 || a[4] != 0 || a[2] == 0) return false; // nothing is waited for, too
      break;
    case SYS_sendto:
      if ((a[3] & ~uint64_t{MSG_NOSIGNAL}) != 0 || a[4] != 0) return false;
      break;
    default: return false;
  }
  if (a[0] >= wire::kPipeEndsMax || !CallScope::current()) return false;
  const uint32_t type = (kind_of(a[0]) & 0xfu) << 12;
  return type == S_IFSOCK || (type == S_IFIFO && (number == SYS_read || number == SYS_write));
}

long transfer_by_pipe(long number, const uint64_t (&a)[6], Plainly plainly) {
  CallScope::current()->enter();
  const bool writes = number == SYS_write || number == SYS_sendto;
  const wire::PipeEnd end = end_to_use(a[0], writes);
  if (!end || end.ring() >= wire::kPipeRingCount || end.writes() != writes) return plainly(number, a);
  const PipeTurn turn(a[0], end);
  return writes ? write_pipe(turn, number, a, plainly) : read_pipe(turn, number, a, plainly);
}

} // namespace sp::vfd
