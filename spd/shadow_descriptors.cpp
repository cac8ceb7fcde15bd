// SPDX-License-Identifier: Apache-2.0
#include "spd/shadow_descriptors.hpp"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "libsuperproc/wire/cluster.hpp"
#include "spd/unplaced.hpp"

namespace sp::spd {

namespace {

constinit std::atomic<bool> regular[wire::kVfdCountMax]; // for this process's own decisions; the record is anybody's

void publish(uint32_t record, uint64_t number) {
  if (number >= wire::kVfdCountMax) return;
  struct stat about;
  const bool open = sys::call(SYS_fstat, number, &about) == 0;
  regular[number].store(open && S_ISREG(about.st_mode), std::memory_order_relaxed);
  const auto type = static_cast<uint8_t>(wire::kVfdOpen | (open ? about.st_mode >> 12 : 0));
  wire::moved(record).descriptors[number].store(open ? type : uint8_t{0});
}

bool is_open(uint32_t record, uint32_t number) { return wire::moved(record).descriptors[number].load() != 0; }

constexpr uint32_t kFirst = 256;

// One call for the low numbers, which almost all are; the others are in /proc.
void publish_first(uint32_t record) {
  pollfd asked[kFirst];
  for (uint32_t n = 0; n < kFirst; ++n) asked[n] = {static_cast<int>(n), 0, 0};
  const bool all = sys::call(SYS_poll, asked, kFirst, 0) < 0; // the limit of open files is lower
  for (uint32_t n = 0; n < kFirst; ++n)
    if (all || !(asked[n].revents & POLLNVAL)) publish(record, n);
}

// exec would have closed them. Its body, which goes by what has been published before, may run already.
void close_at_exec_again(uint32_t record) {
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n)
    if (wire::moved(record).descriptors[n].load(std::memory_order_relaxed) & wire::kVfdClosesAtExec)
      sys::call(SYS_fcntl, n, F_SETFD, FD_CLOEXEC);
}

} // namespace

bool is_regular(uint64_t number) {
  return number < wire::kVfdCountMax && regular[number].load(std::memory_order_relaxed);
}

void publish_descriptors(uint32_t record) {
  if (wire::moved(record).departure.goes_on) return close_at_exec_again(record);
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n) wire::moved(record).descriptors[n].store(0, std::memory_order_relaxed);
  publish_first(record);
  const int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(8) char entries[4096];
  for (long bytes; (bytes = sys::call(SYS_getdents64, folder, entries, sizeof entries)) > 0;)
    for (long at = 0; at < bytes;) {
      const char* entry = entries + at;
      at += *reinterpret_cast<const unsigned short*>(entry + 16);
      uint64_t number = 0;
      for (const char* digit = entry + 19; *digit >= '0' && *digit <= '9'; ++digit)
        number = number * 10 + static_cast<uint64_t>(*digit - '0');
      if (number >= kFirst && number < wire::kVfdCountMax && !is_open(record, static_cast<uint32_t>(number)))
        publish(record, number);
    }
  if (folder >= 0 && folder < static_cast<int>(wire::kVfdCountMax)) wire::moved(record).descriptors[folder].store(0);
  close(folder);
}

void close_at_exec(uint32_t record) {
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n) {
    if (!is_open(record, n) || !(sys::call(SYS_fcntl, n, F_GETFD) & FD_CLOEXEC)) continue;
    close_number(record, n);
  }
}

long close_published(uint32_t record, const CallWords& call) {
  for (uint64_t n = call[1]; n <= std::min<uint64_t>(call[2], wire::kVfdCountMax - 1); ++n) {
    if (!is_open(record, static_cast<uint32_t>(n))) continue;
    if (call[3] & CLOSE_RANGE_CLOEXEC)
      sys::call(SYS_fcntl, n, F_SETFD, FD_CLOEXEC);
    else
      close_number(record, n);
  }
  return 0;
}

void copy_descriptors(uint32_t record, uint32_t child) {
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n)
    wire::moved(child).descriptors[n].store(wire::moved(record).descriptors[n].load(std::memory_order_relaxed));
}

long close_number(uint32_t record, uint64_t number) {
  if (number >= wire::kVfdCountMax) return sys::call(SYS_close, number);
  const bool is_given = wire::moved(record).descriptors[number].exchange(0) != 0;
  if (!is_given && !may_be_unplaced(number)) return -EBADF; // for the moment another call's, perhaps
  return sys::call(SYS_close, number);
}

long duplicate_number(uint32_t record, const CallWords& call) {
  const uint64_t to = call[2];
  const bool replaces = to >= wire::kVfdCountMax || is_open(record, static_cast<uint32_t>(to));
  const long result = replaces ? sys::call(SYS_dup3, call[1], to, call[3])
                               : place_copy(static_cast<long>(call[1]), static_cast<long>(to), call[3] & O_CLOEXEC);
  publish(record, to);
  return result;
}

long place_result(uint32_t record, const CallWords& call, long result) {
  const uint64_t chosen = call[7];
  if (chosen == 0 || sys::failed(result)) return result;
  if (chosen > wire::kUnplaced) return raise_number(result);
  const long number = static_cast<long>(chosen - 1);
  // Left behind by a fork between the two closes of another thread.
  if (result != number) (void)close_number(record, static_cast<uint64_t>(number));
  const long placed = place_number(result, number);
  if (!sys::failed(placed)) publish(record, static_cast<uint64_t>(placed));
  return placed;
}

} // namespace sp::spd
