// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/mapped_files.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>

#include "libsuperproc/process/shared_mapping.hpp"
#include "libsuperproc/process/shared_memory.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/wire/segment.hpp"
#include "vfd/body.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

struct Transfer {
  int number;
  bool writes, is_vector;
  int position; // the argument; -1: the file's own
};
constexpr Transfer kTransfers[] = {
    {SYS_read, false, false, -1},  {SYS_readv, false, true, -1},   {SYS_pread64, false, false, 3},
    {SYS_preadv, false, true, 3},  {SYS_preadv2, false, true, 3},  {SYS_write, true, false, -1},
    {SYS_writev, true, true, -1},  {SYS_pwrite64, true, false, 3}, {SYS_pwritev, true, true, 3},
    {SYS_pwritev2, true, true, 3},
};
constexpr int kOthers[] = {SYS_ftruncate, SYS_fallocate, SYS_fcntl};

const Transfer* find_transfer(long number) {
  for (const Transfer& one : kTransfers)
    if (one.number == number) return &one;
  return nullptr;
}

bool is_remote(const Call& call) { return vfd::is_body() && vfd::is_remote(call.arg(0)); }

// Where its bytes are, open for the time of one call.
class PoolOfFile {
public:
  PoolOfFile(const MappedFile& file, bool reads_only) : file_(file), pool_(open_segments(reads_only)) {}
  PoolOfFile(const PoolOfFile&) = delete;
  ~PoolOfFile() {
    if (!sys::failed(pool_)) sys::call(SYS_close, pool_);
  }

  void move(bool writes, uint64_t memory, uint64_t bytes, uint64_t position) const {
    if (!fits(position, bytes)) return;
    for (uint64_t done = 0; done < bytes;) {
      const long now = sys::call(writes ? SYS_pwrite64 : SYS_pread64, pool_, memory + done, bytes - done,
                                 file_.place + position + done);
      if (now <= 0) return;
      done += static_cast<uint64_t>(now);
    }
  }
  void clear(uint64_t from, uint64_t bytes) const {
    if (fits(from, bytes) && bytes)
      sys::call(SYS_fallocate, pool_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, file_.place + from, bytes);
  }

private:
  bool fits(uint64_t from, uint64_t bytes) const {
    return from <= wire::kSharedFileBytes && bytes <= wire::kSharedFileBytes - from;
  }
  MappedFile file_;
  long pool_;
};

uint64_t position_after(const Call& call) {
  const long at = is_remote(call) ? vfd::shadow_call(SYS_lseek, call.arg(0), 0, SEEK_CUR)
                                  : sys::call(SYS_lseek, call.arg(0), 0, SEEK_CUR);
  return sys::failed(at) ? ~0ull : static_cast<uint64_t>(at);
}

void move_vector(const PoolOfFile& pool, const Call& call, bool writes, uint64_t bytes, uint64_t position) {
  for (uint64_t i = 0; i < call.arg(2) && bytes; ++i) {
    iovec part{};
    if (!vfd::read_program(&part, call.pointer<const iovec>(1) + i, sizeof part)) return;
    const uint64_t now = part.iov_len < bytes ? part.iov_len : bytes;
    pool.move(writes, reinterpret_cast<uint64_t>(part.iov_base), now, position);
    bytes -= now, position += now;
  }
}

void complete_transfer(const Call& call, const Transfer& how, uint64_t bytes) {
  const std::optional<MappedFile> file = find_mapped_file(call.arg(0));
  if (!file) return;
  const uint64_t own = ~0ull; // preadv2's, for the file's own
  const bool given = how.position >= 0 && call.arg(how.position) != own;
  const uint64_t position = given ? call.arg(how.position) : position_after(call) - bytes;
  const PoolOfFile pool(*file, !how.writes);
  if (how.is_vector)
    move_vector(pool, call, how.writes, bytes, position);
  else
    pool.move(how.writes, call.arg(1), bytes, position);
}

void complete_change(const Call& call) {
  const std::optional<MappedFile> file = find_mapped_file(call.arg(0));
  if (!file) return;
  const PoolOfFile pool(*file, false);
  if (call.number() == SYS_ftruncate) return pool.clear(call.arg(1), wire::kSharedFileBytes - call.arg(1));
  if (call.arg(1) & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) pool.clear(call.arg(2), call.arg(3));
}

} // namespace

void watch_file_calls() {
  for (const Transfer& one : kTransfers) sp_interest[one.number].bits |= kInterestRemote;
  for (const int number : kOthers) sp_interest[number].bits |= kInterestRemote;
}

// Nobody can write to a sealed file, spd neither.
long before_file_call(const Call& call) {
  constexpr uint64_t kAgainstWriting = F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
  if (call.number() != SYS_fcntl || call.arg(1) != F_ADD_SEALS || !(call.arg(2) & kAgainstWriting)) return 0;
  const vfd::CallScope scope;
  const std::optional<MappedFile> file = find_mapped_file(call.arg(0));
  if (file && file->is_written && call.arg(2) & F_SEAL_WRITE) return -EBUSY;
  if (file) save_file_of_memory(call.arg(0));
  return 0;
}

void complete_file_call(const Call& call, long result) {
  const Transfer* const how = find_transfer(call.number());
  const bool changes = call.number() == SYS_ftruncate || call.number() == SYS_fallocate;
  if (how ? result <= 0 : !changes || result != 0) return;
  if (vfd::is_body() && !(vfd::is_remote(call.arg(0)) && vfd::is_regular(call.arg(0)))) return;
  const vfd::CallScope scope;
  if (how) return complete_transfer(call, *how, static_cast<uint64_t>(result));
  complete_change(call);
}

} // namespace sp
