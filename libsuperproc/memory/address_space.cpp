// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/address_space.hpp"

#include <linux/memfd.h>
#include <sys/mman.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/windows.hpp"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif

namespace sp::memory {

namespace {

using wire::page_down;
using wire::page_up;
using wire::Vma;

constexpr int kMapTypeMask = 0x0f;

// ---- what leaves the address space ----

// Everything in [start, end) of a window goes: pages are given back, foreign mappings taken away on every node, and in an
// arena the segment's mapping is restored. The records are left to the caller.
long clear_range(Window& window, uint64_t start, uint64_t end) {
  if (const long result = clear_protection(window, start, end)) return result;
  long failure = 0;
  window.map.each(start, end, [&](const Vma& vma) {
    long result = 0;
    switch (vma.kind) {
      case VmaKind::free:
      case VmaKind::reserved:
        return;
      case VmaKind::anonymous:
        if (window.is_arena) {
          result = release_mapped_pages(vma.start, vma.end);
          if (result == -EACCES || result == -EINVAL) result = release_pages(vma.start, vma.end);
          break;
        }
        result = release_pages(vma.start, vma.end);
        if (!result) result = sys::call(SYS_munmap, vma.start, vma.bytes());
        if (!result) result = ask_others_to_call(SYS_munmap, vma.start, vma.bytes());
        break;
      case VmaKind::file_private:
      case VmaKind::file_shared:
      case VmaKind::shared_anonymous:
        if (window.is_arena) {
          result = map_segment(vma.start, vma.end, kReadWrite);
          break;
        }
        result = sys::call(SYS_munmap, vma.start, vma.bytes());
        if (!result) result = ask_others_to_call(SYS_munmap, vma.start, vma.bytes());
        break;
    }
    if (result && !failure) failure = result;
  });
  return failure;
}

long free_range(Window& window, uint64_t start, uint64_t end) {
  if (const long result = clear_range(window, start, end)) return result;
  const Result<> freed = window.map.assign(start, end, VmaAttributes{});
  return freed ? 0 : -freed.error().value;
}

// ---- what comes into it ----

// Where a mapping shall be: at a fixed address, whose former contents go, or at one of a window's free addresses.
struct Place {
  uint64_t start;
  long error;
};

bool is_fixed(int flags) { return flags & (MAP_FIXED | MAP_FIXED_NOREPLACE); }

bool is_valid(uint64_t address, uint64_t bytes) {
  return address + bytes > address && address + bytes <= wire::kUserEnd && address >= wire::kPageBytes * 16;
}

long make_room(uint64_t address, uint64_t bytes, int flags) {
  if (address & (wire::kPageBytes - 1)) return -EINVAL;
  if (!is_valid(address, bytes)) return -ENOMEM;
  return for_windows(address, address + bytes, [&](Window& window) -> long {
    if (flags & MAP_FIXED_NOREPLACE && !window.map.is_free(window.start, window.end)) return -EEXIST;
    return clear_range(window, window.start, window.end);
  });
}

long map_fixed_anonymous(uint64_t address, uint64_t bytes, int prot, int flags) {
  if (const long result = make_room(address, bytes, flags)) return result;
  const long result = for_windows(address, address + bytes, [&](Window& window) -> long {
    if (!window.map.assign(window.start, window.end, anonymous(prot))) return -ENOMEM;
    if (window.is_arena) return prot == kReadWrite ? 0 : protect_fresh(window, window.start, window.end, prot);
    return map_segment(window.start, window.end, prot);
  });
  return result ? result : static_cast<long>(address);
}

long map_anonymous(uint64_t bytes, int prot, int flags) {
  Window window = arena_window(this_node());
  Holding holding(window.lock);
  const Result<uint64_t> start = window.map.allocate(bytes, wire::kPageBytes, anonymous(kReadWrite));
  if (!start) return -start.error().value;
  if (prot != kReadWrite)
    if (const long result = protect_fresh(window, *start, *start + bytes, prot)) return result;
  if (flags & (MAP_POPULATE | MAP_LOCKED)) sys::call(SYS_madvise, *start, bytes, MADV_POPULATE_WRITE);
  return static_cast<long>(*start);
}

// Below 2 GiB, for code that needs it: the lowest free addresses of the image window.
long map_low(uint64_t bytes, int prot) {
  constexpr uint64_t kLowStart = 0x10000, kLowEnd = 1ull << 31;
  Window window = image_window();
  Holding holding(window.lock);
  uint64_t start = 0;
  window.map.each(kLowStart, kLowEnd, [&](const Vma& vma) {
    if (vma.kind != VmaKind::free || vma.bytes() < bytes) return true;
    start = vma.end - bytes;
    return true;
  });
  if (!start) return -ENOMEM;
  if (const long result = map_segment(start, start + bytes, prot)) return result;
  if (!window.map.assign(start, start + bytes, anonymous(prot))) return -ENOMEM;
  return static_cast<long>(start);
}

VmaAttributes file_attributes(VmaKind kind, int prot, int fd, uint64_t offset) {
  VmaAttributes attributes;
  attributes.kind = kind;
  attributes.prot = static_cast<uint8_t>(prot);
  attributes.file_offset = offset;
  attributes.file_id = static_cast<uint32_t>(fd) + 1;
  return attributes;
}

long map_on_every_node(uint64_t start, uint64_t bytes, int prot, int flags, int fd, uint64_t offset) {
  const int fixed = (flags & ~(MAP_FIXED_NOREPLACE | MAP_32BIT)) | MAP_FIXED;
  const long at = sys::call(SYS_mmap, start, bytes, prot, fixed, fd, offset);
  if (sys::failed(at)) return at;
  const long others = ask_others_to_call(SYS_mmap, start, bytes, prot, fixed & ~MAP_POPULATE, fd, offset);
  return sys::failed(others) ? others : 0;
}

// A private file that may be written: a copy in the segment, at addresses where every node maps it.
long copy_file(uint64_t start, uint64_t bytes, int fd, uint64_t offset) {
  for (uint64_t done = 0; done < bytes;) {
    const long got = sys::call(SYS_pread64, fd, start + done, bytes - done, offset + done);
    if (got < 0) return got == -EINTR ? 0 : got;
    if (got == 0) break;
    done += static_cast<uint64_t>(got);
  }
  return 0;
}

bool is_copied(int prot, int flags) { return (flags & kMapTypeMask) == MAP_PRIVATE && (prot & PROT_WRITE); }

// The kernel's own checks of a file mapping (access mode, offset, type), without keeping it.
long try_file(uint64_t bytes, int prot, int flags, int fd, uint64_t offset) {
  const int plain = flags & ~(MAP_FIXED | MAP_FIXED_NOREPLACE | MAP_POPULATE | MAP_32BIT | MAP_LOCKED);
  const long at = sys::call(SYS_mmap, 0, bytes, prot, plain, fd, offset);
  if (sys::failed(at)) return at;
  return sys::call(SYS_munmap, at, bytes);
}

long place_file(Window& window, uint64_t start, uint64_t bytes, int prot, int flags, int fd, uint64_t offset,
                VmaKind kind) {
  if (is_copied(prot, flags)) {
    if (!window.is_arena)
      if (const long result = map_segment(start, start + bytes, kReadWrite)) return result;
    if (!window.map.assign(start, start + bytes, anonymous(kReadWrite))) return -ENOMEM;
    if (const long result = copy_file(start, bytes, fd, offset)) return result;
    return prot == kReadWrite ? 0 : set_protection(window, start, start + bytes, prot);
  }
  if (const long result = map_on_every_node(start, bytes, prot, flags, fd, offset)) return result;
  return window.map.assign(start, start + bytes, file_attributes(kind, prot, fd, offset)) ? 0 : -ENOMEM;
}

long map_file(uint64_t address, uint64_t bytes, int prot, int flags, int fd, uint64_t offset, VmaKind kind) {
  if (const long result = try_file(bytes, prot, flags, fd, offset)) return result;
  if (is_fixed(flags)) {
    if (const long result = make_room(address, bytes, flags)) return result;
    Window window = window_of(address, address + bytes);
    if (window.end != address + bytes) return -ENOMEM;
    Holding holding(window.lock);
    const long result = place_file(window, address, bytes, prot, flags, fd, offset, kind);
    return result ? result : static_cast<long>(address);
  }
  Window window = file_window(this_node());
  Holding holding(window.lock);
  const Result<uint64_t> start = window.map.allocate(bytes, wire::kPageBytes, file_attributes(kind, prot, fd, offset));
  if (!start) return -start.error().value;
  const long result = place_file(window, *start, bytes, prot, flags, fd, offset, kind);
  if (result) (void)window.map.assign(*start, *start + bytes, VmaAttributes{});
  return result ? result : static_cast<long>(*start);
}

// Shared anonymous memory is a file of its own, so that a fork's child still shares it.
long map_shared_anonymous(uint64_t address, uint64_t bytes, int prot, int flags) {
  const long fd = sys::call(SYS_memfd_create, "superproc-shared", MFD_CLOEXEC);
  if (fd < 0) return fd;
  long result = sys::call(SYS_ftruncate, fd, bytes);
  if (result == 0)
    result = map_file(address, bytes, prot, flags & ~MAP_ANONYMOUS, static_cast<int>(fd), 0, VmaKind::shared_anonymous);
  sys::call(SYS_close, fd);
  return result;
}

} // namespace

long map(uint64_t address, uint64_t bytes, int prot, int flags, int fd, uint64_t offset) {
  if (bytes == 0) return -EINVAL;
  if (bytes > wire::kUserEnd) return -ENOMEM;
  bytes = page_up(bytes);
  const int type = flags & kMapTypeMask;
  if (type != MAP_PRIVATE && type != MAP_SHARED && type != MAP_SHARED_VALIDATE) return -EINVAL;
  if (flags & MAP_HUGETLB) return -ENOMEM;
  if (flags & MAP_ANONYMOUS) {
    if (type != MAP_PRIVATE) return map_shared_anonymous(address, bytes, prot, flags);
    if (is_fixed(flags)) return map_fixed_anonymous(address, bytes, prot, flags);
    if (flags & MAP_32BIT) return map_low(bytes, prot);
    return map_anonymous(bytes, prot, flags);
  }
  return map_file(address, bytes, prot, flags, fd, offset,
                  type == MAP_PRIVATE ? VmaKind::file_private : VmaKind::file_shared);
}

long map_for_shim(uint64_t bytes) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS;
  return is_shared() ? map(0, bytes, kReadWrite, kFlags, -1, 0)
                     : sys::call(SYS_mmap, 0, bytes, kReadWrite, kFlags, -1, 0);
}

