// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/segments.hpp"

#include <cerrno>
#include <sys/ipc.h>
#include <sys/mman.h>

#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/mapped_files.hpp"
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

std::optional<long> map_file(const Call& call, bool is_private = false) {
  const auto map_here = [](const void* given, long descriptor, uint64_t offset) {
    const Call& c = *static_cast<const Call*>(given);
    return app_call(SYS_mmap, c.arg(0), c.arg(1), c.arg(2), c.arg(3), descriptor, offset);
  };
  return map_shared_file({call.arg(4), call.arg(5), call.arg(1), call.number_arg(2), is_private}, map_here, &call);
}

// A body's shows what others write. Of the first node's the kernel makes a copy, of what the memory holds now.
std::optional<long> map_privately(const Call& call) {
  if (vfd::is_body()) return map_file(call, true);
  save_file_of_memory(call.arg(4));
  return std::nullopt;
}

// A body's children begin beside it, so its anonymous memory need not leave the node.
std::optional<long> map(const Call& call) {
  const auto flags = call.number_arg(3);
  const bool of_a_file = !(flags & MAP_ANONYMOUS);
  if (of_a_file && (flags & MAP_TYPE) == MAP_PRIVATE) return map_privately(call);
  if ((flags & MAP_TYPE) != MAP_SHARED || flags & (MAP_HUGETLB | MAP_32BIT)) return std::nullopt;
  if (of_a_file) return map_file(call);
  if (vfd::is_body()) return std::nullopt;
  const long at = map_shared_anonymous_segment(call.arg(0), call.arg(1), call.number_arg(2), flags);
  return sys::failed(at) ? std::nullopt : std::optional(at);
}

std::optional<long> unmap(const Call& call) {
  if (!is_shared_mapping_there(call.arg(0), call.arg(1))) return std::nullopt;
  const long result = call.pass();
  if (!result) shared_mapping_ends(call.arg(0), call.arg(1));
  return result;
}

// Behind its end there is somebody else's.
std::optional<long> remap(const Call& call) {
  const uint64_t start = call.arg(0), bytes = call.arg(1), then = call.arg(2);
  if (!is_shared_mapping_there(start, bytes ? bytes : 1)) return std::nullopt;
  if (bytes && then > bytes && !may_grow(start, bytes, then)) return -ENOMEM;
  const long at = call.pass();
  if (sys::failed(at)) return at;
  if (!bytes || static_cast<uint64_t>(at) != start || then > bytes)
    shared_mapping_moves(start, bytes ? bytes : 1, static_cast<uint64_t>(at), bytes ? then : 0);
  else
    shared_mapping_ends(start + then, bytes - then);
  return at;
}

} // namespace

namespace {
// ... and its futexes are the cluster's from here on.
long watched(long at) {
  if (!sys::failed(at)) watch_shared_futexes();
  return at;
}
std::optional<long> watched(std::optional<long> at) {
  if (maps_shared_files()) watch_file_calls();
  return at ? std::optional(watched(*at)) : at;
}
} // namespace

std::optional<long> segment_of_cluster(const Call& call) {
  if (is_shared()) return std::nullopt;
  switch (call.number()) {
    case SYS_shmget: return vfd::is_body() ? std::optional(segment_by_shadow(call)) : std::nullopt;
    case SYS_shmat: return watched(attach_segment(call.arg(0), call.arg(1), call.number_arg(2)));
    case SYS_shmdt: return detach(call);
    case SYS_shmctl: return control_segment(call);
    case SYS_mmap: return watched(map(call));
    case SYS_munmap: return unmap(call);
    case SYS_mremap: return remap(call);
    case SYS_exit_group: return shared_files_end(), std::nullopt;
    default: return std::nullopt;
  }
}

} // namespace sp
