// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/settled_memory.hpp"

#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/cluster/accounts.hpp"
#include "libsuperproc/memory/attachments.hpp"
#include "libsuperproc/memory/large_runs.hpp"
#include "libsuperproc/memory/pool_pages.hpp"
#include "libsuperproc/process/fork.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/wire/segment.hpp"

namespace sp {

namespace {

using memory::Attachment, memory::AttachedBy, memory::LargeRun, memory::LargeRuns;
using wire::NodeOperation, wire::SegmentRequest;

constexpr uint64_t kWorthBytes = 16 << 20; // less is copied sooner than settled
constexpr uint64_t kChunkBytes = 16 << 20; // so much more memory is needed for a moment
constinit uint64_t worth_bytes = kWorthBytes;

bool has_one_thread() {
  struct stat threads {};
  return sys::call(SYS_stat, "/proc/self/task", &threads) == 0 && threads.st_nlink == 3;
}

long ask(uint64_t number, SegmentRequest what, uint64_t third = 0) {
  return ask_for_segment(NodeOperation::place_segment, number, static_cast<uint64_t>(what), third);
}

// Nothing of it is mapped here any more.
void let_go(Attachment& a) {
  if (a.witness) detach_witness(a.witness);
  a.use.store(0);
}

// A new segment with a witness here; null: there can be none.
Attachment* claim_segment(uint64_t bytes) {
  Attachment* const a = memory::claim_attachment();
  if (!a) return nullptr;
  const long id = ask(bytes, SegmentRequest::anonymous);
  const long witness = sys::failed(id) ? id : attach_witness(static_cast<int32_t>(id), SHM_RDONLY);
  if (sys::failed(witness)) return a->use.store(0), nullptr;
  a->id = static_cast<int32_t>(id), a->flags = SHM_RDONLY, a->by = AttachedBy::settled;
  a->start = a->bytes = 0, a->witness = static_cast<uint64_t>(witness);
  a->use.store(2);
  return a;
}

long write_all(long file, uint64_t from, uint64_t bytes, uint64_t offset) {
  while (bytes) {
    const long done = sys::call(SYS_pwrite64, file, from, bytes, offset);
    if (done <= 0) return done ? done : -EIO;
    from += static_cast<uint64_t>(done), offset += static_cast<uint64_t>(done), bytes -= static_cast<uint64_t>(done);
  }
  return 0;
}

// What is written is mapped at once, so it is never twice there; what fails stays as it was.
long settle(const LargeRun& run, long pool, uint64_t offset) {
  if (!memory::note_pool_pages(run.start, run.end)) return -ENOBUFS;
  for (uint64_t at = run.start; at < run.end; at += kChunkBytes, offset += kChunkBytes) {
    const uint64_t bytes = run.end - at < kChunkBytes ? run.end - at : kChunkBytes;
    long result = write_all(pool, at, bytes, offset);
    constexpr int kFlags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    if (result == 0) result = sys::call(SYS_mmap, at, bytes, run.protection, kFlags, pool, offset);
    if (sys::failed(result)) return result;
  }
  return 0;
}

long settle_all(const LargeRuns& found, const Attachment& segment) {
  const long place = ask(static_cast<uint64_t>(segment.id), SegmentRequest::place);
  if (sys::failed(place)) return place;
  const long pool = open_segments(false);
  if (sys::failed(pool)) return pool;
  long result = 0;
  auto offset = static_cast<uint64_t>(place);
  for (uint32_t i = 0; i < found.count && result == 0; ++i) {
    result = settle(found.runs[i], pool, offset);
    offset += found.runs[i].end - found.runs[i].start;
  }
  sys::call(SYS_close, pool);
  return result;
}

template <class Function>
void for_settled(Function function) {
  for (Attachment* a = memory::attachments; a != memory::attachments_end(); ++a)
    if (a->use.load() == 2 && a->by == AttachedBy::settled) function(*a);
}

// True: all that this process has settled is in the new segment now.
bool settle_memory() {
  if (thread_self.borrower != Borrower::none || !has_one_thread()) return false;
  const Result<const LargeRuns*> found = memory::find_large_runs();
  if (!found || (*found)->bytes < kWorthBytes) return false;
  Attachment* const segment = claim_segment((*found)->bytes);
  if (!segment) return false;
  const long settled = settle_all(**found, *segment);
  if (settled == 0 && (*found)->has_all_pool_pages)
    for_settled([segment](Attachment& a) {
      if (&a != segment) let_go(a);
    });
  worth_bytes = (*found)->bytes / 2;
  if (holding) holding(true);
  return settled == 0;
}

} // namespace

void tell_copied(int32_t parent, uint64_t bytes) {
  if (bytes >= kWorthBytes) OpenAccount::find_or_open(parent).add_copied(bytes);
}

void settle_if_worthwhile() {
  const OpenAccount account = OpenAccount::find(control().identity.pid);
  if (account.copied() < worth_bytes) return;
  const AllBlocked blocked;
  if (!settle_memory()) worth_bytes *= 4; // not at every fork
  account.forget_copied();
}

long hold_settled_memory() {
  long result = 0;
  const auto self = static_cast<uint64_t>(sys::call(SYS_getpid));
  for_settled([&](Attachment& a) {
    const long held = result ? result : ask(static_cast<uint64_t>(a.id), SegmentRequest::hold, self);
    if (sys::failed(held)) result = held;
  });
  return result;
}

bool has_settled_memory() {
  bool any = false;
  for_settled([&](const Attachment&) { any = true; });
  return any;
}

void unsettle() {
  if (memory::has_pool_pages()) memory::make_anonymous(0, wire::kUserEnd, memory::Contents::kept);
  for_settled(let_go);
}

} // namespace sp
