// SPDX-License-Identifier: Apache-2.0
// System calls about memory: decode and hand to memory/.
#include <optional>
#include <sys/mman.h>

#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/attach.hpp"
#include "libsuperproc/memory/copy_out.hpp"
#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {

// For the kernel, whose answer would not know about holes: in an arena it has none.
long pass_unless_hole(Call& call) {
  const uint64_t start = call.arg(0), bytes = call.arg(1);
  if (start & (wire::kPageBytes - 1)) return -EINVAL;
  if (start >= wire::kUserEnd || bytes > wire::kUserEnd - start) return -ENOMEM;
  if (bytes && !memory::is_all_mapped(start, wire::page_up(start + bytes))) return -ENOMEM;
  return call.pass();
}

} // namespace

namespace {

// POSIX shared memory, which lies elsewhere where nodes are isolated.
std::optional<long> map_segment_of_file(const Call& call) {
  const int flags = call.number_arg(3);
  if (!is_isolated() || (flags & MAP_TYPE) != MAP_SHARED || flags & MAP_ANONYMOUS) return std::nullopt;
  const auto map = [](const void* given, long descriptor, uint64_t offset) {
    const Call& c = *static_cast<const Call*>(given);
    return memory::map(c.arg(0), c.arg(1), c.number_arg(2), c.number_arg(3), static_cast<int>(descriptor), offset);
  };
  return map_shared_file({call.arg(4), call.arg(5), call.arg(1), call.number_arg(2)}, map, &call);
}

} // namespace

long sys_mmap(Call& call) {
  if (call.arg(5) & (wire::kPageBytes - 1)) return -EINVAL;
  if (const std::optional<long> segment = map_segment_of_file(call)) return watch_shared_futexes(), *segment;
  if (is_isolated() && call.number_arg(3) & MAP_ANONYMOUS && call.number_arg(3) & MAP_SHARED) watch_shared_futexes();
  return memory::map(call.arg(0), call.arg(1), call.number_arg(2), call.number_arg(3), call.number_arg(4), call.arg(5));
}
long sys_munmap(Call& call) {
  const long result = memory::unmap(call.arg(0), call.arg(1));
  if (!result && is_isolated()) shared_mapping_ends(call.arg(0), call.arg(1));
  return result;
}
long sys_mprotect(Call& call) { return memory::protect(call.arg(0), call.arg(1), call.number_arg(2), -1); }
long sys_pkey_mprotect(Call& call) {
  return memory::protect(call.arg(0), call.arg(1), call.number_arg(2), call.number_arg(3));
}
long sys_madvise(Call& call) { return memory::advise(call.arg(0), call.arg(1), call.number_arg(2)); }

long sys_mremap(Call& call) {
  return memory::remap(call.arg(0), call.arg(1), call.arg(2), call.number_arg(3), call.arg(4));
}

long sys_brk(Call& call) {
  return is_shared() ? memory::set_break(call.arg(0)) : memory::set_private_break(call.arg(0));
}

long sys_msync(Call& call) { return pass_unless_hole(call); }
long sys_mincore(Call& call) { return pass_unless_hole(call); }

long sys_mlock(Call& call) { return memory::lock_range(call.arg(0), call.arg(1), 0); }
long sys_mlock2(Call& call) {
  if (call.number_arg(2) & ~MLOCK_ONFAULT) return -EINVAL;
  return memory::lock_range(call.arg(0), call.arg(1), call.number_arg(2));
}
long sys_munlock(Call& call) { return memory::unlock_range(call.arg(0), call.arg(1)); }
long sys_mlockall(Call& call) { return memory::lock_all(call.number_arg(0)); }
long sys_munlockall(Call&) { return memory::unlock_all(); }

long sys_shmat(Call& call) { return memory::attach(call.number_arg(0), call.arg(1), call.number_arg(2)); }
long sys_shmdt(Call& call) { return memory::detach(call.arg(0)); }

// Every kernel gives the same key, since each has given the same ones before.
long sys_pkey_alloc(Call& call) { return pass_everywhere(call); }
long sys_pkey_free(Call& call) { return pass_everywhere(call); }

long sys_modify_ldt(Call& call) {
  constexpr int kWriteOld = 1, kWrite = 0x11;
  const int function = call.number_arg(0);
  return function == kWrite || function == kWriteOld ? pass_everywhere(call) : call.pass();
}

} // namespace sp
