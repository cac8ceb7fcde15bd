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

  // Fewer moved instructions first; then a `syscall` that stays in place; then fewer bytes.
  uint32_t cost(const Run& run) const {
    const auto moved = static_cast<uint32_t>(run.last - run.first);
    return moved * 1000 + (run.overwrite > run.before ? 100 : 0) + run.length;
  }

  const CodeImage& image_;
  const FunctionCode& code_;
  const EntryMap& entries_;
  size_t syscall_;
  uint64_t free_from_; // end of the run before: runs are disjoint
  std::optional<Run> best_;
  bool branch_inside_ = false;
};

Site judge(const CodeListing& listing, const FunctionCode& code, const EntryMap& entries, const ConstantFlow& constants,
           size_t syscall, uint64_t free_from) {
  Site site{code.instructions[syscall].address, Refusal::None, {}};
  site.record.number = constants.number_at(syscall, syscall);
  if (code.function.kind == FunctionKind::SignalFrame || site.record.number == SYS_rt_sigreturn) {
    site.refusal = Refusal::SignalReturn;
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
  if (std::none_of(code.instructions.begin(), code.instructions.end(), is_syscall)) return;
  const ConstantFlow constants(code, entries);
  uint64_t free_from = 0;
  for (size_t i = 0; i < code.instructions.size(); i++) {
    if (!is_syscall(code.instructions[i])) continue;
    sites.push_back(judge(listing, code, entries, constants, i, free_from));
    const Site& site = sites.back();
    if (site.refusal == Refusal::None) free_from = site.record.address + site.record.length;
  }
}

// 0f 05 in code that no decoded instruction covers.
void find_uncovered(const CodeListing& listing, std::vector<Site>& sites) {
  for (const auto& area : listing.image().areas) {
    if (area.kind == AreaKind::Data) continue;
    for (uint64_t offset = 0; offset + 1 < area.bytes.size(); offset++) {
      if (area.bytes[offset] != 0x0f || area.bytes[offset + 1] != 0x05) continue;
      const uint64_t address = area.address + offset;
      const FunctionCode* code = listing.function_at(address);
      if (code != nullptr && !code->instructions.empty() && address < code->instructions.back().end()) continue;
      sites.push_back({address, code == nullptr ? Refusal::NoFunction : Refusal::Undecodable, {}});
      sites.back().record.number = shim::kNumberUnknown;
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
  }
  return "";
}

std::vector<Site> find_sites(const CodeImage& image) {
  const CodeListing listing(image);
  const EntryMap entries(listing);
  std::vector<Site> sites;
  for (const auto& code : listing.functions()) find_in_function(listing, code, entries, sites);
  find_uncovered(listing, sites);
  std::sort(sites.begin(), sites.end(), [](auto& a, auto& b) { return a.syscall_address < b.syscall_address; });
  return sites;
}

} // namespace sp::sites
