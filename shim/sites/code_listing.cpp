// SPDX-License-Identifier: Apache-2.0
#include "shim/sites/code_listing.hpp"

#include <algorithm>

namespace sp::sites {
namespace {

bool falls_through(const Instruction& one) {
  return one.flow == Flow::Next || one.flow == Flow::Branch || one.flow == Flow::Syscall || one.flow == Flow::Gate32;
}

} // namespace

CodeListing::CodeListing(const CodeImage& image) : image_(image) {
  functions_.reserve(image.functions.size());
  for (const auto& function : image.functions) functions_.push_back(decode(function));
}

FunctionCode CodeListing::decode(const Function& function) const {
  FunctionCode code = decode_function(image_, function);
  if (code.decoding == Decoding::Broken || code.instructions.empty()) return code;
  const Area* area = image_.area_at(function.end);
  if (!falls_through(code.instructions.back()) || area == nullptr || area->kind != AreaKind::Code ||
      image_.function_at(function.end) != nullptr)
    return code;
  uint64_t end = area->end();
  for (const auto& other : image_.functions)
    if (other.begin > function.begin) end = std::min(end, other.begin);
  FunctionCode rest = decode_function(image_, {function.end, end, function.kind});
  for (const auto& one : rest.instructions) {
    code.instructions.push_back(one);
    code.function.end = one.end();
    if (!falls_through(one)) break;
  }
  return code;
}

const FunctionCode* CodeListing::function_at(uint64_t address) const {
  auto next = std::upper_bound(functions_.begin(), functions_.end(), address,
                               [](uint64_t wanted, const auto& code) { return wanted < code.function.begin; });
  if (next == functions_.begin()) return nullptr;
  --next;
  return address < next->function.end ? &*next : nullptr;
}

const Instruction* CodeListing::at(uint64_t address) const {
  const FunctionCode* code = function_at(address);
  if (code == nullptr) return nullptr;
  const size_t i = code->index_at(address);
  return i < code->instructions.size() ? &code->instructions[i] : nullptr;
}

} // namespace sp::sites
