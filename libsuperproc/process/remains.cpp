// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/remains.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/control_tables.hpp"

namespace sp {

namespace {

constexpr uint64_t kText = wire::kNodeScratch, kTextBytes = wire::kMegabyte;

uint8_t kind_of(uint64_t number) {
  struct stat about {};
  if (sys::failed(sys::call(SYS_fstat, number, &about))) return 0;
  const bool closes = sys::call(SYS_fcntl, number, F_GETFD) & FD_CLOEXEC;
  return static_cast<uint8_t>(wire::kVfdOpen | (closes ? wire::kVfdClosesAtExec : 0) | about.st_mode >> 12);
}

// "." and ".." are no numbers.
uint64_t number_of(const char* name) {
  if (*name < '0' || *name > '9') return wire::kVfdCountMax;
  uint64_t number = 0;
  for (; *name >= '0' && *name <= '9'; ++name) number = number * 10 + static_cast<uint64_t>(*name - '0');
  return number;
}

} // namespace

void publish_descriptors(uint32_t record) {
  auto& kinds = wire::moved(record).descriptors;
  for (auto& kind : kinds) kind.store(0, std::memory_order_relaxed);
  const long folder = sys::call(SYS_openat, AT_FDCWD, "/proc/self/fd", O_RDONLY | O_DIRECTORY, 0);
  for (long bytes; (bytes = sys::call(SYS_getdents64, folder, kText, kTextBytes)) > 0;)
    for (long at = 0; at < bytes;) {
      const char* const entry = reinterpret_cast<const char*>(kText) + at;
      at += *reinterpret_cast<const unsigned short*>(entry + 16);
      const uint64_t number = number_of(entry + 19);
      if (number < wire::kVfdCountMax && number != static_cast<uint64_t>(folder)) kinds[number].store(kind_of(number));
    }
  sys::call(SYS_close, folder);
}

void keep_descriptors(uint32_t record) {
  const auto& kinds = wire::moved(record).descriptors;
  for (uint32_t n = 0; n < wire::kVfdCountMax; ++n)
    if (kinds[n].load(std::memory_order_relaxed) & wire::kVfdClosesAtExec) sys::call(SYS_fcntl, n, F_SETFD, 0);
}

const char* const* own_arguments() {
  constexpr uint32_t kCountMax = 256;
  static const char* arguments[kCountMax + 1];
  const long file = sys::call(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
  const long bytes = sys::call(SYS_read, file, kText, kTextBytes - 1);
  sys::call(SYS_close, file);
  const char* const text = reinterpret_cast<const char*>(kText);
  uint32_t count = 0;
  for (long at = 0; at < bytes && count < kCountMax; ++at) {
    arguments[count++] = text + at;
    while (at < bytes && text[at]) ++at;
  }
  arguments[count] = nullptr;
  return arguments;
}

} // namespace sp
