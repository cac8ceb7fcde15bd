// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/file_mapping.hpp"

#include <linux/memfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/file_elsewhere.hpp"
#include "libsuperproc/memory/file_source.hpp"
#include "libsuperproc/memory/map.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

namespace {

constexpr int kNotForTheKernel = MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_32BIT;

VmaKind kind_of(const FileRequest& request) {
  if (request.flags & MAP_ANONYMOUS) return VmaKind::shared_anonymous;
  return (request.flags & kMapTypeMask) == MAP_PRIVATE ? VmaKind::file_private : VmaKind::file_shared;
}

VmaAttributes attributes_of(const FileRequest& request) {
  VmaAttributes attributes;
  attributes.kind = kind_of(request);
  attributes.prot = static_cast<uint8_t>(request.prot & 7);
  attributes.file_offset = request.offset;
  attributes.file_id = static_cast<uint32_t>(request.fd) + 1;
  return attributes;
}

// Also what could not be opened on another node: for its readers it is as good.
bool is_copied(const FileRequest& request) {
  if (kind_of(request) != VmaKind::file_private) return false;
  return (request.prot & PROT_WRITE) || (is_isolated() && !has_path(request.fd, request.prot, request.flags));
}

long map_on_other_nodes(uint64_t start, const FileRequest& request, int flags) {
  if (!is_isolated())
    return ask_others_to_call(SYS_mmap, start, request.bytes, request.prot, flags, request.fd, request.offset);
  FileElsewhere file{start, request.bytes, request.offset, request.prot, flags, 0, 0, {}, {}};
  long first_failure = describe_file(file, request.fd);
  for_other_nodes([&](NodeId node) {
    if (!first_failure) first_failure = ask(node, Operation::map_file, &file);
  });
  return first_failure;
}

// The kernel's own checks of a file mapping (access mode, offset, type), without keeping it. The lock of what lies outside
// the arenas is held, so nobody else puts anything where the kernel puts this.
long try_file(const FileRequest& request) {
  const int flags = (request.flags & ~(kNotForTheKernel | MAP_POPULATE | MAP_LOCKED | MAP_ANONYMOUS));
  const long at = sys::call(SYS_mmap, 0, request.bytes, request.prot, flags, request.fd, request.offset);
  if (sys::failed(at)) return at;
  return sys::call(SYS_munmap, at, request.bytes);
}

long map_on_every_node(uint64_t start, const FileRequest& request) {
  const int flags = (request.flags & ~(kNotForTheKernel | MAP_ANONYMOUS)) | MAP_FIXED;
  const long at = sys::call(SYS_mmap, start, request.bytes, request.prot, flags, request.fd, request.offset);
  if (sys::failed(at)) return at;
  const long others = map_on_other_nodes(start, request, flags & ~(MAP_POPULATE | MAP_LOCKED));
  return sys::failed(others) ? others : 0;
}

// Behind the end of the file the copy has zeros, where a mapping would raise SIGBUS.
long copy_file(uint64_t start, const FileRequest& request) {
  for (uint64_t done = 0; done < request.bytes;) {
    const long got = sys::call(SYS_pread64, request.fd, start + done, request.bytes - done, request.offset + done);
    if (got == -EINTR) continue;
    if (got < 0) return got == -ESPIPE || got == -EINVAL ? -ENODEV : got;
    if (got == 0) break;
    done += static_cast<uint64_t>(got);
  }
  return 0;
}

void note_source(Window& window, uint64_t start, const FileRequest& request) {
  const uint32_t source = keep_source(start, request.bytes, request.fd, request.offset);
  if (source) (void)window.map.update(start, start + request.bytes, [&](VmaAttributes& a) { a.file_id = source; });
}

long place_copy(Window& window, uint64_t start, const FileRequest& request) {
  const uint64_t end = start + request.bytes;
  const uint16_t closed = window.is_arena ? closed_nodes(window, start, end) : 0;
  if (const long result = place_anonymous(window, start, end, kReadWrite, closed)) return result;
  if (const long result = copy_file(start, request)) return result;
  const int prot = request.prot & 7;
  if (prot != kReadWrite)
    if (const long result = set_protection(window, start, end, prot)) return result;
  note_source(window, start, request);
  return 0;
}

// Nothing of the program is there any more when it fails.
void clear_place(Window& window, uint64_t start, uint64_t end) {
  if (window.is_arena) {
    (void)map_segment(start, end, kReadWrite);
  } else {
    sys::call(SYS_munmap, start, end - start);
    (void)ask_others_to_call(SYS_munmap, start, end - start);
  }
  (void)window.map.assign(start, end, VmaAttributes{});
}

// At free addresses, or those allocated for it.
long place_file(Window& window, uint64_t start, const FileRequest& request) {
  const long result = is_copied(request) ? place_copy(window, start, request) : map_on_every_node(start, request);
  if (!result && (is_copied(request) || window.map.assign(start, start + request.bytes, attributes_of(request))))
    return 0;
  clear_place(window, start, start + request.bytes);
  return result ? result : -ENOMEM;
}

long map_file_at(uint64_t address, const FileRequest& request) {
  if (const long result = check_place(address, request.bytes)) return result;
  {
    Holding holding(memory_table().outside_lock);
    if (const long result = try_file(request)) return result;
  }
  Window window = window_of(address, address + request.bytes);
  if (window.end != address + request.bytes) return -ENOMEM;
  Holding holding(window.lock);
  if (const long result = make_room(window, request.flags)) return result;
  const long result = place_file(window, address, request);
  return result ? result : static_cast<long>(address);
}

// Pages of the image's segment, which a fork's child keeps sharing: it holds the space, too.
long map_shared_pages(const FileRequest& request) {
  if (is_fixed(request.flags)) return -ENOMEM;
  Window window = file_window(this_node());
  Holding holding(window.lock);
  const FileRequest shared{request.bytes, request.prot, request.flags, -1, 0};
  const Result<uint64_t> start = window.map.allocate(request.bytes, wire::kPageBytes, attributes_of(shared));
  if (!start) return -start.error().value;
  (void)release_pages(*start, *start + request.bytes);
  const long result = map_segment(*start, *start + request.bytes, request.prot & 7);
  if (!result) return static_cast<long>(*start);
  clear_place(window, *start, *start + request.bytes);
  return result;
}

} // namespace

