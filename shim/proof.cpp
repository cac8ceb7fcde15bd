// SPDX-License-Identifier: Apache-2.0
#include "shim/proof.hpp"

#include <elf.h>
#include <sys/mman.h>
#include <sys/personality.h>

#include "libsuperproc/base/code_scan.hpp"
#include "libsuperproc/memory/code_mappings.hpp"
#include "libsuperproc/sync/sealing.hpp"
#include "libsuperproc/syscalls/code_guard.hpp"
#include "shim/sites/site_table.hpp"
#include "shim/vdso.hpp"

namespace sp::shim {

namespace {

using memory::CodeMappings;
using memory::Mapping;
using memory::MappingKind;
using wire::page_down;
using wire::page_up;

bool is_clean(uint64_t start, uint64_t end) {
  CodeScan scan;
  scan.add(pointer_to<const uint8_t>(start), end - start);
  return scan.is_clean();
}

// The table speaks for a piece of code only; what the mapping has before and behind it, to whole pages, is looked at.
bool is_proven_by_table(const Mapping& mapping, const ProvenCode& proven) {
  for (uint32_t i = 0; i < proven.count; ++i) {
    const auto& piece = proven.pieces[i];
    if (mapping.start < page_down(piece.start) || mapping.end > page_up(piece.end)) continue;
    const bool begins = mapping.start<piece.start, ends = mapping.end> piece.end;
    return (!begins || is_clean(mapping.start, piece.start)) && (!ends || is_clean(piece.end, mapping.end));
  }
  return false;
}

bool is_proven(const Mapping& mapping, const ProvenCode& proven) {
  constexpr uint64_t kVsyscall = 0xffffffffff600000; // emulated by the kernel, never dispatched
  if (mapping.start == kVsyscall) return true;
  if (mapping.kind == MappingKind::kernel) return patch_vdso(mapping.start, mapping.end);
  if (mapping.kind != MappingKind::file || mapping.is_shared || (mapping.prot & PROT_WRITE)) return false;
  if (is_proven_by_table(mapping, proven)) return true;
  return mapping.end - mapping.start <= kScanBytesMax && (mapping.prot & PROT_READ) &&
         is_clean(mapping.start, mapping.end);
}

void note_mapping(const Mapping& mapping) {
  char name[200] = "anonymous memory";
  uint32_t length = 0;
  for (const char* p = mapping.name; *p && *p != '\n' && length + 1 < sizeof name; ++p) name[length++] = *p;
  if (length) name[length] = 0;
  note_reason("start", name);
}

// ---- files ----

template <class T>
bool read_at(int fd, uint64_t offset, T& value) {
  return sys::call(SYS_pread64, fd, &value, sizeof value, offset) == sizeof value;
}

bool is_clean_in_file(int fd, uint64_t start, uint64_t end) {
  uint8_t bytes[wire::kPageBytes];
  if (start == end) return true;
  const long got = sys::call(SYS_pread64, fd, bytes, end - start, start);
  if (got < 0) return false;
  CodeScan scan;
  scan.add(bytes, static_cast<uint64_t>(got));
  return scan.is_clean();
}

struct BuildIdNote {
  Elf64_Nhdr header;
  char name[4];
  uint8_t id[32];
};

bool is_known(int fd, const Elf64_Phdr& note) {
  BuildIdNote read;
  for (uint64_t at = 0; at + sizeof(Elf64_Nhdr) <= note.p_filesz;) {
    const long got = sys::call(SYS_pread64, fd, &read, sizeof read, note.p_offset + at);
    if (got < static_cast<long>(sizeof read.header)) return false;
    for (const SiteTable& table : site_tables())
      if (read.header.n_type == NT_GNU_BUILD_ID && table.build_id_bytes && table.count == 0 && table.stray_count == 0 &&
          read.header.n_descsz == table.build_id_bytes && table.build_id_bytes <= sizeof read.id &&
          __builtin_memcmp(read.id, table.build_id, table.build_id_bytes) == 0)
        return true;
    at += sizeof read.header + (read.header.n_namesz + 3u) / 4 * 4 + (read.header.n_descsz + 3u) / 4 * 4;
  }
  return false;
}

} // namespace

bool is_all_proven(const ProvenCode& proven) {
  constexpr unsigned long kAsk = 0xffffffff;
  if (sys::call(SYS_personality, kAsk) & READ_IMPLIES_EXEC) return note_reason("start", "READ_IMPLIES_EXEC"), false;
  Result<CodeMappings> maps = CodeMappings::open(pointer_to<char>(wire::kNodeScratch), wire::kNodeScratchBytes);
  if (!maps) return note_reason("start", "/proc/self/maps cannot be read"), false;
  for (Mapping mapping; maps->next(mapping);) {
    if (is_proven(mapping, proven) && remember_code(mapping.start, mapping.end)) continue;
    return note_mapping(mapping), false;
  }
  return true;
}

bool is_known_code(int fd, uint64_t offset, uint64_t bytes) {
  Elf64_Ehdr header;
  if (!read_at(fd, 0, header) || __builtin_memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;
  bool known = false, is_code = false;
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr h;
    if (!read_at(fd, header.e_phoff + i * sizeof h, h)) return false;
    if (h.p_type == PT_NOTE && is_known(fd, h)) known = true;
    if (h.p_type != PT_LOAD || !(h.p_flags & PF_X)) continue;
    const uint64_t end = h.p_offset + h.p_filesz;
    if (offset == page_down(h.p_offset) && offset + bytes == page_up(end))
      is_code = is_clean_in_file(fd, offset, h.p_offset) && is_clean_in_file(fd, end, page_up(end));
  }
  return known && is_code;
}

} // namespace sp::shim
