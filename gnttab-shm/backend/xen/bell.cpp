// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/bell.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "gnttab-shm/backend/xen/libraries.hpp"

namespace sp::xen {

static constexpr size_t kRingCountMax = 16; // peers
static constexpr size_t kBoardBytes = 4096;

// The board of this user, or, where /dev/shm does not give one, of this process and those that it forks.
static Board* open_board() {
  const std::string path = "/dev/shm/superproc-bells." + std::to_string(getuid());
  int flags = MAP_SHARED;
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  struct stat status {};
  const bool ours = file >= 0 && fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == getuid() &&
                    (status.st_mode & 0077) == 0 && ftruncate(file, kBoardBytes) == 0;
  if (!ours) flags |= MAP_ANONYMOUS;
  void* mapped = mmap(nullptr, kBoardBytes, PROT_READ | PROT_WRITE, flags, ours ? file : -1, 0);
  if (file >= 0) close(file);
  return mapped == MAP_FAILED ? nullptr : static_cast<Board*>(mapped);
}

static Board* const board = open_board();
static Ring rings[kRingCountMax];

static uint32_t line_of(const volatile uint32_t* word) {
  return static_cast<uint32_t>(reinterpret_cast<uintptr_t>(word) % 4096 / (4096 / kLineCount));
}

static const volatile uint32_t* futex_word(std::atomic<uint32_t>& count) {
  return reinterpret_cast<const volatile uint32_t*>(&count);
}

long DomainBell::sleep(const volatile uint32_t* word, uint32_t expected, int64_t timeout_ns) {
  if (!board) return -ENOSYS;
  std::atomic<uint32_t>& count = board->counts[line_of(word)];
  const uint32_t seen = count.load(std::memory_order_seq_cst);
  if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) return -EAGAIN;
  return sys::futex_wait(futex_word(count), seen, timeout_ns);
}

void DomainBell::wake_lines(uint64_t lines) {
  if (!board) return;
  for (; lines; lines &= lines - 1) {
    std::atomic<uint32_t>& count = board->counts[__builtin_ctzll(lines)];
    count.fetch_add(1, std::memory_order_seq_cst);
    sys::futex_wake(futex_word(count), 0x7fffffff);
  }
}

long DomainBell::wake(const volatile uint32_t* word, int) {
  if (!board) return -ENOSYS;
  const uint64_t line = 1ull << line_of(word);
  wake_lines(line);
  for (const Ring& ring : rings) {
    if (!ring.mask || ring.mask->fetch_or(line, std::memory_order_seq_cst) & line) continue;
    ioctl_evtchn_notify notify{ring.port};
    sys::call(SYS_ioctl, ring.event_device, IOCTL_EVTCHN_NOTIFY, &notify);
  }
  return 0;
}

bool DomainBell::add_ring(Ring ring) {
  for (Ring& place : rings)
    if (!place.mask) {
      place = ring;
      return true;
    }
  return false;
}

void DomainBell::remove_ring(const std::atomic<uint64_t>* mask) {
  for (Ring& place : rings)
    if (place.mask == mask) place = {};
}

} // namespace sp::xen
