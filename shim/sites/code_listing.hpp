// SPDX-License-Identifier: Apache-2.0
// All functions of an image, decoded. A function whose unwind record ends in mid-flow (glibc's clone has no record for its
// `syscall`, so that no unwinder crosses it) is continued to where the flow ends or the next function begins.
#pragma once
#include <span>
#include <vector>

#include "shim/sites/instruction.hpp"

namespace sp::sites {

class CodeListing {
public:
  explicit CodeListing(const CodeImage& image);

  const CodeImage& image() const { return image_; }
  std::span<const FunctionCode> functions() const { return functions_; }
  const FunctionCode* function_at(uint64_t address) const;
  // The instruction that starts exactly there, or nullptr.
  const Instruction* at(uint64_t address) const;

private:
  FunctionCode decode(const Function& function) const;

  const CodeImage& image_;
  std::vector<FunctionCode> functions_;
};

} // namespace sp::sites
