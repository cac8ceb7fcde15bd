// SPDX-License-Identifier: Apache-2.0
#include "vfd/program_memory.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

#include "gnttab-shm/node_bell.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "vfd/body.hpp"

namespace sp::vfd {

thread_local constinit int32_t program_tid = 0;

namespace {

// For memory that has no pages to hold (gnttab-shm/module). Ours is the file's side, which ptrace's way reaches and no
// protection stops; the program's side is judged as in any call.
long transfer_by_file(long number, void* ours, const void* program, uint64_t bytes) {
  const bool reads = number == SYS_process_vm_readv;
  const long memory = sys::call(SYS_openat, AT_FDCWD, "/proc/thread-self/mem", O_RDWR | O_CLOEXEC, 0);
  if (sys::failed(memory)) return memory;
  const long done = sys::call(reads ? SYS_pwrite64 : SYS_pread64, memory, program, bytes, ours);
  sys::call(SYS_close, memory);
  return done;
}

// process_vm_readv and process_vm_writev by thread, since the process's main thread may have ended.
// Returns how many bytes.
long transfer(long number, void* ours, const void* program, uint64_t bytes) {
  const iovec local{ours, bytes}, remote{const_cast<void*>(program), bytes};
  const long tid = program_tid ? program_tid : own_tid().value;
  const long done = bytes ? sys::call(number, tid, &local, 1, &remote, 1, 0) : 0;
  if (done == static_cast<long>(bytes) || program_tid || !own_board.board) return done;
  return transfer_by_file(number, ours, program, bytes);
}

constexpr uint64_t kWord = sizeof(uint64_t);

// Nobody else can take memory away between the look and the copy.
bool is_alone() {
  return program_tid == 0 && is_body() && thread_self.borrower == Borrower::none && control().thread_count.load() <= 1;
}

// Asks about two pages at a time, by a word across their border, which lies in the range.
template <class Look>
bool is_there(uint64_t at, uint64_t bytes, Look look) {
  const uint64_t end = at + bytes;
  if (end < at) return false;
  for (uint64_t known = at; known < end;) {
    const uint64_t border = (known / wire::kPageBytes + 1) * wire::kPageBytes;
    uint64_t word = border < end ? border - kWord / 2 : end;
    if (word > end - kWord) word = end - kWord;
    if (word < at) word = at;
    if (!look(word)) return false;
    known = border < end ? border + wire::kPageBytes : end;
  }
  return true;
}

// The kernel copies the word before it finds that there is no such way to change the mask.
bool can_read(uint64_t word) {
  constexpr int kNoWay = -1;
  return sys::call(SYS_rt_sigprocmask, kNoWay, word, nullptr, kWord) == -EINVAL;
}
// ... and writes the mask, into what is about to be overwritten.
bool can_write(uint64_t word) { return sys::call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, word, kWord) == 0; }

} // namespace

bool can_read_program(const void* from, uint64_t bytes) {
  const uint64_t at = reinterpret_cast<uint64_t>(from), first = at & ~(kWord - 1);
  return bytes <= ~at && is_there(first, ((at + bytes + kWord - 1) & ~(kWord - 1)) - first, can_read);
}

bool read_program(void* to, const void* from, uint64_t bytes) {
  if (bytes < kWord || !is_alone()) return transfer(SYS_process_vm_readv, to, from, bytes) == static_cast<long>(bytes);
  if (!is_there(reinterpret_cast<uint64_t>(from), bytes, can_read)) return false;
  __builtin_memcpy(to, from, bytes);
  return true;
}

bool write_program(void* to, const void* from, uint64_t bytes) {
  if (bytes < kWord || !is_alone())
    return transfer(SYS_process_vm_writev, const_cast<void*>(from), to, bytes) == static_cast<long>(bytes);
  if (!is_there(reinterpret_cast<uint64_t>(to), bytes, can_write)) return false;
  __builtin_memcpy(to, from, bytes);
  return true;
}

uint64_t writable_bytes(uint64_t at, uint64_t bytes) {
  const uint64_t end = at + bytes, first = at & ~(wire::kPageBytes - 1);
  if (program_tid || bytes == 0) return bytes;
  if (end < at) return 0;
  const auto can_write_pages = [](uint64_t from, uint64_t to) {
    const uint64_t pages = (to - from + wire::kPageBytes - 1) & ~(wire::kPageBytes - 1);
    return sys::call(SYS_madvise, from, pages, MADV_POPULATE_WRITE) == 0;
  };
  if (can_write_pages(first, end)) return bytes;
  uint64_t page = first;
  while (page < end && can_write_pages(page, page + 1)) page += wire::kPageBytes;
  return page <= at ? 0 : (page < end ? page : end) - at;
}

uint64_t read_text(char* to, const char* from, uint64_t room) {
  for (uint64_t done = 0; done < room;) {
    const uint64_t to_page_end = wire::kPageBytes - (reinterpret_cast<uint64_t>(from) + done) % wire::kPageBytes;
    const uint64_t bytes = to_page_end < room - done ? to_page_end : room - done;
    if (!read_program(to + done, from + done, bytes)) return 0;
    for (const uint64_t end = done + bytes; done < end;)
      if (to[done++] == 0) return done;
  }
  return 0;
}

} // namespace sp::vfd