void unmap_for_shim(uint64_t address, uint64_t bytes) {
  if (is_shared()) unmap(address, bytes);
  else sys::call(SYS_munmap, address, bytes);
}

long unmap(uint64_t address, uint64_t bytes) {
  if (bytes == 0 || address & (wire::kPageBytes - 1) || address + bytes < address) return -EINVAL;
  const uint64_t end = page_up(address + bytes);
  if (end > wire::kUserEnd + wire::kPageBytes) return -EINVAL;
  return for_windows(address, end, [](Window& window) { return free_range(window, window.start, window.end); });
}

long protect(uint64_t address, uint64_t bytes, int prot) {
  if (address & (wire::kPageBytes - 1)) return -EINVAL;
  if (bytes == 0) return 0;
  if (prot & (PROT_GROWSDOWN | PROT_GROWSUP)) return -EINVAL;
  return for_windows(address, page_up(address + bytes), [prot](Window& window) -> long {
    if (!window.map.is_mapped(window.start, window.end)) {
      // Below the main stack and above the break lies memory that is only reserved.
      return sys::call(SYS_mprotect, window.start, window.end - window.start, prot) ? -ENOMEM : -ENOMEM;
    }
    long failure = 0;
    if (prot & PROT_WRITE) {
      // Private files that become writable become copies first.
      uint64_t at = window.start;
      while (at < window.end && !failure) {
        const Vma vma = window.map.find(at);
        const uint64_t end = vma.end < window.end ? vma.end : window.end;
        if (vma.kind == VmaKind::file_private) {
          const Segment segment = segment_of(at);
          SegmentDescriptor fd(segment.index);
          if (!(vma.prot & PROT_READ)) sys::call(SYS_mprotect, at, end - at, PROT_READ);
          for (uint64_t a = at; a < end && !failure;) {
            const long put = sys::call(SYS_pwrite64, fd.value(), a, end - a, segment_of(a).offset);
            if (put <= 0) failure = put == -EFAULT ? 0 : (put ? put : -EIO);
            if (put == -EFAULT) break; // behind the end of the file
            a += static_cast<uint64_t>(put > 0 ? put : 0);
          }
          if (!failure) failure = map_segment(at, end, kReadWrite);
          if (!failure && !window.map.assign(at, end, anonymous(kReadWrite))) failure = -ENOMEM;
        }
        at = end;
      }
    }
    return failure ? failure : set_protection(window, window.start, window.end, prot);
  });
}

