// SPDX-License-Identifier: Apache-2.0
#include "spd/shadow_descriptors.hpp"

#include <algorithm>
#include <atomic>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "libsuperproc/wire/cluster.hpp"

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

// From the highest number that can be in use down, which costs less than reading /proc.
void publish_descriptors(uint32_t record) {
  if (wire::moved(record).departure.goes_on) return close_at_exec_again(record);
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n) {
    wire::moved(record).descriptors[n].store(0, std::memory_order_relaxed);
    if (n < 256) publish(record, n);
  }
  const int folder = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  alignas(8) char entries[4096];
  for (long bytes; (bytes = sys::call(SYS_getdents64, folder, entries, sizeof entries)) > 0;)
    for (long at = 0; at < bytes;) {
      const char* entry = entries + at;
      at += *reinterpret_cast<const unsigned short*>(entry + 16);
      uint64_t number = 0;
      for (const char* digit = entry + 19; *digit >= '0' && *digit <= '9'; ++digit)
        number = number * 10 + static_cast<uint64_t>(*digit - '0');
      if (number >= 256 && number < wire::kVfdCountMax && !is_open(record, static_cast<uint32_t>(number)))
        publish(record, number);
    }
  if (folder >= 0 && folder < static_cast<int>(wire::kVfdCountMax)) wire::moved(record).descriptors[folder].store(0);
  close(folder);
}

void close_at_exec(uint32_t record) {
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n) {
    if (!is_open(record, n) || !(sys::call(SYS_fcntl, n, F_GETFD) & FD_CLOEXEC)) continue;
    sys::call(SYS_close, n);
    publish(record, n);
  }
}

long close_published(uint32_t record, const CallWords& call) {
  for (uint64_t n = call[1]; n <= std::min<uint64_t>(call[2], wire::kVfdCountMax - 1); ++n) {
    if (!is_open(record, static_cast<uint32_t>(n))) continue;
    if (call[3] & CLOSE_RANGE_CLOEXEC)
      sys::call(SYS_fcntl, n, F_SETFD, FD_CLOEXEC);
    else
      sys::call(SYS_close, n), publish(record, n);
  }
  return 0;
}

long note_descriptors(uint32_t record, const CallWords& call, long result) {
  if (call[0] == SYS_close) publish(record, call[1]);
  if (call[0] == SYS_dup3 || call[0] == SYS_dup2) publish(record, call[2]);
  const uint64_t chosen = call[7];
  if (chosen == 0 || sys::failed(result)) return result;
  const auto number = static_cast<long>(chosen - 1);
  if (result != number) {
    const long flags = sys::call(SYS_fcntl, result, F_GETFD);
    sys::call(SYS_dup3, result, number, flags & FD_CLOEXEC ? O_CLOEXEC : 0);
    sys::call(SYS_close, result);
  }
  publish(record, static_cast<uint64_t>(number));
  return number;
}

} // namespace sp::spd
