// SPDX-License-Identifier: Apache-2.0
// Finds the `syscall` instructions of a file and, for each, the bytes that a 5-byte jump may replace.
//
// How it works: functions come from the unwind table and are decoded one by one, so that a `syscall` is found at a true
// instruction boundary and 0f 05 inside an immediate is not taken for one. EntryMap collects every address that may be
// entered from elsewhere. Around a site all runs of neighbours that may be moved are tried, the one that moves the fewest
// instructions wins; `mov $number,%eax; syscall` is the usual one. ConstantFlow tells the call's number where all ways to
// the site agree. Without such a run, padding nearby may have room for a jump (padding.hpp). site_table.hpp says what a run
// guarantees. What cannot be patched is refused with a reason, and is left
// to Syscall User Dispatch: a refusal costs time, a wrong run would cost the program.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "shim/sites/code_image.hpp"
#include "shim/sites/site_table.hpp"

namespace sp::sites {

enum class Refusal : uint8_t {
  None,
  NoFunction,   // 0f 05 outside any function known
  Undecodable,  // the function's bytes stop making sense before, or the call has a prefix
  SignalReturn, // unwinders recognise the restorer by its bytes
  FlagsLive,    // flags set before the call are read after it
  NotMovable,   // no neighbours that may be moved to a stub
  BranchInside, // there are, but something branches between them
  Gate32,       // sysenter or int $0x80
};
inline constexpr uint32_t kRefusalCount = 8;
std::string_view text_of(Refusal refusal);

struct Site {
  uint64_t syscall_address;
  Refusal refusal;
  int16_t number_at_syscall; // of all ways that lead there, those past the run included
  shim::SiteRecord record;   // where refused only `number` counts

  // Can the program enter the kernel here when the site is patched as far as it can be? A signal return may: it is the
  // same wherever it is made.
  bool is_stray() const { return refusal == Refusal::None ? record.entered : refusal != Refusal::SignalReturn; }
};

// Sorted by address.
std::vector<Site> find_sites(const CodeImage& image);

} // namespace sp::sites
