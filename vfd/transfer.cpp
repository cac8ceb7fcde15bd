// SPDX-License-Identifier: Apache-2.0
#include "vfd/call_scope.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

Transfer::Transfer() : record_(own_record()) {
  if (CallScope* const scope = CallScope::current()) scope->enter();
  auto& used = wire::moved(record_).transfer_used;
  for (uint32_t seen = used.load();;) {
    const uint32_t free = ~seen & ((1u << wire::kTransferCount) - 1);
    if (free == 0) {
      sys::call(SYS_sched_yield);
      seen = used.load();
      continue;
    }
    number_ = static_cast<uint32_t>(__builtin_ctz(free));
    if (used.compare_exchange_weak(seen, seen | 1u << number_)) return;
  }
}

Transfer::~Transfer() { wire::moved(record_).transfer_used.fetch_and(~(1u << number_)); }

void* Transfer::take(uint64_t bytes) {
  if (bytes > left()) return nullptr;
  void* const at = reinterpret_cast<void*>(wire::transfer_area(record_, number_) + used_);
  used_ = (used_ + bytes + 15) & ~15ull;
  return at;
}

void* Transfer::put(const void* from, uint64_t bytes) {
  void* const at = take(bytes);
  return at && read_program(at, from, bytes) ? at : nullptr;
}

void* Transfer::put_text(const char* text) {
  constexpr uint64_t kTextMax = 4096; // PATH_MAX
  char* const at = static_cast<char*>(take(kTextMax));
  return at && read_text(at, text, kTextMax) ? at : nullptr;
}

} // namespace sp::vfd
