// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/attach.hpp"

#include <sys/mman.h>
#include <sys/shm.h>

#include "libsuperproc/cluster/ask.hpp"
#include "libsuperproc/memory/map.hpp"
#include "libsuperproc/memory/protection.hpp"
#include "libsuperproc/memory/segments.hpp"
#include "libsuperproc/memory/unmap.hpp"

namespace sp::memory {

namespace {

using wire::Vma;

VmaAttributes attributes_of(int id, int flags) {
  VmaAttributes attributes;
  attributes.kind = VmaKind::file_shared;
  attributes.prot =
      static_cast<uint8_t>(PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0));
  attributes.file_id = static_cast<uint32_t>(id); // as conversion finds it: the inode's number
  return attributes;
}

// Gives the addresses back, which hold nothing of the program's any more.
void forget(Window& window, uint64_t start, uint64_t end) {
  if (window.is_arena) (void)map_segment(start, end, kReadWrite);
  (void)window.map.assign(start, end, VmaAttributes{});
}

long attach_in(Window& window, uint64_t start, uint64_t end, int id, int flags) {
  const int kernel_flags = (flags & ~SHM_RND) | SHM_REMAP;
  const long at = sys::call(SYS_shmat, id, start, kernel_flags);
  long result = sys::failed(at) ? at : 0;
  if (!result) {
    const long others =
        ask_others_to_call(SYS_shmat, static_cast<uint64_t>(id), start, static_cast<uint64_t>(kernel_flags));
    if (sys::failed(others)) result = others;
  }
  if (!result && window.map.assign(start, end, attributes_of(id, flags))) return static_cast<long>(start);
  if (!sys::failed(at)) {
    sys::call(SYS_shmdt, start);
    (void)ask_others_to_call(SYS_shmdt, start);
  }
  forget(window, start, end);
  return result ? result : -ENOMEM;
}

long attach_at(uint64_t address, uint64_t bytes, int id, int flags) {
  if (flags & SHM_RND) address = wire::page_down(address);
  if (check_place(address, bytes)) return -EINVAL;
  Window window = window_of(address, address + bytes);
  if (window.end != address + bytes) return -EINVAL;
  Holding holding(window.lock);
  if (const long result = make_room(window, flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE))
    return result == -EEXIST ? -EINVAL : result;
  return attach_in(window, address, window.end, id, flags);
}

// How far the attachment that begins here goes; mprotect may have cut it into several records.
uint64_t attached_end(const Window& window) {
  uint64_t end = window.start;
  uint32_t id = 0;
  window.map.each(window.start, window.map.end(), [&](const Vma& vma) {
    if (vma.kind != VmaKind::file_shared || vma.file_offset != end - window.start) return false;
    if (end != window.start && vma.file_id != id) return false;
    id = vma.file_id, end = vma.end;
    return true;
  });
  return end;
}

} // namespace

long attach(int id, uint64_t address, int flags) {
  shmid_ds state{};
  if (const long result = sys::call(SYS_shmctl, id, IPC_STAT, &state)) return result;
  const uint64_t bytes = wire::page_up(state.shm_segsz);
  if (address) return attach_at(address, bytes, id, flags);
  if (flags & SHM_REMAP) return -EINVAL;
  Window window = file_window(this_node());
  Holding holding(window.lock);
  const Result<uint64_t> start = window.map.allocate(bytes, wire::kPageBytes, attributes_of(id, flags));
  if (!start) return -start.error().value;
  return attach_in(window, *start, *start + bytes, id, flags);
}

long detach(uint64_t address) {
  if (check_place(address, wire::kPageBytes)) return -EINVAL;
  Window window = window_of(address, address + wire::kPageBytes);
  Holding holding(window.lock);
  const uint64_t end = attached_end(window);
  if (end == address) return -EINVAL;
  if (const long result = sys::call(SYS_shmdt, address)) return result;
  (void)ask_others_to_call(SYS_shmdt, address);
  forget(window, address, end);
  return 0;
}

} // namespace sp::memory
