// SPDX-License-Identifier: Apache-2.0
// The only file that knows Zydis.
#include "shim/sites/instruction.hpp"

#include <Zydis/Zydis.h>
#include <algorithm>

namespace sp::sites {

const uint32_t kArithmeticFlags =
    ZYDIS_CPUFLAG_CF | ZYDIS_CPUFLAG_PF | ZYDIS_CPUFLAG_AF | ZYDIS_CPUFLAG_ZF | ZYDIS_CPUFLAG_SF | ZYDIS_CPUFLAG_OF;

namespace {

struct Decoded {
  ZydisDecodedInstruction head;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];

  std::span<const ZydisDecodedOperand> all() const { return {operands, head.operand_count}; }
  bool visible_are(ZydisOperandType first, ZydisOperandType second) const {
    return head.operand_count_visible == 2 && operands[0].type == first && operands[1].type == second;
  }
};

// Encoding of the 64-bit register that holds this one, or -1.
int general_register(ZydisRegister reg) {
  const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, reg);
  if (whole < ZYDIS_REGISTER_RAX || whole > ZYDIS_REGISTER_R15) return -1;
  return ZydisRegisterGetId(whole);
}

Flow flow_of(const Decoded& decoded) {
  const bool direct = decoded.operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE;
  switch (decoded.head.meta.category) {
    case ZYDIS_CATEGORY_COND_BR: return Flow::Branch;
    case ZYDIS_CATEGORY_UNCOND_BR: return direct ? Flow::Jump : Flow::JumpIndirect;
    case ZYDIS_CATEGORY_CALL: return Flow::Call;
    case ZYDIS_CATEGORY_RET: return Flow::Leave;
    default: break;
  }
  switch (decoded.head.mnemonic) {
    case ZYDIS_MNEMONIC_SYSCALL: return Flow::Syscall;
    case ZYDIS_MNEMONIC_SYSENTER: return Flow::Gate32;
    case ZYDIS_MNEMONIC_INT: return decoded.operands[0].imm.value.u == 0x80 ? Flow::Gate32 : Flow::Next;
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_UD0:
    case ZYDIS_MNEMONIC_UD1:
    case ZYDIS_MNEMONIC_UD2: return Flow::Leave;
    default: return Flow::Next;
  }
}

// Plain computation on registers and memory that names neither its own address nor the stack pointer as a result.
Movable movable_of(const Decoded& decoded, const Instruction& instruction) {
  if (instruction.flow != Flow::Next || (decoded.head.attributes & ZYDIS_ATTRIB_IS_RELATIVE) != 0) return Movable::No;
  if ((instruction.written & (1u << kRsp)) != 0) return Movable::No;
  switch (decoded.head.meta.category) {
    case ZYDIS_CATEGORY_CET:
    case ZYDIS_CATEGORY_INTERRUPT:
    case ZYDIS_CATEGORY_SYSCALL:
    case ZYDIS_CATEGORY_SYSRET:
    case ZYDIS_CATEGORY_SYSTEM:
    case ZYDIS_CATEGORY_IO:
    case ZYDIS_CATEGORY_IOSTRINGOP:
    case ZYDIS_CATEGORY_PUSH:
    case ZYDIS_CATEGORY_POP:
    case ZYDIS_CATEGORY_INVALID: return Movable::No;
    default: break;
  }
  return decoded.head.meta.branch_type == ZYDIS_BRANCH_TYPE_NONE ? Movable::Yes : Movable::No;
}

void read_flags(const Decoded& decoded, Instruction& instruction) {
  if (decoded.head.cpu_flags == nullptr) return;
  const ZydisAccessedFlags& flags = *decoded.head.cpu_flags;
  instruction.flags_read = flags.tested & kArithmeticFlags;
  instruction.flags_destroyed = (flags.modified | flags.set_0 | flags.set_1 | flags.undefined) & kArithmeticFlags;
  // A shift by cl and a repeated compare may leave them as they were.
  const bool repeated =
      (decoded.head.attributes & (ZYDIS_ATTRIB_HAS_REP | ZYDIS_ATTRIB_HAS_REPE | ZYDIS_ATTRIB_HAS_REPNE)) != 0;
  const auto category = decoded.head.meta.category;
  const bool shift = category == ZYDIS_CATEGORY_SHIFT || category == ZYDIS_CATEGORY_ROTATE;
  bool by_register = false;
  for (const auto& operand : decoded.all())
    by_register |= operand.type == ZYDIS_OPERAND_TYPE_REGISTER && operand.reg.value == ZYDIS_REGISTER_CL;
  if (repeated || (shift && by_register)) instruction.flags_destroyed = 0;
}

