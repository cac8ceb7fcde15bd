// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/code_mappings.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp::memory {

namespace {

// As <linux/fs.h> has it since Linux 6.11.
struct Query {
  uint64_t size, flags, address;
  uint64_t start, end, vma_flags, page_bytes, offset, inode;
  uint32_t major, minor, name_bytes, build_id_bytes;
  uint64_t name, build_id;
};
static_assert(sizeof(Query) == 104);

constexpr unsigned long kQuery = _IOWR('f', 17, Query);
constexpr uint64_t kExecutable = 4, kCoveringOrNext = 16; // flags
constexpr uint64_t kProtection = 7, kShared = 8;          // vma_flags; the first is PROT_*
constexpr uint32_t kNameBytes = 4096 + 64;

Query next_code(uint64_t address, char* name) {
  Query q{};
  q.size = sizeof q, q.flags = kExecutable | kCoveringOrNext, q.address = address;
  q.name = reinterpret_cast<uint64_t>(name), q.name_bytes = kNameBytes;
  return q;
}

} // namespace

Result<CodeMappings> CodeMappings::open(char* memory, uint64_t bytes) {
  if (bytes < kNameBytes) return fail(ENOMEM);
  memory[0] = 0;
  TRY(const long file, from_raw(sys::call(SYS_openat, AT_FDCWD, "/proc/self/maps", O_RDONLY | O_CLOEXEC)));
  Query q = next_code(0, memory);
  if (sys::call(SYS_ioctl, file, kQuery, &q) != -ENOTTY) return CodeMappings(ProcMaps::in(memory), file, memory);
  sys::call(SYS_close, file);
  TRY(const ProcMaps maps, ProcMaps::read(memory, bytes));
  return CodeMappings(maps, -1, memory);
}

CodeMappings::~CodeMappings() {
  if (file_ >= 0) sys::call(SYS_close, file_);
}

bool CodeMappings::ask(Mapping& mapping) {
  Query q = next_code(at_, memory_);
  const long failed = sys::call(SYS_ioctl, file_, kQuery, &q);
  if (failed == -ENOENT) return false;
  if (failed || q.name_bytes == 0) memory_[0] = 0;
  mapping = {q.start,
             q.end,
             q.offset,
             q.inode,
             static_cast<uint8_t>(q.vma_flags & kProtection),
             (q.vma_flags & kShared) != 0,
             mapping_kind(memory_, q.inode),
             memory_};
  if (failed)
    mapping = {at_, wire::kUserEnd, 0, 0, PROT_EXEC, false, MappingKind::anonymous, memory_}; // of unknown code
  at_ = mapping.end;
  return true;
}

bool CodeMappings::next(Mapping& mapping) {
  if (file_ >= 0) return ask(mapping);
  while (maps_.next(mapping))
    if (mapping.prot & PROT_EXEC) return true;
  return false;
}

} // namespace sp::memory
