// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/program_filters.hpp"

#include <linux/seccomp.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/memory/address_space.hpp"

namespace sp {

namespace {

struct ProgramFilter {
  uint64_t older;
  uint64_t flags;
  uint64_t length;
  sock_filter* instructions() { return reinterpret_cast<sock_filter*>(this + 1); }
};

} // namespace

uint64_t own_filters() { return thread_self.record ? thread_self.record->filters : 0; }

bool keep_filter(const sock_fprog& filter, uint64_t flags) {
  const long at = memory::map_for_shim(wire::page_up(sizeof(ProgramFilter) + filter.len * sizeof(sock_filter)));
  if (sys::failed(at)) return false;
  auto& kept = *pointer_to<ProgramFilter>(static_cast<uint64_t>(at));
  kept.older = own_filters();
  kept.flags = flags;
  kept.length = filter.len;
  for (uint32_t i = 0; i < filter.len; ++i) kept.instructions()[i] = filter.filter[i];
  thread_self.record->filters = address_of(&kept);
  return true;
}

void install_filters(uint64_t newest, uint64_t known) {
  if (newest == known || newest == 0) return;
  auto& filter = *pointer_to<ProgramFilter>(newest);
  install_filters(filter.older, known);
  const sock_fprog program{static_cast<unsigned short>(filter.length), filter.instructions()};
  sys::call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, filter.flags, &program);
}

} // namespace sp
