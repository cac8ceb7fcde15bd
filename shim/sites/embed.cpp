// SPDX-License-Identifier: Apache-2.0
#include "shim/sites/embed.hpp"

#include <elf.h>
#include <fstream>
#include <memory>

#include "shim/sites/own_table.hpp"

namespace sp::sites {

namespace {

template <class T>
bool read_at(std::fstream& file, uint64_t offset, T& value) {
  file.seekg(static_cast<std::streamoff>(offset));
  return static_cast<bool>(file.read(reinterpret_cast<char*>(&value), sizeof value));
}

bool is_named(std::fstream& file, uint64_t offset) {
  char name[32] = {};
  file.seekg(static_cast<std::streamoff>(offset));
  file.read(name, sizeof name - 1);
  file.clear();
  return name == std::string_view(shim::kOwnTableSection);
}

// The offset of the table in the file; 0: there is none.
uint64_t find_room(std::fstream& file) {
  Elf64_Ehdr header;
  Elf64_Shdr names;
  if (!read_at(file, 0, header) || header.e_shentsize != sizeof names || header.e_shstrndx >= header.e_shnum) return 0;
  if (!read_at(file, header.e_shoff + header.e_shstrndx * sizeof names, names)) return 0;
  for (uint32_t i = 0; i < header.e_shnum; ++i) {
    Elf64_Shdr section;
    if (!read_at(file, header.e_shoff + i * sizeof section, section)) return 0;
    if (section.sh_type == SHT_PROGBITS && section.sh_size == sizeof(shim::OwnTable) &&
        is_named(file, names.sh_offset + section.sh_name))
      return section.sh_offset;
  }
  return 0;
}

} // namespace

std::string embed(const std::string& path, const std::vector<Site>& sites) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  if (!file) return "cannot be changed";
  const uint64_t room = find_room(file);
  const auto table = std::make_unique<shim::OwnTable>();
  if (room == 0) return "is not linked with libsuperproc-shim.a";
  if (!read_at(file, room, *table) || table->version != shim::kOwnTableVersion) return "is linked with another version";
  table->count = 0;
  for (const Site& site : sites)
    if (site.refusal == Refusal::None && table->count < shim::kOwnSiteCountMax)
      table->sites[table->count++] = site.record;
  file.seekp(static_cast<std::streamoff>(room));
  file.write(reinterpret_cast<const char*>(table.get()), sizeof *table);
  file.close();
  return file ? "" : "cannot be changed";
}

} // namespace sp::sites
