// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/service_thread.hpp"

#include <csignal>
#include <linux/sched.h>

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

namespace {

constexpr uint64_t kTlsBytes = 64 << 10; // static TLS lies below the thread pointer
constexpr uint64_t kTcbBytes = 4096;     // what libraries expect above it

} // namespace

uint64_t service_thread_pointer(uint64_t place) { return place + wire::kNodeServiceBytes - kTcbBytes; }
uint64_t service_stack_top(uint64_t place) { return service_thread_pointer(place) - kTlsBytes; }

Result<int32_t> start_service_thread(uint64_t place, Descriptors descriptors, void (*function)(void*), void* argument,
                                     volatile uint32_t* clear_at_end) {
  const uint64_t tp = service_thread_pointer(place);
  for (uint64_t* p = pointer_to<uint64_t>(tp - kTlsBytes); p < pointer_to<uint64_t>(tp + 128); ++p) *p = 0;
  *pointer_to<uint64_t>(tp) = tp;      // %fs:0
  *pointer_to<uint64_t>(tp + 16) = tp; // glibc's header.self
  uint64_t flags = CLONE_VM | CLONE_FS | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_SETTLS;
  if (descriptors == Descriptors::shared) flags |= CLONE_FILES;
  if (clear_at_end) flags |= CLONE_CHILD_CLEARTID;
  AllBlocked blocked;
  TRY(const long tid,
      from_raw(sp_clone_function(flags, service_stack_top(place), address_of(clear_at_end), tp, function, argument)));
  return static_cast<int32_t>(tid);
}

} // namespace sp
