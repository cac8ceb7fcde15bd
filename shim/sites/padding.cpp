// SPDX-License-Identifier: Apache-2.0
#include "shim/sites/padding.hpp"

#include <algorithm>

#include "shim/sites/site_table.hpp"

namespace sp::sites {
namespace {

bool goes_away(const Instruction& one) {
  return one.flow == Flow::Jump || one.flow == Flow::JumpIndirect || one.flow == Flow::Leave;
}

} // namespace

Padding::Padding(const CodeListing& listing, const EntryMap& entries) {
  const auto functions = listing.functions();
  for (size_t i = 0; i < functions.size(); i++) {
    add_within(functions[i], entries);
    if (i + 1 < functions.size()) add_behind(listing, functions[i], functions[i + 1].function.begin, entries);
  }
}

void Padding::add_within(const FunctionCode& code, const EntryMap& entries) {
  const auto& all = code.instructions;
  for (size_t i = 1; i < all.size(); i++) {
    if (!goes_away(all[i - 1])) continue;
    size_t end = i;
    while (end < all.size() && all[end].is_padding) end++;
    if (end != i) add(all[i].address, all[end - 1].end(), entries);
  }
}

void Padding::add_behind(const CodeListing& listing, const FunctionCode& code, uint64_t end, const EntryMap& entries) {
  const CodeImage& image = listing.image();
  if (code.decoding == Decoding::Broken || code.instructions.empty() || !goes_away(code.instructions.back())) return;
  const uint64_t begin = code.instructions.back().end();
  const Area* area = image.area_at(begin);
  constexpr uint64_t kBytesMax = 64;
  if (area == nullptr || area->kind != AreaKind::Code || end <= begin || end > area->end() || end - begin > kBytesMax)
    return;
  const FunctionCode gap = decode_function(image, {begin, end});
  const bool all =
      std::all_of(gap.instructions.begin(), gap.instructions.end(), [](auto& one) { return one.is_padding; });
  if (gap.decoding == Decoding::Complete && all) add(begin, end, entries);
}

void Padding::add(uint64_t begin, uint64_t end, const EntryMap& entries) {
  for (uint64_t address = begin; address < end; address++)
    if (entries.at(address) != Entry::None) return;
  if (end - begin >= shim::kJumpBytes) rooms_.push_back({begin, end});
}

uint64_t Padding::take(uint64_t site) {
  const auto from = static_cast<int64_t>(site + shim::kSyscallBytes);
  for (auto& room : rooms_) {
    const int64_t lowest = std::max(static_cast<int64_t>(room.begin), from + INT8_MIN);
    const auto highest = static_cast<int64_t>(room.end - shim::kJumpBytes);
    if (lowest > highest || lowest > from + INT8_MAX) continue;
    room.begin = static_cast<uint64_t>(lowest) + shim::kJumpBytes;
    return static_cast<uint64_t>(lowest);
  }
  return 0;
}

} // namespace sp::sites
