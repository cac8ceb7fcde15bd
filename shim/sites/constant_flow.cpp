// SPDX-License-Identifier: Apache-2.0
// Each register is, before each instruction, not yet reached, one constant, or anything. Facts only ever go in that
// direction, so the work list ends. An instruction that may be entered from outside the function starts with anything.
#include "shim/sites/constant_flow.hpp"

#include "shim/sites/site_table.hpp"

namespace sp::sites {
namespace {

constexpr uint32_t kCallDestroys = 0x0fc7;    // rax rcx rdx rsi rdi r8-r11
constexpr uint32_t kSyscallDestroys = 0x0803; // rax rcx r11
constexpr int64_t kNumberMax = 0x7fff;

} // namespace

ConstantFlow::ConstantFlow(const FunctionCode& code, const EntryMap& entries)
    : code_(code), before_(code.instructions.size()) {
  Registers anything;
  anything.fill({Knowledge::Anything, 0});
  for (size_t i = 0; i < code.instructions.size(); i++)
    if (entries.at(code.instructions[i].address) == Entry::Outside) enter(i, anything);
  while (!work_.empty()) {
    const size_t i = work_.back();
    work_.pop_back();
    step(i);
  }
}

int16_t ConstantFlow::number_at(size_t syscall, size_t first) const {
  Registers registers = before_[first];
  for (size_t i = first; i < syscall; i++) registers = after(code_.instructions[i], registers);
  const Register& eax = registers[kRax];
  const bool known = eax.knowledge == Knowledge::Constant && eax.value >= 0 && eax.value <= kNumberMax;
  return known ? static_cast<int16_t>(eax.value) : shim::kNumberUnknown;
}

ConstantFlow::Change ConstantFlow::merge(Register& into, const Register& from) {
  if (from.knowledge == Knowledge::Unreached || into.knowledge == Knowledge::Anything) return Change::None;
  if (into.knowledge == Knowledge::Unreached) {
    into = from;
    return Change::Some;
  }
  if (from.knowledge == Knowledge::Constant && from.value == into.value) return Change::None;
  into = {Knowledge::Anything, 0};
  return Change::Some;
}

void ConstantFlow::forget(Registers& registers, uint32_t mask) {
  for (uint32_t i = 0; i < registers.size(); i++)
    if ((mask & (1u << i)) != 0) registers[i] = {Knowledge::Anything, 0};
}

ConstantFlow::Registers ConstantFlow::after(const Instruction& one, Registers registers) {
  if (one.transfer == Transfer::Immediate) {
    registers[one.to] = {Knowledge::Constant, one.immediate};
  } else if (one.transfer == Transfer::Copy) {
    // A 32-bit copy cuts the upper half: only numbers that it cannot change are of interest.
    const Register from = registers[one.from];
    const bool small = from.knowledge == Knowledge::Constant && from.value >= 0 && from.value <= kNumberMax;
    registers[one.to] = small ? from : Register{Knowledge::Anything, 0};
  } else {
    forget(registers, one.written);
  }
  if (one.flow == Flow::Call) forget(registers, kCallDestroys);
  if (one.flow == Flow::Syscall) forget(registers, kSyscallDestroys);
  return registers;
}

void ConstantFlow::enter(size_t i, const Registers& registers) {
  if (i >= before_.size()) return;
  Change change = Change::None;
  for (uint32_t r = 0; r < registers.size(); r++)
    if (merge(before_[i][r], registers[r]) == Change::Some) change = Change::Some;
  if (change == Change::Some) work_.push_back(i);
}

void ConstantFlow::step(size_t i) {
  const Instruction& one = code_.instructions[i];
  const Registers registers = after(one, before_[i]);
  if (one.flow == Flow::Branch || one.flow == Flow::Jump) enter(code_.index_at(one.target), registers);
  if (one.flow != Flow::Jump && one.flow != Flow::JumpIndirect && one.flow != Flow::Leave) enter(i + 1, registers);
}

} // namespace sp::sites
