// SPDX-License-Identifier: Apache-2.0
// System calls about memory: decode and hand to memory/.
#include <sys/mman.h>

#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/attach.hpp"
#include "libsuperproc/memory/copy_out.hpp"
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

long sys_mmap(Call& call) {
  if (call.arg(5) & (wire::kPageBytes - 1)) return -EINVAL;
  return memory::map(call.arg(0), call.arg(1), call.number_arg(2), call.number_arg(3), call.number_arg(4), call.arg(5));
}
long sys_munmap(Call& call) { return memory::unmap(call.arg(0), call.arg(1)); }
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
