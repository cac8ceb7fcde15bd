// SPDX-License-Identifier: Apache-2.0
// What the finder looks at: a file's loaded bytes, where its functions are, and which addresses may be entered from
// elsewhere. read_elf() makes one from a file; tests make theirs by hand.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sp::sites {

enum class AreaKind : uint8_t { Code, Data };

struct Area {
  uint64_t address;
  std::vector<uint8_t> bytes;
  AreaKind kind;
  uint64_t end() const { return address + bytes.size(); }
};

enum class FunctionKind : uint8_t { Ordinary, SignalFrame /* unwinders recognise it by its bytes or its mark */ };

struct Function {
  uint64_t begin;
  uint64_t end;
  FunctionKind kind = FunctionKind::Ordinary;
};

struct Symbol {
  uint64_t address;
  uint64_t bytes;
  std::string name;
};

struct CodeImage {
  std::string path;
  std::string soname;
  std::vector<uint8_t> build_id;
  std::vector<Area> areas;         // sorted, disjoint
  std::vector<Function> functions; // sorted, disjoint
  std::vector<Symbol> symbols;     // sorted by address
  std::vector<uint64_t> entries;   // addresses entered by other ways than a branch: symbols, landing pads

  const Area* area_at(uint64_t address) const;
  bool is_code(uint64_t address) const;
  const Function* function_at(uint64_t address) const;
  // "name" or "name+0x12" of the symbol at or before the address, or "".
  std::string name_at(uint64_t address) const;
};

} // namespace sp::sites
