// SPDX-License-Identifier: Apache-2.0
// System calls about memory: decode and hand to memory/.
#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/copy_out.hpp"
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

long sys_mmap(Call& call) {
  if (call.arg(5) & (wire::kPageBytes - 1)) return -EINVAL;
  return memory::map(call.arg(0), call.arg(1), call.number_arg(2), call.number_arg(3), call.number_arg(4), call.arg(5));
}
long sys_munmap(Call& call) { return memory::unmap(call.arg(0), call.arg(1)); }
long sys_mprotect(Call& call) { return memory::protect(call.arg(0), call.arg(1), call.number_arg(2)); }
long sys_madvise(Call& call) { return memory::advise(call.arg(0), call.arg(1), call.number_arg(2)); }

long sys_mremap(Call& call) {
  return memory::remap(call.arg(0), call.arg(1), call.arg(2), call.number_arg(3), call.arg(4));
}

long sys_brk(Call& call) { return is_shared() ? memory::set_break(call.arg(0)) : memory::set_private_break(call.arg(0)); }

} // namespace sp
