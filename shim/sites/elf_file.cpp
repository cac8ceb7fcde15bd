// SPDX-License-Identifier: Apache-2.0
// The file is not trusted: every offset is checked, what lies outside is left out or ends the reading with a message.
#include "shim/sites/elf_file.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>
#include <fstream>
#include <iterator>

#include "shim/sites/bytes.hpp"
#include "shim/sites/frame_table.hpp"

namespace sp::sites {
namespace {

class ElfReader {
public:
  ElfReader(std::vector<uint8_t> file, CodeImage& image) : file_(std::move(file)), image_(image) {}

  std::string read(); // "" or what is wrong

private:
  bool read_headers();
  void add_area(uint64_t address, uint64_t offset, uint64_t count, AreaKind kind);
  void read_areas();
  void read_symbols();
  void read_notes();
  void read_soname();
  void settle_functions();

  template <class T>
  bool read_array(uint64_t offset, uint64_t count, std::vector<T>& out) {
    if (count > file_.size() / sizeof(T)) return false;
    ByteCursor cursor(file_, offset);
    for (uint64_t i = 0; i < count; i++) out.push_back(cursor.take<T>());
    return !cursor.failed();
  }
  std::string text_at(uint64_t offset) const {
    const auto begin = file_.begin() + static_cast<ptrdiff_t>(std::min<uint64_t>(offset, file_.size()));
    return {begin, std::find(begin, file_.end(), uint8_t{0})};
  }
  uint64_t offset_of(uint64_t address) const {
    for (const auto& segment : segments_)
      if (segment.p_type == PT_LOAD && address >= segment.p_vaddr && address - segment.p_vaddr < segment.p_filesz)
        return segment.p_offset + (address - segment.p_vaddr);
    return file_.size();
  }

  std::vector<uint8_t> file_;
  CodeImage& image_;
  std::vector<Elf64_Phdr> segments_;
  std::vector<Elf64_Shdr> sections_;
};

bool ElfReader::read_headers() {
  ByteCursor cursor(file_, 0);
  const auto header = cursor.take<Elf64_Ehdr>();
  return read_array(header.e_phoff, header.e_phnum, segments_) &&
         (header.e_shoff == 0 || read_array(header.e_shoff, header.e_shnum, sections_));
}

void ElfReader::add_area(uint64_t address, uint64_t offset, uint64_t count, AreaKind kind) {
  if (count == 0 || offset > file_.size() || count > file_.size() - offset) return;
  const auto begin = file_.begin() + static_cast<ptrdiff_t>(offset);
  image_.areas.push_back({address, {begin, begin + static_cast<ptrdiff_t>(count)}, kind});
}

void ElfReader::read_areas() {
  for (const auto& section : sections_)
    if ((section.sh_flags & SHF_ALLOC) != 0 && section.sh_type != SHT_NOBITS)
      add_area(section.sh_addr, section.sh_offset, section.sh_size,
               (section.sh_flags & SHF_EXECINSTR) != 0 ? AreaKind::Code : AreaKind::Data);
  if (image_.areas.empty())
    for (const auto& segment : segments_)
      if (segment.p_type == PT_LOAD)
        add_area(segment.p_vaddr, segment.p_offset, segment.p_filesz,
                 (segment.p_flags & PF_X) != 0 ? AreaKind::Code : AreaKind::Data);
  std::sort(image_.areas.begin(), image_.areas.end(), [](auto& a, auto& b) { return a.address < b.address; });
}

void ElfReader::read_symbols() {
  for (const auto& section : sections_) {
    if (section.sh_type != SHT_DYNSYM && section.sh_type != SHT_SYMTAB) continue;
    if (section.sh_link >= sections_.size()) continue;
    std::vector<Elf64_Sym> symbols;
    if (!read_array(section.sh_offset, section.sh_size / sizeof(Elf64_Sym), symbols)) continue;
    for (const auto& symbol : symbols) {
      if (symbol.st_shndx == SHN_UNDEF || !image_.is_code(symbol.st_value)) continue;
      image_.entries.push_back(symbol.st_value);
      image_.symbols.push_back(
          {symbol.st_value, symbol.st_size, text_at(sections_[section.sh_link].sh_offset + symbol.st_name)});
    }
  }
  std::stable_sort(image_.symbols.begin(), image_.symbols.end(),
                   [](auto& a, auto& b) { return a.address < b.address; });
}

void ElfReader::read_notes() {
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_NOTE) continue;
    ByteCursor cursor(file_, segment.p_offset);
    while (!cursor.failed() && cursor.offset() < segment.p_offset + segment.p_filesz) {
      const auto note = cursor.take<Elf64_Nhdr>();
      const uint64_t contents = cursor.offset() + ((uint64_t{note.n_namesz} + 3) & ~uint64_t{3});
      if (cursor.failed() || contents > file_.size() || note.n_descsz > file_.size() - contents) break;
      if (note.n_type == NT_GNU_BUILD_ID && text_at(cursor.offset()) == "GNU") {
        const auto begin = file_.begin() + static_cast<ptrdiff_t>(contents);
        image_.build_id.assign(begin, begin + note.n_descsz);
      }
      const uint64_t align = segment.p_align == 8 ? 7 : 3;
      cursor = ByteCursor(file_, (contents + note.n_descsz + align) & ~align);
    }
  }
}

