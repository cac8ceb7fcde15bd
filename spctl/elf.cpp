// SPDX-License-Identifier: Apache-2.0
// See elf.hpp.
#include "spctl/elf.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <unistd.h>
#include <vector>

#include "libsuperproc/wire/version_note.hpp"

namespace sp::spctl {
namespace {

constexpr uint32_t kHeaderCountMax = 512;
constexpr uint64_t kInterpreterBytesMax = 4096;
constexpr uint64_t kNoteBytesMax = 64 << 10;

template <class T>
bool read_object(const ReadAt& read_at, uint64_t offset, T& into) {
  return read_at(offset, std::as_writable_bytes(std::span(&into, 1)));
}

// Nothing when the interpreter's name is not a terminated string inside the file.
std::optional<std::string> read_interpreter(const ReadAt& read_at, const Elf64_Phdr& header) {
  if (header.p_filesz < 2 || header.p_filesz > kInterpreterBytesMax) return std::nullopt;
  std::string name(header.p_filesz, '\0');
  if (!read_at(header.p_offset, std::as_writable_bytes(std::span(name)))) return std::nullopt;
  const size_t end = name.find('\0');
  if (end == std::string::npos || end == 0) return std::nullopt;
  name.resize(end);
  return name;
}

std::optional<uint32_t> find_version_note(const ReadAt& read_at, const Elf64_Phdr& header) {
  std::vector<std::byte> notes(std::min<uint64_t>(header.p_filesz, kNoteBytesMax));
  if (!read_at(header.p_offset, notes)) return std::nullopt;
  const uint64_t align = header.p_align == 8 ? 8 : 4;
  const auto padded = [align](uint64_t bytes) { return (bytes + align - 1) & ~(align - 1); };
  for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= notes.size();) {
    Elf64_Nhdr note;
    std::memcpy(&note, notes.data() + at, sizeof note);
    const uint64_t name_at = at + sizeof note;
    const uint64_t data_at = name_at + padded(note.n_namesz);
    const uint64_t end = data_at + padded(note.n_descsz);
    if (end > notes.size()) return std::nullopt;
    if (note.n_type == wire::kVersionNoteType && note.n_namesz == sizeof wire::kVersionNoteName &&
        note.n_descsz == sizeof(uint32_t) &&
        std::memcmp(notes.data() + name_at, wire::kVersionNoteName, sizeof wire::kVersionNoteName) == 0) {
      uint32_t version;
      std::memcpy(&version, notes.data() + data_at, sizeof version);
      return version;
    }
    at = end;
  }
  return std::nullopt;
}

} // namespace

ElfFacts inspect_elf(const ReadAt& read_at) {
  ElfFacts facts;
  unsigned char ident[EI_NIDENT];
  if (!read_object(read_at, 0, ident) || std::memcmp(ident, ELFMAG, SELFMAG) != 0) return facts;
  facts.kind = ElfKind::other_class;
  if (ident[EI_CLASS] != ELFCLASS64) return facts;
  Elf64_Ehdr header;
  facts.kind = ElfKind::damaged;
  if (ident[EI_DATA] != ELFDATA2LSB) {
    facts.kind = ElfKind::other_machine;
    return facts;
  }
  if (!read_object(read_at, 0, header)) return facts;
  facts.machine = header.e_machine;
  if (header.e_machine != EM_X86_64) {
    facts.kind = ElfKind::other_machine;
    return facts;
  }
  if (header.e_type != ET_EXEC && header.e_type != ET_DYN) {
    facts.kind = ElfKind::no_program;
    return facts;
  }
  facts.position_independent = header.e_type == ET_DYN;
  if (header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 || header.e_phnum > kHeaderCountMax) return facts;
  facts.kind = ElfKind::no_interpreter;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr program;
    const uint64_t at = header.e_phoff + i * sizeof program;
    if (at < header.e_phoff || !read_object(read_at, at, program)) {
      facts.kind = ElfKind::damaged;
      facts.interpreter.clear();
      return facts;
    }
    if (program.p_type == PT_INTERP) {
      auto name = facts.interpreter.empty() ? read_interpreter(read_at, program) : std::nullopt; // at most one
      facts.kind = name ? ElfKind::dynamic_program : ElfKind::damaged;
      if (!name) {
        facts.interpreter.clear();
        return facts;
      }
      facts.interpreter = std::move(*name);
    } else if (program.p_type == PT_NOTE && !facts.control_version) {
      facts.control_version = find_version_note(read_at, program);
    }
  }
  return facts;
}

ElfFacts inspect_elf(std::span<const std::byte> file) {
  return inspect_elf([file](uint64_t offset, std::span<std::byte> into) {
    if (offset > file.size() || into.size() > file.size() - offset) return false;
    std::copy_n(file.begin() + static_cast<ptrdiff_t>(offset), into.size(), into.begin());
    return true;
  });
}

ElfFacts inspect_elf(int descriptor) {
  return inspect_elf([descriptor](uint64_t offset, std::span<std::byte> into) {
    if (offset > INT64_MAX - into.size()) return false;
    return pread(descriptor, into.data(), into.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(into.size());
  });
}

} // namespace sp::spctl