long map_file(uint64_t address, const FileRequest& request) {
  if (is_fixed(request.flags)) return map_file_at(address, request);
  Window window = file_window(this_node());
  Holding holding(window.lock);
  if (is_copied(request))
    if (const long result = try_file(request)) return result;
  const Result<uint64_t> start = window.map.allocate(request.bytes, wire::kPageBytes, attributes_of(request));
  if (!start) return -start.error().value;
  const long result = place_file(window, *start, request);
  return result ? result : static_cast<long>(*start);
}

long map_shared_anonymous(uint64_t address, const FileRequest& request) {
  if (is_isolated()) return map_shared_pages(request);
  const long fd = sys::call(SYS_memfd_create, "superproc-shared", MFD_CLOEXEC);
  if (fd < 0) return fd;
  long result = sys::call(SYS_ftruncate, fd, request.bytes);
  if (result == 0)
    result = map_file(address, {request.bytes, request.prot, request.flags | MAP_ANONYMOUS, static_cast<int>(fd), 0});
  sys::call(SYS_close, fd);
  return result;
}

bool is_zero_device(int fd) {
  constexpr uint64_t kZeroDevice = 1 << 8 | 5; // major 1, minor 5
  struct stat status {};
  return sys::call(SYS_fstat, fd, &status) == 0 && (status.st_mode & S_IFMT) == S_IFCHR &&
         status.st_rdev == kZeroDevice;
}

} // namespace sp::memory
