// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/segments.hpp"

#include <cerrno>
#include <sys/ipc.h>

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/syscalls/remote_ipc.hpp"
#include "vfd/body.hpp"

namespace sp {

namespace {

long control_segment(const Call& call) {
  const long result = vfd::is_body() ? segment_by_shadow(call) : call.pass();
  if (call.number_arg(1) == IPC_RMID && result == 0) segments_change();
  return result;
}

// Of one that was attached without the shim, or while threads were spread.
long detach(const Call& call) {
  const long result = detach_segment(call.arg(0));
  return result == -EINVAL ? call.pass() : result;
}

} // namespace

std::optional<long> segment_of_cluster(const Call& call) {
  if (is_shared()) return std::nullopt;
  switch (call.number()) {
    case SYS_shmget: return vfd::is_body() ? std::optional(segment_by_shadow(call)) : std::nullopt;
    case SYS_shmat: return attach_segment(call.arg(0), call.arg(1), call.number_arg(2));
    case SYS_shmdt: return detach(call);
    case SYS_shmctl: return control_segment(call);
    default: return std::nullopt;
  }
}

} // namespace sp
