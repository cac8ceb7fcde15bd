// SPDX-License-Identifier: Apache-2.0
// For each site: may it be patched at all (signal return, flags), and which run is the cheapest that nothing enters.
#include "shim/sites/finder.hpp"

#include <algorithm>
#include <optional>
#include <sys/syscall.h>
#include <unordered_map>

#include "shim/sites/code_listing.hpp"
#include "shim/sites/constant_flow.hpp"
#include "shim/sites/entry_map.hpp"
#include "shim/sites/padding.hpp"

namespace sp::sites {
namespace {

using shim::kJumpBytes;
using shim::SiteRecord;

constexpr uint32_t kFlagScanMax = 256; // instructions; beyond that flags count as read

// Whether a flag that was set before `address` may be read there or later. The ABI ends it at calls, returns and jumps
// away; where the code is not known it is taken for read.
bool flags_live_at(const CodeListing& listing, uint64_t start) {
  struct Step {
    uint64_t address;
    uint32_t flags;
  };
  std::vector<Step> work{{start, kArithmeticFlags}};
  std::unordered_map<uint64_t, uint32_t> seen;
  for (uint32_t steps = 0; !work.empty(); steps++) {
    if (steps == kFlagScanMax) return true;
    const auto [address, flags] = work.back();
    work.pop_back();
    uint32_t& known = seen[address];
    if ((known & flags) == flags) continue;
    known |= flags;
    const Instruction* one = listing.at(address);
    if (one == nullptr || (one->flags_read & flags) != 0) return true;
    const uint32_t left = flags & ~one->flags_destroyed;
    if (left == 0 || one->flow == Flow::Call || one->flow == Flow::Leave || one->flow == Flow::JumpIndirect) continue;
    if (one->flow == Flow::Branch || one->flow == Flow::Jump) work.push_back({one->target, left});
    if (one->flow != Flow::Jump) work.push_back({one->end(), left});
  }
  return false;
}

// Instructions [first, last] of a function, with the `syscall` among them.
struct Run {
  size_t first, last;
  uint32_t before, after, length, overwrite;
};

class RunChoice {
public:
  RunChoice(const CodeImage& image, const FunctionCode& code, const EntryMap& entries, size_t syscall,
            uint64_t free_from)
      : image_(image), code_(code), entries_(entries), syscall_(syscall), free_from_(free_from) {
    choose();
  }
  const std::optional<Run>& run() const { return best_; }
  Refusal refusal() const { return branch_inside_ ? Refusal::BranchInside : Refusal::NotMovable; }

  SiteRecord record(int16_t number) const {
    const Instruction& first = code_.instructions[best_->first];
    const Area* area = image_.area_at(first.address);
    return {static_cast<uint32_t>(first.address),
            static_cast<uint8_t>(best_->length),
            static_cast<uint8_t>(best_->before),
            static_cast<uint8_t>(best_->after),
            static_cast<uint8_t>(best_->overwrite),
            number,
            static_cast<uint8_t>(entered_behind(*best_)),
            0,
            shim::site_check(area->bytes.data() + (first.address - area->address), best_->length)};
  }

private:
  // Tries every number of neighbours before; to each the fewest after that make room for the jump.
  void choose() {
    uint32_t before = 0;
    for (size_t first = syscall_;; first--) {
      if (first != syscall_) {
        const Instruction& one = code_.instructions[first];
        before += one.length;
        if (one.movable == Movable::No || before > shim::kBeforeBytesMax || one.address < free_from_) return;
      }
      extend(first, before);
      if (first == 0) return;
    }
  }

  void extend(size_t first, uint32_t before) {
    uint32_t after = 0;
    size_t last = syscall_;
    while (before + shim::kSyscallBytes + after < kJumpBytes) {
      if (++last >= code_.instructions.size()) return;
      const Instruction& one = code_.instructions[last];
      after += one.length;
      if (one.movable == Movable::No || after > shim::kAfterBytesMax) return;
    }
    if (before + after > shim::kMovedBytesMax) return;
    Run run{first, last, before, after, before + shim::kSyscallBytes + after, 0};
    run.overwrite = before >= kJumpBytes ? bytes_covered_before(first) : run.length;
    if (entered_inside(run))
      branch_inside_ = true;
    else if (!best_ || cost(run) < cost(*best_))
      best_ = run;
  }

  // Whole instructions from `first` on that the jump covers.
  uint32_t bytes_covered_before(size_t first) const {
    uint32_t bytes = 0;
    while (bytes < kJumpBytes) bytes += code_.instructions[first++].length;
    return bytes;
  }

  bool entered_inside(const Run& run) const {
    const uint64_t begin = code_.instructions[run.first].address;
    for (uint64_t address = begin + 1; address < begin + run.overwrite; address++)
      if (entries_.at(address) != Entry::None) return true;
    return false;
  }

  // ... from behind the jump to the `syscall`, where that stays in place.
  bool entered_behind(const Run& run) const {
    const uint64_t begin = code_.instructions[run.first].address;
    for (uint64_t address = begin + run.overwrite; address <= begin + run.before; address++)
      if (entries_.at(address) != Entry::None) return true;
    return false;
  }

  // One that leaves no other way in first; then fewer moved instructions; then a `syscall` that stays in place; then
  // fewer bytes.
  uint32_t cost(const Run& run) const {
    const auto moved = static_cast<uint32_t>(run.last - run.first);
    return (entered_behind(run) ? 100000 : 0) + moved * 1000 + (run.overwrite > run.before ? 100 : 0) + run.length;
  }

