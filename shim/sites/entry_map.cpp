// SPDX-License-Identifier: Apache-2.0
#include "shim/sites/entry_map.hpp"

#include <algorithm>

#include "shim/sites/bytes.hpp"

namespace sp::sites {

EntryMap::EntryMap(const CodeListing& listing) : listing_(listing), image_(listing.image()) {
  for (uint64_t entry : image_.entries) add(entry, Entry::Outside);
  add_named_by_data();
  for (const auto& code : listing.functions()) add_function(code);
}

void EntryMap::add(uint64_t address, Entry entry) {
  if (!image_.is_code(address)) return;
  Entry& known = entries_[address];
  known = std::max(known, entry);
}

// For numbers of which it is only likely that they are addresses: one that points between two bytes of an instruction is
// something else.
void EntryMap::add_if_instruction(uint64_t address) {
  if (listing_.at(address) != nullptr) add(address, Entry::Outside);
}

// Words in data that are addresses of code: pointers to relocate, tables of labels, the addends of relocations. A number
// that only looks like one costs nothing but, at worst, a site.
void EntryMap::add_named_by_data() {
  for (const auto& area : image_.areas) {
    if (area.kind == AreaKind::Code) continue;
    for (uint64_t offset = (8 - area.address % 8) % 8; offset + 8 <= area.bytes.size(); offset += 8)
      add_if_instruction(ByteCursor(area.bytes, offset).take<uint64_t>());
  }
}

void EntryMap::add_function(const FunctionCode& code) {
  add(code.function.begin, Entry::Outside);
  bool indirect = false;
  for (const auto& one : code.instructions) {
    const bool inside = one.target >= code.function.begin && one.target < code.function.end;
    if (one.target != 0) add(one.target, inside && one.flow != Flow::Call ? Entry::Inside : Entry::Outside);
    if (one.reference != 0) add(one.reference, Entry::Outside);
    indirect |= one.flow == Flow::JumpIndirect;
  }
  if (indirect) add_indirect_targets(code);
}

void EntryMap::add_indirect_targets(const FunctionCode& code) {
  std::vector<uint64_t> tables, bases;
  for (const auto& one : code.instructions) {
    if (one.flow == Flow::Jump || one.flow == Flow::JumpIndirect || one.flow == Flow::Leave)
      add(one.end(), Entry::Outside);
    if (one.reference != 0) (image_.is_code(one.reference) ? bases : tables).push_back(one.reference);
  }
  for (uint64_t table : tables) {
    add_jump_table(code, table, table);
    for (uint64_t base : bases) add_jump_table(code, table, base);
  }
}

// 32-bit distances from `base`, as compilers lay them out, as long as they lead into code: a function's cold part, too.
void EntryMap::add_jump_table(const FunctionCode& code, uint64_t table, uint64_t base) {
  const Area* area = image_.area_at(table);
  if (area == nullptr) return;
  ByteCursor cursor(area->bytes, table - area->address);
  while (true) {
    const uint64_t target = base + static_cast<uint64_t>(int64_t{cursor.take<int32_t>()});
    if (cursor.failed() || !image_.is_code(target)) break;
    const bool inside = target >= code.function.begin && target < code.function.end;
    if (!inside && base != table) break; // a distance from one label is no distance from another
    add_if_instruction(target);
  }
}

} // namespace sp::sites
