// SPDX-License-Identifier: Apache-2.0
// One decoded instruction, reduced to what decides about a patch: where control goes, whether it may run elsewhere, which
// flags it reads and destroys, and what it does to the constants in general registers.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "shim/sites/code_image.hpp"

namespace sp::sites {

enum class Flow : uint8_t {
  Next,         // to the next instruction
  Syscall,      // `syscall`
  Branch,       // to target or to the next
  Jump,         // to target
  JumpIndirect, // to where a register or memory says
  Call,         // away, and back to the next instruction; the callee destroys what the ABI lets it destroy
  Leave,        // ret, hlt, ud2: nothing in this function follows
  Gate32,       // sysenter, int $0x80: into the kernel by a way of 32-bit programs
};

enum class Movable : uint8_t { No, Yes };

// What becomes of a register's known value. More than one register, or no simple rule: only `written` counts.
enum class Transfer : uint8_t { None, Immediate, Copy };

struct Instruction {
  uint64_t address = 0;
  uint64_t target = 0;    // of a direct branch, jump or call; 0: none
  uint64_t reference = 0; // address that a `lea disp(%rip)` makes; 0: none
  int64_t immediate = 0;
  uint32_t flags_read = 0;
  uint32_t flags_destroyed = 0;
  uint16_t written = 0; // mask of the general registers that change, by their encoding (0 rax, 1 rcx ... 15 r15)
  uint8_t length = 0;
  Flow flow = Flow::Next;
  Movable movable = Movable::No;
  bool is_padding = false; // nop, int3
  Transfer transfer = Transfer::None;
  uint8_t to = 0, from = 0; // registers of the transfer

  uint64_t end() const { return address + length; }
};

inline constexpr uint8_t kRax = 0;
inline constexpr uint8_t kRsp = 4;
extern const uint32_t kArithmeticFlags; // those that cmp destroys

enum class Decoding : uint8_t { Complete, Broken };

struct FunctionCode {
  Function function;
  std::vector<Instruction> instructions;
  Decoding decoding = Decoding::Complete; // Broken: `instructions` ends where the bytes stop making sense
  // Index of the instruction that starts at the address, or instructions.size().
  size_t index_at(uint64_t address) const;
};

FunctionCode decode_function(const CodeImage& image, const Function& function);

} // namespace sp::sites
