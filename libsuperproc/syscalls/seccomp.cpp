// SPDX-License-Identifier: Apache-2.0
// A seccomp filter of the program judges the program's calls, not the shim's own: those natively do not exist, and a
// filter that kills would end the program for them. So the filter is installed behind a rule that lets the first page
// of the gate pass. What the shim passes on (sp_app_call), the clones, and the stubs are in other pages and are judged.
#include <cerrno>
#include <linux/filter.h>
#include <linux/seccomp.h>

#include "libsuperproc/process/program_filters.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/seccomp.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp {

namespace {

constexpr uint32_t kInstructionsMax = 4096;            // BPF_MAXINSNS
constexpr uint32_t kAddressLow = 8, kAddressHigh = 12; // seccomp_data::instruction_pointer

constexpr sock_filter statement(uint32_t code, uint32_t k) { return {static_cast<uint16_t>(code), 0, 0, k}; }
constexpr sock_filter jump(uint32_t code, uint32_t k, uint8_t if_true, uint8_t if_false) {
  return {static_cast<uint16_t>(code), if_true, if_false, k};
}

constexpr uint32_t kRuleLength = 7;

// The address is the one behind the `syscall`. The last instruction leaves the accumulator as a filter finds it.
void write_rule(sock_filter* rule) {
  const uint64_t start = address_of(sp_gate_start);
  const auto low = static_cast<uint32_t>(start);
  rule[0] = statement(BPF_LD | BPF_W | BPF_ABS, kAddressHigh);
  rule[1] = jump(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(start >> 32), 0, 4);
  rule[2] = statement(BPF_LD | BPF_W | BPF_ABS, kAddressLow);
  rule[3] = jump(BPF_JMP | BPF_JGE | BPF_K, low, 0, 2);
  rule[4] = jump(BPF_JMP | BPF_JGE | BPF_K, low + wire::kPageBytes, 1, 0);
  rule[5] = statement(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  rule[6] = statement(BPF_LD | BPF_IMM, 0);
}

} // namespace

// The call with the program at argument `index` replaced; with TSYNC, by the agents of the other nodes as well.
long install_program_filter(const Call& call, int index, uint64_t flags) {
  const sock_fprog given = *call.pointer<const sock_fprog>(index);
  if (given.len == 0 || given.len + kRuleLength > kInstructionsMax) return -EINVAL;
  auto* filter = static_cast<sock_filter*>(__builtin_alloca((given.len + kRuleLength) * sizeof(sock_filter)));
  write_rule(filter);
  for (uint32_t i = 0; i < given.len; ++i) filter[kRuleLength + i] = given.filter[i];
  const sock_fprog whole{static_cast<unsigned short>(given.len + kRuleLength), filter};
  const long result = pass_with(call, index, address_of(&whole));
  if (sys::failed(result) || !is_shared()) return result;
  if (flags & SECCOMP_FILTER_FLAG_TSYNC) // whoever is made there later has it from its agent
    ask_others_to_call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, address_of(&whole));
  else if (!(flags & SECCOMP_FILTER_FLAG_NEW_LISTENER))
    (void)keep_filter(whole, flags);
  return result;
}

long sys_seccomp(Call& call) {
  const bool filter = call.arg(0) == SECCOMP_SET_MODE_FILTER && call.arg(2);
  return filter ? install_program_filter(call, 2, call.arg(1)) : call.pass();
}

} // namespace sp