long advise(uint64_t address, uint64_t bytes, int advice) {
  if (address & (wire::kPageBytes - 1)) return -EINVAL;
  const uint64_t end = page_up(address + bytes);
  if (end == address) return 0;
  if (advice != MADV_DONTNEED && advice != MADV_FREE) return sys::call(SYS_madvise, address, bytes, advice);
  return for_windows(address, end, [advice](Window& window) -> long {
    long failure = 0;
    bool holes = false;
    window.map.each(window.start, window.end, [&](const Vma& vma) {
      if (vma.kind == VmaKind::free) holes = true;
      if (vma.kind == VmaKind::anonymous) {
        long result = vma.prot == kReadWrite ? release_mapped_pages(vma.start, vma.end) : -EACCES;
        if (result == -EACCES || result == -EINVAL) result = release_pages(vma.start, vma.end);
        if (result) failure = result;
      } else if (vma.kind != VmaKind::free && vma.kind != VmaKind::reserved) {
        if (advice == MADV_FREE) failure = -EINVAL;
        else sys::call(SYS_madvise, vma.start, vma.bytes(), advice);
      }
    });
    return failure ? failure : holes ? -ENOMEM : 0;
  });
}

long set_break(uint64_t address) {
  MemoryTable& table = memory_table();
  Holding holding(table.outside_lock);
  if (address < table.break_start || address > table.break_limit) return static_cast<long>(table.break_end);
  const uint64_t old_end = page_up(table.break_end), new_end = page_up(address);
  if (new_end < old_end) release_pages(new_end, old_end);
  VmaMap map = image_map();
  if (new_end > old_end) (void)map.assign(old_end, new_end, anonymous(kReadWrite));
  if (new_end < old_end) {
    VmaAttributes reserved;
    reserved.kind = VmaKind::reserved;
    (void)map.assign(new_end, old_end, reserved);
  }
  table.break_end = address;
  return static_cast<long>(address);
}

} // namespace sp::memory
