// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/proc_maps.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"

namespace sp::memory {

namespace {

uint64_t take_hex(const char*& p) {
  uint64_t value = 0;
  for (;; ++p) {
    if (*p >= '0' && *p <= '9')
      value = value * 16 + static_cast<uint64_t>(*p - '0');
    else if (*p >= 'a' && *p <= 'f')
      value = value * 16 + static_cast<uint64_t>(*p - 'a' + 10);
    else
      return value;
  }
}

void skip_to(const char*& p, char c) {
  while (*p && *p != c && *p != '\n') ++p;
  if (*p == c) ++p;
}

void skip_line(const char*& p) { skip_to(p, '\n'); }

bool starts_with(const char* p, const char* prefix) {
  while (*prefix)
    if (*p++ != *prefix++) return false;
  return true;
}

} // namespace

MappingKind mapping_kind(const char* name, uint64_t inode) {
  if (starts_with(name, "[heap]")) return MappingKind::heap;
  if (starts_with(name, "[stack]")) return MappingKind::stack;
  if (starts_with(name, "[v")) return MappingKind::kernel;
  return inode ? MappingKind::file : MappingKind::anonymous;
}

Result<ProcMaps> ProcMaps::read(char* memory, uint64_t bytes, const char* file) {
  TRY(const long fd, from_raw(sys::call(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC)));
  uint64_t used = 0;
  long got = 0;
  while (used + 1 < bytes && (got = sys::call(SYS_read, fd, memory + used, bytes - 1 - used)) > 0)
    used += static_cast<uint64_t>(got);
  sys::call(SYS_close, fd);
  if (got < 0) return fail(static_cast<int>(-got));
  if (used + 1 >= bytes) return fail(ENOMEM);
  memory[used] = 0;
  return ProcMaps(memory);
}

bool ProcMaps::next(Mapping& mapping) {
  while (is_detail(at_)) skip_line(at_);
  if (!*at_) return false;
  const char*& p = at_;
  mapping.start = take_hex(p);
  ++p;
  mapping.end = take_hex(p);
  ++p;
  mapping.prot = static_cast<uint8_t>((p[0] == 'r' ? PROT_READ : 0) | (p[1] == 'w' ? PROT_WRITE : 0) |
                                      (p[2] == 'x' ? PROT_EXEC : 0));
  mapping.is_shared = p[3] == 's';
  p += 5;
  mapping.offset = take_hex(p);
  ++p;
  skip_to(p, ' '); // over the device
  mapping.inode = 0;
  for (; *p >= '0' && *p <= '9'; ++p) mapping.inode = mapping.inode * 10 + static_cast<uint64_t>(*p - '0');
  while (*p == ' ') ++p;
  mapping.kind = mapping_kind(p, mapping.inode);
  mapping.name = p;
  skip_line(p);
  return true;
}

} // namespace sp::memory
