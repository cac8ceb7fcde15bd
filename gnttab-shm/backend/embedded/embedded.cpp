// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/embedded/embedded.hpp"

#include <fcntl.h>
#include <linux/memfd.h>
#include <sys/stat.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"

namespace sp {

static_assert(Backend<EmbeddedBackend>);

static constexpr int kSeals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
static constexpr uint64_t kSegmentBytesMax = 1ull << 46; // the address space is the bound: pages cost at first touch

Capabilities EmbeddedBackend::capabilities() const {
  if (isolation_ == Isolation::isolated) return {};
  return Capabilities::of(Capability::shared_descriptor_table, Capability::shared_pids, Capability::kernel_futex,
                          Capability::descriptor_passing, Capability::range_mapping);
}

static Result<void> size_and_seal(long descriptor, uint64_t bytes) {
  TRY_VOID(from_raw(sys::call(SYS_fchmod, descriptor, 0600)));
  TRY_VOID(from_raw(sys::call(SYS_ftruncate, descriptor, bytes)));
  TRY_VOID(from_raw(sys::call(SYS_fcntl, descriptor, F_ADD_SEALS, kSeals)));
  return {};
}

Result<Segment> EmbeddedBackend::create(const char* label, uint64_t bytes) {
  if (bytes == 0 || bytes > kSegmentBytesMax) return fail(EINVAL);
  bytes = wire::page_up(bytes);
  TRY(const long descriptor, from_raw(sys::call(SYS_memfd_create, label, MFD_CLOEXEC | MFD_ALLOW_SEALING)));
  if (auto made = size_and_seal(descriptor, bytes); !made) {
    sys::call(SYS_close, descriptor);
    return fail(made.error().value);
  }
  return Segment{{static_cast<int32_t>(descriptor)}, bytes};
}

// "/proc/PID/fd/N", without a library.
static void write_path(char* out, HostPid pid, SegmentId id) {
  auto text = [&](const char* t) {
    while (*t) *out++ = *t++;
  };
  auto number = [&](uint32_t n) {
    char digits[10];
    int count = 0;
    do digits[count++] = static_cast<char>('0' + n % 10);
    while (n /= 10);
    while (count) *out++ = digits[--count];
  };
  text("/proc/");
  number(static_cast<uint32_t>(pid.value));
  text("/fd/");
  number(static_cast<uint32_t>(id.value));
  *out = 0;
}

// What was opened must be a segment: a file of that owner whose size can no longer change.
static Result<Segment> checked(long descriptor) {
  struct stat status {};
  TRY_VOID(from_raw(sys::call(SYS_fstat, descriptor, &status)));
  TRY(const long seals, from_raw(sys::call(SYS_fcntl, descriptor, F_GET_SEALS)));
  if ((seals & kSeals) != kSeals || !S_ISREG(status.st_mode) || status.st_size <= 0) return fail(EPROTO);
  return Segment{{static_cast<int32_t>(descriptor)}, static_cast<uint64_t>(status.st_size)};
}

Result<Segment> EmbeddedBackend::open(SegmentName name) {
  if (name.owner.value <= 0 || name.id.value < 0) return fail(EINVAL);
  char path[40];
  write_path(path, name.owner, name.id);
  TRY(const long descriptor, from_raw(sys::call(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC | O_NONBLOCK, 0)));
  auto segment = checked(descriptor);
  if (!segment) {
    sys::call(SYS_close, descriptor);
    return fail(EPROTO);
  }
  return segment;
}

Result<SegmentName> EmbeddedBackend::name(Segment segment) const {
  if (segment.id.value < 0) return fail(EBADF);
  return SegmentName{{static_cast<int32_t>(sys::call(SYS_getpid))}, segment.id};
}

Result<void> EmbeddedBackend::discard(Segment segment, uint64_t offset, uint64_t bytes) {
  if (offset > segment.bytes || bytes > segment.bytes - offset) return fail(EINVAL);
  constexpr int kPunchHoleKeepSize = 3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
  TRY_VOID(from_raw(sys::call(SYS_fallocate, segment.id.value, kPunchHoleKeepSize, offset, bytes)));
  return {};
}

Result<void> EmbeddedBackend::close(Segment segment) {
  if (segment.id.value < 0) return fail(EBADF);
  TRY_VOID(from_raw(sys::call(SYS_close, segment.id.value)));
  return {};
}

} // namespace sp
