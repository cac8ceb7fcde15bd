// SPDX-License-Identifier: Apache-2.0
#include "shim/loaded_objects.hpp"

#include <elf.h>
#include <link.h>

#include "libsuperproc/base/gate.hpp"
#include "shim/kept_code.hpp"
#include "shim/stubs.hpp"

namespace sp::shim {

constinit const OwnTable* own_table = nullptr;

namespace {

uint64_t auxiliary(const char* const* environment, uint64_t type) {
  while (*environment) ++environment;
  for (auto* a = reinterpret_cast<const Elf64_auxv_t*>(environment + 1); a->a_type != AT_NULL; ++a)
    if (a->a_type == type) return a->a_un.a_val;
  return 0;
}

struct Object {
  uint64_t bias;
  const Elf64_Phdr* headers;
  uint32_t count;
};

// The program itself. The piece that begins with the ELF header has these headers behind it.
Object program(const char* const* environment) {
  Object object{0, pointer_to<const Elf64_Phdr>(auxiliary(environment, AT_PHDR)),
                static_cast<uint32_t>(auxiliary(environment, AT_PHNUM))};
  if (!object.headers) object.count = 0;
  for (uint32_t i = 0; i < object.count; ++i)
    if (object.headers[i].p_type == PT_LOAD && object.headers[i].p_offset == 0)
      object.bias = address_of(object.headers) - sizeof(Elf64_Ehdr) - object.headers[i].p_vaddr;
  return object;
}

// The loader's list of objects, from the program's DT_DEBUG. Null: there is no loader.
const link_map* first_object(const Object& own) {
  for (uint32_t i = 0; i < own.count; ++i) {
    if (own.headers[i].p_type != PT_DYNAMIC) continue;
    for (auto* d = pointer_to<const Elf64_Dyn>(own.bias + own.headers[i].p_vaddr); d->d_tag != DT_NULL; ++d)
      if (d->d_tag == DT_DEBUG && d->d_un.d_ptr) return pointer_to<const r_debug>(d->d_un.d_ptr)->r_map;
  }
  return nullptr;
}

// A library is mapped from its first byte, so its ELF header is at its bias.
bool open_object(uint64_t bias, Object& object) {
  if (!bias) return false;
  const auto* header = pointer_to<const Elf64_Ehdr>(bias);
  if (__builtin_memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) return false;
  object = {bias, pointer_to<const Elf64_Phdr>(bias + header->e_phoff), header->e_phnum};
  return true;
}

struct BuildId {
  const uint8_t* bytes = nullptr;
  uint32_t count = 0;
};

BuildId build_id_of(const Object& object) {
  for (uint32_t i = 0; i < object.count; ++i) {
    if (object.headers[i].p_type != PT_NOTE) continue;
    const uint64_t start = object.bias + object.headers[i].p_vaddr, end = start + object.headers[i].p_memsz;
    for (uint64_t at = start; at + sizeof(Elf64_Nhdr) <= end;) {
      const auto* note = pointer_to<const Elf64_Nhdr>(at);
      const uint64_t name = at + sizeof *note, data = name + (note->n_namesz + 3u) / 4 * 4;
      if (note->n_type == NT_GNU_BUILD_ID) return {pointer_to<const uint8_t>(data), note->n_descsz};
      at = data + (note->n_descsz + 3u) / 4 * 4;
    }
  }
  return {};
}

bool is_libc_or_loader(const char* name) {
  const char* last = name;
  for (const char* p = name; *p; ++p)
    if (*p == '/') last = p + 1;
  return __builtin_memcmp(last, "libc.so.6", 10) == 0 || __builtin_memcmp(last, "ld-linux", 8) == 0;
}

const SiteTable* table_of(const Object& object) {
  const BuildId id = build_id_of(object);
  for (const SiteTable& table : site_tables())
    if (id.count && id.count == table.build_id_bytes && __builtin_memcmp(id.bytes, table.build_id, id.count) == 0)
      return &table;
  return nullptr;
}

// f(start, end) for each piece of code.
template <class Function>
void for_code(const Object& object, Function f) {
  for (uint32_t i = 0; i < object.count; ++i) {
    const Elf64_Phdr& h = object.headers[i];
    if (h.p_type == PT_LOAD && (h.p_flags & PF_X)) f(object.bias + h.p_vaddr, object.bias + h.p_vaddr + h.p_memsz);
  }
}

// Its code, if that is one piece.
const Elf64_Phdr* only_code(const Object& object) {
  const Elf64_Phdr* only = nullptr;
  for (uint32_t i = 0; i < object.count; ++i) {
    const Elf64_Phdr& h = object.headers[i];
    if (h.p_type != PT_LOAD || !(h.p_flags & PF_X)) continue;
    if (only || h.p_filesz != h.p_memsz) return nullptr;
    only = &h;
  }
  return only;
}

bool is_ours(const Object& object) {
  bool ours = false;
  for_code(object, [&](uint64_t start, uint64_t end) {
    if (start <= address_of(sp_gate_start) && address_of(sp_gate_start) < end) ours = true;
  });
  return ours;
}

// The kernel aligns what is so large to huge pages: how far what lies behind it is from the shim differs each time.
bool has_large_library(const link_map* first) {
  constexpr uint64_t kHugePage = 2 << 20;
  Object object;
  for (const link_map* m = first; m; m = m->l_next) {
    if (!open_object(m->l_addr, object)) continue;
    for (uint32_t i = 0; i < object.count; ++i)
      if (object.headers[i].p_type == PT_LOAD && object.headers[i].p_vaddr + object.headers[i].p_memsz >= kHugePage)
        return true;
  }
  return false;
}

BuildId own_build_id(const link_map* first) {
  Object object;
  for (const link_map* m = first; m; m = m->l_next)
    if (open_object(m->l_addr, object) && is_ours(object)) return build_id_of(object);
  return {};
}

uint32_t take_or_patch(const LibraryCode& library, const KeptCodes& kept) {
  const uint64_t stubs = next_page_of_stubs();
  const bool is_for = kept.is_for(library);
  uint32_t count = 0;
  if (const uint64_t bytes = is_for ? kept.take(library, stubs, count) : 0) return take_stubs(bytes), count;
  count = patch_sites(library.table, library.bias, library.start, library.end);
  if (is_for) kept.keep(library, stubs, next_page_of_stubs(), count);
  return count;
}

uint32_t patch_object(const Object& object, const char* name, const SiteTable* table, const KeptCodes& kept) {
  if (table ? !table->count : !is_libc_or_loader(name)) return 0;
  uint32_t count = 0;
  if (table && table->build_id_bytes) {
    if (const Elf64_Phdr* const text = only_code(object))
      return take_or_patch({*table, name, object.bias, object.bias + text->p_vaddr,
                            object.bias + text->p_vaddr + text->p_memsz, text->p_offset},
                           kept);
  }
  for_code(object, [&](uint64_t start, uint64_t end) {
    count += table ? patch_sites(*table, object.bias, start, end) : patch_plain_sites(start, end);
  });
  return count;
}

void add_proven(const Object& object, ProvenCode& proven) {
  for_code(object, [&](uint64_t start, uint64_t end) {
    if (proven.count < ProvenCode::kCountMax) proven.pieces[proven.count++] = {start, end};
  });
}

// A static program, with the C library and the shim in it, whose gate is left as it is. Without a table of its own the plain
// form of a site is looked for.
uint32_t patch_piece(uint64_t bias, uint64_t start, uint64_t end) {
  const OwnTable* const own = own_table;
  uint32_t count = 0;
  if (own && own->version == kOwnTableVersion) count = own->count;
  if (count == 0 || count > kOwnSiteCountMax) return patch_plain_sites(start, end);
  const SiteTable table{nullptr, 0, own->sites, count, "", 0};
  return patch_sites(table, bias, start, end);
}

uint32_t patch_static_program(const Object& object) {
  uint32_t count = 0;
  for_code(object, [&](uint64_t start, uint64_t end) {
    const uint64_t gate = address_of(sp_gate_start), behind = address_of(sp_gate_end);
    if (gate < start || behind > end) return void(count += patch_piece(object.bias, start, end));
    count += patch_piece(object.bias, start, gate) + patch_piece(object.bias, behind, end);
  });
  return count;
}

} // namespace

uint32_t patch_libraries(const char* const* environment, ProvenCode& proven) {
  uint32_t count = 0;
  const Object own = program(environment);
  const link_map* const first = first_object(own);
  if (!first || is_ours(own)) return patch_static_program(own); // a static-pie program has a list of its own
  const BuildId own_id = has_large_library(first->l_next) ? BuildId{} : own_build_id(first->l_next);
  const KeptCodes kept(environment, own_id.bytes, own_id.count);
  for (const link_map* m = first; m; m = m->l_next) {
    Object object;
    if (m == first)
      object = own;
    else if (!open_object(m->l_addr, object))
      continue;
    const SiteTable* table = table_of(object);
    const uint32_t patched = patch_object(object, m->l_name, table, kept);
    if ((table && table->stray_count == 0 && patched == table->count) || is_ours(object)) add_proven(object, proven);
    count += patched;
  }
  return count;
}

} // namespace sp::shim