  const CodeImage& image_;
  const FunctionCode& code_;
  const EntryMap& entries_;
  size_t syscall_;
  uint64_t free_from_; // end of the run before: runs are disjoint
  std::optional<Run> best_;
  bool branch_inside_ = false;
};

Site refused(uint64_t address, Refusal refusal) {
  Site site{address, refusal, shim::kNumberUnknown, {}};
  site.record.number = shim::kNumberUnknown;
  return site;
}

Site judge(const CodeListing& listing, const FunctionCode& code, const EntryMap& entries, const ConstantFlow& constants,
           size_t syscall, uint64_t free_from) {
  Site site{code.instructions[syscall].address, Refusal::None, constants.number_at(syscall, syscall), {}};
  site.record.number = site.number_at_syscall;
  if (code.function.kind == FunctionKind::SignalFrame || site.record.number == SYS_rt_sigreturn) {
    site.refusal = Refusal::SignalReturn;
  } else if (code.instructions[syscall].length != shim::kSyscallBytes) {
    site.refusal = Refusal::Undecodable; // it has a prefix
  } else if (flags_live_at(listing, code.instructions[syscall].end())) {
    site.refusal = Refusal::FlagsLive;
  } else {
    const RunChoice choice(listing.image(), code, entries, syscall, free_from);
    if (choice.run())
      site.record = choice.record(constants.number_at(syscall, choice.run()->first));
    else
      site.refusal = choice.refusal();
  }
  return site;
}

void find_in_function(const CodeListing& listing, const FunctionCode& code, const EntryMap& entries,
                      std::vector<Site>& sites) {
  auto is_syscall = [](const Instruction& one) { return one.flow == Flow::Syscall; };
  auto is_entry = [&](const Instruction& one) { return is_syscall(one) || one.flow == Flow::Gate32; };
  if (std::none_of(code.instructions.begin(), code.instructions.end(), is_entry)) return;
  const ConstantFlow constants(code, entries);
  uint64_t free_from = 0;
  for (size_t i = 0; i < code.instructions.size(); i++) {
    if (code.instructions[i].flow == Flow::Gate32)
      sites.push_back(refused(code.instructions[i].address, Refusal::Gate32));
    if (!is_syscall(code.instructions[i])) continue;
    sites.push_back(judge(listing, code, entries, constants, i, free_from));
    const Site& site = sites.back();
    if (site.refusal == Refusal::None) free_from = site.record.address + site.record.length;
  }
}

bool enters_kernel(uint8_t first, uint8_t second) {
  return (first == 0x0f && (second == 0x05 || second == 0x34)) || (first == 0xcd && second == 0x80);
}

// A site whose neighbours do not do; its flags and number have been looked at.
void try_island(const CodeImage& image, Padding& padding, Site& site) {
  const bool wanted = site.refusal == Refusal::NotMovable || site.refusal == Refusal::BranchInside ||
                      (site.refusal == Refusal::None && site.record.entered);
  const uint64_t island = wanted ? padding.take(site.syscall_address) : 0;
  if (island == 0) return;
  const Area* area = image.area_at(site.syscall_address);
  const auto bytes_at = [&](uint64_t address) { return area->bytes.data() + (address - area->address); };
  shim::SiteRecord& record = site.record;
  const uint32_t check = shim::site_check(bytes_at(site.syscall_address), shim::kSyscallBytes);
  record = {static_cast<uint32_t>(site.syscall_address),
            shim::kSyscallBytes,
            0,
            0,
            shim::kSyscallBytes,
            site.number_at_syscall,
            0,
            static_cast<int8_t>(island - site.syscall_address - shim::kSyscallBytes),
            shim::site_check(bytes_at(island), kJumpBytes, check)};
  site.refusal = Refusal::None;
}

// syscall, sysenter and int $0x80 in code that no decoded instruction covers.
void find_uncovered(const CodeListing& listing, std::vector<Site>& sites) {
  for (const auto& area : listing.image().areas) {
    if (area.kind == AreaKind::Data) continue;
    for (uint64_t offset = 0; offset + 1 < area.bytes.size(); offset++) {
      if (!enters_kernel(area.bytes[offset], area.bytes[offset + 1])) continue;
      const uint64_t address = area.address + offset;
      const FunctionCode* code = listing.function_at(address);
      if (code != nullptr && !code->instructions.empty() && address < code->instructions.back().end()) continue;
      sites.push_back(refused(address, code == nullptr ? Refusal::NoFunction : Refusal::Undecodable));
    }
  }
}

} // namespace

std::string_view text_of(Refusal refusal) {
  switch (refusal) {
    case Refusal::None: return "patchable";
    case Refusal::NoFunction: return "outside any known function";
    case Refusal::Undecodable: return "function not decodable";
    case Refusal::SignalReturn: return "signal return, recognised by its bytes";
    case Refusal::FlagsLive: return "flags are read after the call";
    case Refusal::NotMovable: return "no movable neighbours";
    case Refusal::BranchInside: return "a branch leads into the neighbours";
    case Refusal::Gate32: return "a call of 32-bit programs";
  }
  return "";
}

std::vector<Site> find_sites(const CodeImage& image) {
  const CodeListing listing(image);
  const EntryMap entries(listing);
  std::vector<Site> sites;
  for (const auto& code : listing.functions()) find_in_function(listing, code, entries, sites);
  Padding padding(listing, entries);
  for (auto& site : sites) try_island(image, padding, site);
  find_uncovered(listing, sites);
  std::sort(sites.begin(), sites.end(), [](auto& a, auto& b) { return a.syscall_address < b.syscall_address; });
  return sites;
}

} // namespace sp::sites
