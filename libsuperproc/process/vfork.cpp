// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/vfork.hpp"

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/memory/address_space.hpp"

namespace sp {

namespace {

constexpr uint64_t kStackBytes = 32 << 10;
thread_local constinit uint64_t vfork_stack = 0;

// At the top of the stack, copied there by the caller.
struct Waiting {
  CloneArguments arguments;
  Registers registers;
  uint64_t mask;
};

uint64_t map_stack() {
  const long at = memory::map_for_shim(kStackBytes);
  return sys::failed(at) ? 0 : static_cast<uint64_t>(at);
}

void wait_for_child(void* argument) {
  auto& waiting = *static_cast<Waiting*>(argument);
  waiting.registers.rax = static_cast<uint64_t>(clone_borrower(waiting.arguments, waiting.registers, waiting.mask));
  sp_continue(&waiting.registers);
}

} // namespace

long vfork_process(const CloneArguments& arguments, const Registers& caller, uint64_t mask) {
  if (!vfork_stack && !(vfork_stack = map_stack())) return -EAGAIN;
  auto* waiting = pointer_to<Waiting>((vfork_stack + kStackBytes - sizeof(Waiting)) & ~63ull);
  *waiting = {arguments, caller, mask};
  sp_call_on_stack(wait_for_child, waiting, address_of(waiting));
  return -EAGAIN; // not reached
}

void forget_vfork_stack() {
  if (vfork_stack) memory::unmap_for_shim(vfork_stack, kStackBytes);
  vfork_stack = 0;
}

} // namespace sp
