// SPDX-License-Identifier: Apache-2.0
// What an ELF file is, as far as it decides whether the shim can be loaded into it: its class and machine, whether it
// has an interpreter (ld.so, which reads LD_PRELOAD), and superproc's version note in a library. The file is input:
// every offset and count is checked, nothing outside it is read, and the work is bounded.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace sp::spctl {

enum class ElfKind {
  none,            // no ELF magic
  damaged,         // the magic, but headers that are cut off or make no sense
  other_class,     // 32-bit
  other_machine,   // not x86-64
  no_program,      // an object file or a core
  no_interpreter,  // static, static-pie, a library or ld.so itself
  dynamic_program, // has an interpreter
};

struct ElfFacts {
  ElfKind kind = ElfKind::none;
  uint16_t machine = 0;
  bool position_independent = false;       // ET_DYN
  std::string interpreter;                 // of a dynamic program
  std::optional<uint32_t> control_version; // from superproc's note
};

// Fills `into` with the file's bytes from `offset`; false when they are not all there.
using ReadAt = std::function<bool(uint64_t offset, std::span<std::byte> into)>;

ElfFacts inspect_elf(const ReadAt& read_at);
ElfFacts inspect_elf(std::span<const std::byte> file);
ElfFacts inspect_elf(int descriptor);

} // namespace sp::spctl