void ElfReader::read_soname() {
  uint64_t strings = 0, name = 0;
  for (const auto& segment : segments_) {
    if (segment.p_type != PT_DYNAMIC) continue;
    std::vector<Elf64_Dyn> entries;
    if (!read_array(segment.p_offset, segment.p_filesz / sizeof(Elf64_Dyn), entries)) return;
    for (const auto& entry : entries) {
      if (entry.d_tag == DT_STRTAB) strings = entry.d_un.d_ptr;
      if (entry.d_tag == DT_SONAME) name = entry.d_un.d_val;
    }
  }
  if (name != 0) image_.soname = text_at(offset_of(strings) + name);
}

// Functions of the unwind table first; a sized symbol fills a gap. Sorted, and what overlaps is cut at the next start.
void ElfReader::settle_functions() {
  auto& functions = image_.functions;
  auto by_begin = [](const Function& a, const Function& b) { return a.begin < b.begin; };
  std::stable_sort(functions.begin(), functions.end(), by_begin);
  std::vector<Function> gaps;
  for (const auto& symbol : image_.symbols)
    if (symbol.bytes != 0 && image_.function_at(symbol.address) == nullptr)
      gaps.push_back({symbol.address, symbol.address + symbol.bytes});
  functions.insert(functions.end(), gaps.begin(), gaps.end());
  std::stable_sort(functions.begin(), functions.end(), by_begin);
  auto same = [](const Function& a, const Function& b) { return a.begin == b.begin; };
  functions.erase(std::unique(functions.begin(), functions.end(), same), functions.end());
  for (size_t i = 0; i < functions.size(); i++) {
    const Area* area = image_.area_at(functions[i].begin);
    functions[i].end = std::min(functions[i].end, area->end());
    if (i + 1 < functions.size()) functions[i].end = std::min(functions[i].end, functions[i + 1].begin);
  }
}

std::string ElfReader::read() {
  if (file_.size() < sizeof(Elf64_Ehdr) || std::memcmp(file_.data(), ELFMAG, SELFMAG) != 0) return "not an ELF file";
  ByteCursor cursor(file_, 0);
  const auto header = cursor.take<Elf64_Ehdr>();
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_X86_64) return "not an x86-64 ELF file";
  if (!read_headers()) return "damaged: its headers lie beyond its end";
  read_areas();
  read_symbols();
  read_notes();
  read_soname();
  for (const auto& segment : segments_)
    if (segment.p_type == PT_GNU_EH_FRAME) read_frame_table(image_, segment.p_vaddr);
  settle_functions();
  if (!image_.areas.empty() && image_.areas.back().end() > UINT32_MAX) return "linked above 4 GiB";
  if (image_.functions.empty()) return "no unwind table and no sized symbols: function bounds are not known";
  return "";
}

} // namespace

tl::expected<CodeImage, std::string> read_elf(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return tl::make_unexpected("cannot be read: " + std::string(std::strerror(errno)));
  std::vector<uint8_t> file{std::istreambuf_iterator<char>(stream), {}};
  CodeImage image;
  image.path = path;
  image.soname = path.substr(path.rfind('/') + 1);
  ElfReader reader(std::move(file), image);
  if (std::string wrong = reader.read(); !wrong.empty()) return tl::make_unexpected(wrong);
  return image;
}

} // namespace sp::sites