void read_registers(const Decoded& decoded, Instruction& instruction) {
  constexpr auto kRegister = ZYDIS_OPERAND_TYPE_REGISTER;
  constexpr auto kImmediate = ZYDIS_OPERAND_TYPE_IMMEDIATE;
  for (const auto& operand : decoded.all()) {
    if (operand.type != kRegister || (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) == 0) continue;
    if (const int reg = general_register(operand.reg.value); reg >= 0)
      instruction.written |= static_cast<uint16_t>(1u << reg);
  }
  const ZydisDecodedOperand* operands = decoded.operands;
  const bool whole =
      operands[0].type == kRegister && operands[0].size >= 32 && general_register(operands[0].reg.value) >= 0;
  if (!whole) return;
  instruction.to = static_cast<uint8_t>(general_register(operands[0].reg.value));
  const bool move = decoded.head.mnemonic == ZYDIS_MNEMONIC_MOV;
  if (move && decoded.visible_are(kRegister, kImmediate)) {
    instruction.transfer = Transfer::Immediate;
    const auto value = operands[1].imm.value;
    instruction.immediate = operands[0].size == 32 ? static_cast<int64_t>(value.u & 0xffffffffu) : value.s;
  } else if (move && decoded.visible_are(kRegister, kRegister) && general_register(operands[1].reg.value) >= 0) {
    instruction.transfer = Transfer::Copy;
    instruction.from = static_cast<uint8_t>(general_register(operands[1].reg.value));
  } else if (decoded.head.mnemonic == ZYDIS_MNEMONIC_XOR && decoded.visible_are(kRegister, kRegister) &&
             operands[0].reg.value == operands[1].reg.value) {
    instruction.transfer = Transfer::Immediate;
  }
}

Instruction reduce(const Decoded& decoded, uint64_t address) {
  Instruction instruction;
  instruction.address = address;
  instruction.length = decoded.head.length;
  instruction.flow = flow_of(decoded);
  read_flags(decoded, instruction);
  read_registers(decoded, instruction);
  const ZydisDecodedOperand* operands = decoded.operands;
  ZyanU64 absolute = 0;
  const bool transfers = instruction.flow == Flow::Branch || instruction.flow == Flow::Jump ||
                         instruction.flow == Flow::Call || decoded.head.mnemonic == ZYDIS_MNEMONIC_XBEGIN;
  if (transfers && operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
      ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded.head, &operands[0], address, &absolute)))
    instruction.target = absolute;
  if (decoded.head.mnemonic == ZYDIS_MNEMONIC_LEA && operands[1].mem.base == ZYDIS_REGISTER_RIP &&
      ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&decoded.head, &operands[1], address, &absolute)))
    instruction.reference = absolute;
  instruction.movable = movable_of(decoded, instruction);
  const auto mnemonic = decoded.head.mnemonic;
  instruction.is_padding = mnemonic == ZYDIS_MNEMONIC_NOP || mnemonic == ZYDIS_MNEMONIC_INT3;
  return instruction;
}

} // namespace

size_t FunctionCode::index_at(uint64_t address) const {
  auto found = std::lower_bound(instructions.begin(), instructions.end(), address,
                                [](const Instruction& one, uint64_t wanted) { return one.address < wanted; });
  if (found == instructions.end() || found->address != address) return instructions.size();
  return static_cast<size_t>(found - instructions.begin());
}

FunctionCode decode_function(const CodeImage& image, const Function& function) {
  FunctionCode code{function, {}};
  const Area* area = image.area_at(function.begin);
  if (area == nullptr || function.end > area->end()) {
    code.decoding = Decoding::Broken;
    return code;
  }
  ZydisDecoder decoder;
  ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
  Decoded decoded;
  for (uint64_t address = function.begin; address < function.end; address += decoded.head.length) {
    const uint8_t* bytes = area->bytes.data() + (address - area->address);
    if (!ZYAN_SUCCESS(
            ZydisDecoderDecodeFull(&decoder, bytes, function.end - address, &decoded.head, decoded.operands))) {
      code.decoding = Decoding::Broken;
      break;
    }
    code.instructions.push_back(reduce(decoded, address));
  }
  return code;
}

} // namespace sp::sites
