// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/shared_memory.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/pool.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "vfd/body.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using memory::Attachment;

constexpr int kWitnessFlags = SHM_RDONLY | SHM_EXEC;

template <class... A>
long at_home(long number, A... arguments) {
  return vfd::is_body() ? vfd::shadow_call(number, arguments...) : sys::call(number, arguments...);
}

long segment_bytes(uint64_t id) {
  shmid_ds about{};
  if (!vfd::is_body()) {
    const long result = sys::call(SYS_shmctl, id, IPC_STAT, &about);
    return sys::failed(result) ? result : static_cast<long>(wire::page_up(about.shm_segsz));
  }
  vfd::Transfer transfer;
  void* const there = transfer.take(sizeof about);
  const long result = vfd::shadow_call(SYS_shmctl, id, IPC_STAT, there);
  if (sys::failed(result)) return result;
  __builtin_memcpy(&about, there, sizeof about);
  return about.shm_segsz < wire::kUserEnd ? static_cast<long>(wire::page_up(about.shm_segsz)) : -EIO;
}

// Whoever may only read gets memory that cannot be made writable either.
long map_place(uint64_t address, uint64_t bytes, int flags, uint64_t offset) {
  const bool reads = flags & SHM_RDONLY;
  const long file = open_segments(reads);
  if (sys::failed(file)) return file;
  const int prot = PROT_READ | (reads ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0);
  const int where = !address ? 0 : flags & SHM_REMAP ? MAP_FIXED : MAP_FIXED_NOREPLACE;
  const long at = sys::call(SYS_mmap, address, bytes, prot, MAP_SHARED | where, file, offset);
  sys::call(SYS_close, file);
  return at == -EEXIST ? -EINVAL : at;
}

// The witness is there.
long attach(Attachment& a, uint64_t address) {
  const long bytes = segment_bytes(static_cast<uint64_t>(a.id));
  if (sys::failed(bytes)) return bytes;
  const long place = ask_for_segment(wire::NodeOperation::place_segment, static_cast<uint64_t>(a.id));
  if (sys::failed(place)) return place;
  const long at = map_place(address, static_cast<uint64_t>(bytes), a.flags, static_cast<uint64_t>(place));
  if (sys::failed(at)) return at;
  a.start = static_cast<uint64_t>(at), a.bytes = static_cast<uint64_t>(bytes);
  a.place = static_cast<uint64_t>(place);
  return at;
}

} // namespace

long attach_segment(uint64_t id, uint64_t address, int flags) {
  if (address & (wire::kPageBytes - 1) && !(flags & SHM_RND)) return -EINVAL;
  if (flags & SHM_RND) address = wire::page_down(address);
  if (!address && flags & SHM_REMAP) return -EINVAL;
  const long witness = attach_witness(static_cast<int32_t>(id), flags);
  if (sys::failed(witness)) return witness;
  Attachment* const a = memory::claim_attachment();
  if (a) a->id = static_cast<int32_t>(id), a->flags = flags, a->witness = static_cast<uint64_t>(witness);
  if (a) a->by = memory::AttachedBy::shmat;
  const long result = a ? attach(*a, address) : -EMFILE;
  if (sys::failed(result)) detach_witness(static_cast<uint64_t>(witness));
  if (a) a->use.store(sys::failed(result) ? 0 : 2);
  return result;
}

long detach_segment(uint64_t address) {
  Attachment* const a = memory::take_attachment(address);
  if (!a) return -EINVAL;
  sys::call(SYS_munmap, a->start, a->bytes);
  if (a->witness) detach_witness(a->witness);
  a->use.store(0);
  segments_change();
  return 0;
}

void segments_change() { ask_for_segment(wire::NodeOperation::sweep_segments); }

void attach_witnesses() {
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a) {
    if (a->use.load() != 2 || a->by == memory::AttachedBy::parent) continue;
    const long witness = a->by == memory::AttachedBy::settled ? 0 : attach_witness(a->id, a->flags);
    a->witness = sys::failed(witness) ? 0 : static_cast<uint64_t>(witness);
  }
}

// ---- for all kinds of shared memory ----

NodeId segments_node() { return vfd::is_body() ? NodeId{vfd::record().shadow_node.load()} : vfd::membership.node; }

long ask_for_segment(wire::NodeOperation operation, uint64_t number, uint64_t what, uint64_t third) {
  const HostTid self{static_cast<int32_t>(sys::call(SYS_gettid))};
  return to_raw(ask_spd(vfd::membership.node, segments_node(), self, operation, number, what, third));
}

long attach_witness(int32_t id, int flags) { return at_home(SYS_shmat, id, 0, flags & kWitnessFlags); }
void detach_witness(uint64_t witness) { at_home(SYS_shmdt, witness); }

long open_segments(bool reads_only) {
  Path pool;
  pool << "/proc/" << wire::kKeeperPid << "/fd/" << wire::kKeeperPools + static_cast<int>(segments_node().value);
  return sys::call(SYS_openat, AT_FDCWD, pool.text(), (reads_only ? O_RDONLY : O_RDWR) | O_CLOEXEC, 0);
}

} // namespace sp
