// SPDX-License-Identifier: Apache-2.0
// ELF inspection on files made in memory: what each kind is recognised by, and that nothing outside the file is read.
#include <doctest/doctest.h>

#include <cstring>
#include <elf.h>
#include <random>
#include <vector>

#include "libsuperproc/wire/version_note.hpp"
#include "spctl/elf.hpp"

using sp::spctl::ElfKind;
using sp::spctl::inspect_elf;

namespace {

// A header, its program headers, and then what these point to.
class TinyElf {
public:
  explicit TinyElf(uint16_t type = ET_DYN) {
    std::memcpy(header_.e_ident, ELFMAG, SELFMAG);
    header_.e_ident[EI_CLASS] = ELFCLASS64;
    header_.e_ident[EI_DATA] = ELFDATA2LSB;
    header_.e_type = type;
    header_.e_machine = EM_X86_64;
    header_.e_phoff = sizeof header_;
    header_.e_phentsize = sizeof(Elf64_Phdr);
    segment(PT_LOAD, nullptr, 0);
  }
  TinyElf& interpreter(const char* name) { return segment(PT_INTERP, name, std::strlen(name) + 1); }
  TinyElf& segment(uint32_t type, const void* bytes, size_t count) {
    Elf64_Phdr header{};
    header.p_type = type;
    header.p_offset = data_.size(); // put right in file()
    header.p_filesz = count;
    header.p_align = 4;
    segments_.push_back(header);
    const auto* from = static_cast<const std::byte*>(bytes);
    data_.insert(data_.end(), from, from + count);
    return *this;
  }
  Elf64_Ehdr& header() { return header_; }
  std::vector<Elf64_Phdr>& segments() { return segments_; }

  std::vector<std::byte> file() {
    if (header_.e_phnum == 0) header_.e_phnum = static_cast<uint16_t>(segments_.size());
    const size_t data_at = sizeof header_ + segments_.size() * sizeof(Elf64_Phdr);
    std::vector<std::byte> bytes(data_at);
    std::memcpy(bytes.data(), &header_, sizeof header_);
    for (size_t i = 0; i < segments_.size(); ++i) {
      Elf64_Phdr placed = segments_[i];
      placed.p_offset += data_at;
      std::memcpy(bytes.data() + sizeof header_ + i * sizeof placed, &placed, sizeof placed);
    }
    bytes.insert(bytes.end(), data_.begin(), data_.end());
    return bytes;
  }

private:
  Elf64_Ehdr header_{};
  std::vector<Elf64_Phdr> segments_;
  std::vector<std::byte> data_;
};

ElfKind kind_of(TinyElf elf) { return inspect_elf(elf.file()).kind; }

} // namespace

TEST_CASE("a dynamic program names its interpreter") {
  const auto facts = inspect_elf(TinyElf(ET_EXEC).interpreter("/lib64/ld-linux-x86-64.so.2").file());
  CHECK(facts.kind == ElfKind::dynamic_program);
  CHECK(facts.interpreter == "/lib64/ld-linux-x86-64.so.2");
  CHECK_FALSE(facts.position_independent);
  CHECK(inspect_elf(TinyElf(ET_DYN).interpreter("/lib/ld.so").file()).position_independent);
}

TEST_CASE("a static program has no interpreter") {
  CHECK(kind_of(TinyElf(ET_EXEC)) == ElfKind::no_interpreter);
  CHECK(kind_of(TinyElf(ET_DYN)) == ElfKind::no_interpreter);
}

