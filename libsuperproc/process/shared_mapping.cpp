// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/shared_mapping.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "libsuperproc/base/file_of_memory.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/wire/segment.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using memory::Attachment, memory::AttachedBy;
using wire::NodeOperation, wire::SegmentRequest;

long ask(uint64_t number, SegmentRequest what, uint64_t third = 0) {
  return ask_for_segment(NodeOperation::place_segment, number, static_cast<uint64_t>(what), third);
}

template <class Function>
void for_mappings_in(uint64_t start, uint64_t end, Function function) {
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a)
    if (a->use.load() == 2 && a->by != AttachedBy::shmat && a->start < end && start < a->start + a->bytes) function(*a);
}

long map_segment_at(Attachment& a, int32_t id, uint64_t address, uint64_t bytes, int prot, int flags) {
  const long place = ask(static_cast<uint64_t>(id), SegmentRequest::place);
  if (sys::failed(place)) return place;
  a.place = static_cast<uint64_t>(place);
  const long pool = open_segments(false);
  if (sys::failed(pool)) return pool;
  const long at = app_call(SYS_mmap, address, bytes, prot, flags & ~MAP_ANONYMOUS, pool, place);
  sys::call(SYS_close, pool);
  return at;
}

// Nothing is left of it.
void end(Attachment& a) {
  uint32_t attached = 2;
  if (!a.use.compare_exchange_strong(attached, 1)) return;
  if (is_shared()) return a.use.store(0); // it is held until the process ends
  if (a.witness) detach_witness(a.witness);
  if (!a.is_passed_on || a.by == AttachedBy::mmap_file) ask(static_cast<uint64_t>(a.id), SegmentRequest::let_go);
  a.use.store(0);
}

} // namespace

long map_shared_anonymous_segment(uint64_t address, uint64_t bytes, int prot, int flags) {
  bytes = wire::page_up(bytes);
  if (!bytes || bytes > wire::kUserEnd) return -EINVAL;
  Attachment* const a = memory::claim_attachment();
  if (!a) return -EMFILE;
  const long id = ask(bytes, SegmentRequest::anonymous);
  const long witness = sys::failed(id) ? id : attach_witness(static_cast<int32_t>(id), SHM_RDONLY);
  const long at =
      sys::failed(witness) ? witness : map_segment_at(*a, static_cast<int32_t>(id), address, bytes, prot, flags);
  if (sys::failed(at)) {
    if (!sys::failed(witness)) detach_witness(static_cast<uint64_t>(witness));
    if (!sys::failed(id)) ask(static_cast<uint64_t>(id), SegmentRequest::let_go);
    return a->use.store(0), at;
  }
  a->id = static_cast<int32_t>(id), a->flags = SHM_RDONLY, a->by = AttachedBy::mmap, a->is_passed_on = 0;
  a->start = static_cast<uint64_t>(at), a->bytes = bytes, a->witness = static_cast<uint64_t>(witness);
  a->use.store(2);
  return at;
}

// ---- files ----

namespace {

constinit std::atomic<bool> maps_files = false; // or has mapped some

// Of whichever node has it. False: there is none of that kind.
bool look_at(uint64_t descriptor, struct stat& about) {
  if (!vfd::is_body()) return is_file_of_memory(static_cast<long>(descriptor), about);
  if (!vfd::is_remote(descriptor) || !vfd::is_regular(descriptor)) return false;
  vfd::Transfer transfer;
  auto* const there = static_cast<struct stat*>(transfer.take(sizeof about));
  if (sys::failed(vfd::shadow_call(SYS_fstat, descriptor, there))) return false;
  about = *there;
  return true;
}

long control(uint64_t descriptor, int command) {
  return vfd::is_body() ? vfd::shadow_call(SYS_fcntl, descriptor, command, 0)
                        : sys::call(SYS_fcntl, descriptor, command, 0);
}

// What may be done with a mapping: 0, or why mmap refuses it.
struct Access {
  long refused;
  bool writes;
};
Access access_of(long flags, long seals, int prot) {
  if ((flags & O_ACCMODE) == O_WRONLY) return {-EACCES, false};
  const bool writable = (flags & O_ACCMODE) == O_RDWR,
             sealed = seals > 0 && seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
  if (prot & PROT_WRITE && !(writable && !sealed)) return {writable ? -EPERM : -EACCES, false};
  return {0, writable && !sealed};
}

uint64_t number_at_home() {
  return static_cast<uint64_t>(vfd::is_body() ? vfd::record().shadow_pid.load() : sys::call(SYS_getpid));
}

// Its number, attached; again if it is dropped just then. `witness`: 0 where spd looks after this process.
long attach_file(uint64_t descriptor, uint64_t& witness) {
  constexpr int kAttempts = 8;
  const uint64_t self = number_at_home();
  long result = -EAGAIN;
  for (int i = 0; i < kAttempts && sys::failed(result); ++i) {
    const long id = ask(self, SegmentRequest::file, descriptor);
    if (sys::failed(id)) return id;
    result = is_shared() ? ask(static_cast<uint64_t>(id), SegmentRequest::hold, self)
                         : attach_witness(static_cast<int32_t>(id), SHM_RDONLY);
    if (sys::failed(result)) continue;
    witness = is_shared() ? 0 : static_cast<uint64_t>(result);
    return id;
  }
  return result;
}

long map_file_segment(Attachment& a, const SharedFile& file, bool reads_only, MapInstead map, const void* call) {
  const long place = ask(static_cast<uint64_t>(a.id), SegmentRequest::place);
  if (sys::failed(place)) return place;
  const long pool = open_segments(reads_only);
  if (sys::failed(pool)) return pool;
  a.file_place = static_cast<uint64_t>(place), a.place = a.file_place + file.offset;
  const long at = map(call, pool, a.place);
  sys::call(SYS_close, pool);
  a.start = static_cast<uint64_t>(at), a.bytes = wire::page_up(file.bytes);
  return at;
}

} // namespace

