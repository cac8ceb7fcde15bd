// SPDX-License-Identifier: Apache-2.0
// Which number eax holds at a `syscall`: constants followed along all ways through one function. glibc keeps a call's
// number in another register where a loop makes the call often (futex waits), so one basic block is not enough.
#pragma once
#include <array>
#include <vector>

#include "shim/sites/entry_map.hpp"
#include "shim/sites/instruction.hpp"

namespace sp::sites {

class ConstantFlow {
public:
  ConstantFlow(const FunctionCode& code, const EntryMap& entries);

  // The number that eax holds at instruction `syscall` for whoever goes straight there from instruction `first`, or
  // kNumberUnknown.
  int16_t number_at(size_t syscall, size_t first) const;

private:
  enum class Knowledge : uint8_t { Unreached, Constant, Anything };
  enum class Change : uint8_t { None, Some };
  struct Register {
    Knowledge knowledge = Knowledge::Unreached;
    int64_t value = 0;
  };
  using Registers = std::array<Register, 16>;

  static Change merge(Register& into, const Register& from);
  static void forget(Registers& registers, uint32_t mask);
  static Registers after(const Instruction& one, Registers registers);
  void enter(size_t i, const Registers& registers);
  void step(size_t i);

  const FunctionCode& code_;
  std::vector<Registers> before_; // each instruction
  std::vector<size_t> work_;
};

} // namespace sp::sites
