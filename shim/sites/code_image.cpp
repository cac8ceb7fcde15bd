// SPDX-License-Identifier: Apache-2.0
// Look-ups by address; all lists are sorted.
#include "shim/sites/code_image.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace sp::sites {

const Area* CodeImage::area_at(uint64_t address) const {
  auto next = std::upper_bound(areas.begin(), areas.end(), address,
                               [](uint64_t wanted, const Area& area) { return wanted < area.address; });
  if (next == areas.begin()) return nullptr;
  --next;
  return address < next->end() ? &*next : nullptr;
}

bool CodeImage::is_code(uint64_t address) const {
  const Area* area = area_at(address);
  return area != nullptr && area->kind == AreaKind::Code;
}

const Function* CodeImage::function_at(uint64_t address) const {
  auto next = std::upper_bound(functions.begin(), functions.end(), address,
                               [](uint64_t wanted, const Function& function) { return wanted < function.begin; });
  if (next == functions.begin()) return nullptr;
  --next;
  return address < next->end ? &*next : nullptr;
}

std::string CodeImage::name_at(uint64_t address) const {
  auto next = std::upper_bound(symbols.begin(), symbols.end(), address,
                               [](uint64_t wanted, const Symbol& symbol) { return wanted < symbol.address; });
  if (next == symbols.begin()) return "";
  --next;
  const uint64_t offset = address - next->address;
  return offset == 0 ? next->name : fmt::format("{}+{:#x}", next->name, offset);
}

} // namespace sp::sites