std::optional<long> map_shared_file(const SharedFile& file, MapInstead map, const void* call) {
  struct stat about {};
  if (!look_at(file.descriptor, about) || (file.is_private && about.st_nlink)) return std::nullopt; // a name will do
  const uint64_t bytes = wire::page_up(file.bytes), limit = wire::kSharedFileBytes;
  if (!bytes || bytes > limit || file.offset > limit - bytes || file.offset % wire::kPageBytes) return std::nullopt;
  const long flags = control(file.descriptor, F_GETFL);
  if (sys::failed(flags) || flags & O_PATH) return std::nullopt;
  Attachment* const a = memory::claim_attachment();
  if (!a) return std::nullopt;
  const long id = attach_file(file.descriptor, a->witness);
  if (sys::failed(id)) return a->use.store(0), std::nullopt;
  a->id = static_cast<int32_t>(id), a->flags = SHM_RDONLY, a->by = AttachedBy::mmap_file, a->is_passed_on = 0;
  a->device = about.st_dev, a->inode = about.st_ino;
  a->is_private = file.is_private;
  const int prot = file.is_private ? file.prot & ~PROT_WRITE : file.prot;
  const Access access = access_of(flags, control(file.descriptor, F_GET_SEALS), prot);
  a->writes = access.writes && !file.is_private;
  const long at = access.refused ? access.refused : map_file_segment(*a, file, !a->writes, map, call);
  a->use.store(2);
  maps_files.store(true);
  if (sys::failed(at)) end(*a);
  return at;
}

bool maps_shared_files() { return maps_files.load(std::memory_order_relaxed); }

std::optional<MappedFile> find_mapped_file(uint64_t descriptor) {
  struct stat about {};
  if (vfd::is_body() ? !look_at(descriptor, about) : sys::call(SYS_fstat, descriptor, &about) != 0) return std::nullopt;
  std::optional<MappedFile> found;
  for (const Attachment* a = memory::attachments; a != memory::attachments_end(); ++a) {
    if (a->use.load() != 2 || a->by != AttachedBy::mmap_file || a->inode != about.st_ino || a->device != about.st_dev)
      continue;
    found = {a->file_place, a->writes || (found && found->is_written)};
  }
  return found;
}

void save_file_of_memory(uint64_t descriptor) {
  struct stat about {};
  if (look_at(descriptor, about)) ask(number_at_home(), SegmentRequest::save, descriptor);
}

void shared_files_end() {
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a)
    if (a->use.load() == 2 && a->by == AttachedBy::mmap_file) end(*a);
}

void attach_missing_witnesses() {
  pass_on_shared_mappings();
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a) {
    if (a->use.load() != 2 || a->witness || a->by == AttachedBy::parent) continue;
    const long witness = attach_witness(a->id, a->flags);
    a->witness = sys::failed(witness) ? 0 : static_cast<uint64_t>(witness);
  }
}

// ---- what becomes of them ----

bool is_shared_mapping_there(uint64_t start, uint64_t bytes) {
  bool any = false;
  for_mappings_in(start, start + wire::page_up(bytes), [&](const Attachment&) { any = true; });
  return any;
}

void shared_mapping_ends(uint64_t start, uint64_t bytes) {
  const uint64_t stop = start + wire::page_up(bytes);
  for_mappings_in(start, stop, [&](Attachment& a) {
    const uint64_t its_end = a.start + a.bytes;
    if (start > a.start && stop < its_end) return; // a hole
    if (start <= a.start && stop >= its_end) return end(a);
    if (start <= a.start) a.place += stop - a.start, a.start = stop;
    a.bytes = (stop < its_end ? its_end : start) - a.start;
  });
}

void shared_mapping_moves(uint64_t start, uint64_t bytes, uint64_t to, uint64_t bytes_then) {
  for_mappings_in(start, start + wire::page_up(bytes), [&](Attachment& a) {
    const bool whole = a.start == start && a.bytes == wire::page_up(bytes);
    a.start = to, a.bytes = whole ? wire::page_up(bytes_then) : 0;
  });
}

bool may_grow(uint64_t start, uint64_t bytes, uint64_t bytes_then) {
  for (const Attachment* a = memory::attachments; a != memory::attachments_end(); ++a)
    if (a->use.load() == 2 && a->by == AttachedBy::mmap_file && a->start == start && a->bytes == wire::page_up(bytes))
      return bytes_then <= wire::kSharedFileBytes - (a->place - a->file_place);
  return false;
}

void pass_on_shared_mappings() {
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a) a->is_passed_on = 1;
}

} // namespace sp