TEST_CASE("other machines, classes and types are told apart") {
  TinyElf narrow;
  narrow.header().e_ident[EI_CLASS] = ELFCLASS32;
  CHECK(kind_of(narrow) == ElfKind::other_class);
  TinyElf arm;
  arm.header().e_machine = EM_AARCH64;
  CHECK(kind_of(arm) == ElfKind::other_machine);
  TinyElf big_endian;
  big_endian.header().e_ident[EI_DATA] = ELFDATA2MSB;
  CHECK(kind_of(big_endian) == ElfKind::other_machine);
  CHECK(kind_of(TinyElf(ET_REL)) == ElfKind::no_program);
  CHECK(kind_of(TinyElf(ET_CORE)) == ElfKind::no_program);
  CHECK(inspect_elf(std::span<const std::byte>{}).kind == ElfKind::none);
  const std::string script = "#!/bin/sh\nexit 0\n";
  CHECK(inspect_elf(std::as_bytes(std::span(script))).kind == ElfKind::none);
}

TEST_CASE("headers that make no sense are damage") {
  TinyElf no_headers;
  no_headers.header().e_phentsize = 8;
  CHECK(kind_of(no_headers) == ElfKind::damaged);
  TinyElf far_headers;
  far_headers.header().e_phoff = ~0ull - 8;
  CHECK(kind_of(far_headers) == ElfKind::damaged);
  TinyElf many_headers;
  many_headers.header().e_phnum = 60000;
  CHECK(kind_of(many_headers) == ElfKind::damaged);
  TinyElf unterminated;
  unterminated.segment(PT_INTERP, "abcd", 4);
  CHECK(kind_of(unterminated) == ElfKind::damaged);
  TinyElf outside;
  outside.interpreter("/lib/ld.so").segments().back().p_filesz = 4000;
  CHECK(kind_of(outside) == ElfKind::damaged);
  TinyElf huge;
  huge.interpreter("/lib/ld.so").segments().back().p_filesz = ~0ull;
  CHECK(kind_of(huge) == ElfKind::damaged);
}

TEST_CASE("every file that is cut off is refused or understood, never read beyond its end") {
  const auto whole = TinyElf().interpreter("/lib/ld.so").file();
  for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
    const std::vector<std::byte> cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(bytes));
    const auto kind = inspect_elf(cut).kind;
    CHECK_MESSAGE((kind == ElfKind::none || kind == ElfKind::damaged), "cut to ", bytes);
  }
}

TEST_CASE("superproc's note is found among others, and only by its whole name") {
  struct {
    Elf64_Nhdr header{4, 8, 3};
    char name[4] = "GNU";
    char data[8] = {};
  } other;
  sp::wire::VersionNote note;
  std::vector<std::byte> both(sizeof other + sizeof note);
  std::memcpy(both.data(), &other, sizeof other);
  std::memcpy(both.data() + sizeof other, &note, sizeof note);
  CHECK(inspect_elf(TinyElf().segment(PT_NOTE, both.data(), both.size()).file()).control_version ==
        sp::wire::kControlVersion);
  CHECK_FALSE(inspect_elf(TinyElf().segment(PT_NOTE, &other, sizeof other).file()).control_version);
  CHECK_FALSE(inspect_elf(TinyElf().segment(PT_NOTE, both.data(), both.size() - 4).file()).control_version);
  note.name[0] = 'S';
  CHECK_FALSE(inspect_elf(TinyElf().segment(PT_NOTE, &note, sizeof note).file()).control_version);
  other.header.n_descsz = 0xfffffff0;
  CHECK_FALSE(inspect_elf(TinyElf().segment(PT_NOTE, &other, sizeof other).file()).control_version);
}

TEST_CASE("spoiled bytes never make it read outside the file") {
  std::mt19937 random(1);
  sp::wire::VersionNote note;
  const auto whole = TinyElf().interpreter("/lib/ld.so").segment(PT_NOTE, &note, sizeof note).file();
  for (int round = 0; round < 20000; ++round) {
    auto spoiled = whole;
    for (int change = 0; change < 3; ++change)
      spoiled[random() % spoiled.size()] = static_cast<std::byte>(random() % 256);
    const auto facts = inspect_elf(spoiled);
    CHECK((facts.kind == ElfKind::dynamic_program) == !facts.interpreter.empty());
  }
}
