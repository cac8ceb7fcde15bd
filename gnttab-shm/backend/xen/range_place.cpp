// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/range_place.hpp"

#include <algorithm>
#include <cpuid.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "libsuperproc/base/sys.hpp"

namespace sp::xen {

namespace {

constexpr uint64_t kMagic = 0x3145474e41525053; // "SPRANGE1"
constexpr const char* kFolder = "/dev/shm/";
constexpr uint16_t kAllRights = XEN_ADDRESS_RANGE_READ | XEN_ADDRESS_RANGE_WRITE;

std::string prefix() { return "superproc-range." + std::to_string(getuid()) + "."; }

std::string path_of(uint32_t owner, uint32_t id) {
  return kFolder + prefix() + std::to_string(owner) + "." + std::to_string(id);
}

uint64_t unit_up(uint64_t bytes) { return (bytes + kUnitBytes - 1) / kUnitBytes * kUnitBytes; }

Result<Descriptor> open_file(const std::string& path, int flags) {
  TRY(const long opened,
      from_raw(sys::call(SYS_openat, AT_FDCWD, path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600)));
  Descriptor file(static_cast<int>(opened));
  struct stat status {};
  if (fstat(file.get(), &status) || status.st_uid != getuid() || !S_ISREG(status.st_mode)) return fail(EPROTO);
  return file;
}

// The folder's lock; its file holds the next hole's address.
class Folder {
public:
  static Result<Folder> lock() {
    auto file = open_file(kFolder + prefix() + "lock", O_CREAT);
    if (!file) return fail(file.error().value);
    TRY_VOID(from_raw(sys::call(SYS_flock, file->get(), LOCK_EX)));
    return Folder(std::move(*file));
  }
  // A place in the upper half of the physical space that nothing had before.
  Result<uint64_t> take_hole(uint64_t bytes) const {
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (!__get_cpuid(0x80000008, &a, &b, &c, &d)) return fail(ENOTSUP);
    const uint64_t end = 1ull << (a & 0xff), middle = end / 2;
    uint64_t next = 0;
    if (pread(file_.get(), &next, sizeof next, 0) != sizeof next || next < middle || next % kUnitBytes) next = middle;
    if (bytes > end - next) return fail(ENOSPC);
    const uint64_t after = next + bytes;
    if (pwrite(file_.get(), &after, sizeof after, 0) != sizeof after) return fail(ENOSPC);
    return next;
  }

private:
  explicit Folder(Descriptor file) : file_(std::move(file)) {}
  Descriptor file_;
};

Result<PlacedRange> read_record(const std::string& path) {
  auto file = open_file(path, 0);
  if (!file) return fail(file.error().value);
  RangeRecord record;
  if (pread(file->get(), &record, sizeof record, 0) != sizeof record || record.magic != kMagic) return fail(EPROTO);
  return PlacedRange{std::move(*file), record};
}

Result<PlacedRange> write_record(const RangeRecord& record) {
  const std::string path = path_of(record.owner, record.id);
  unlink(path.c_str()); // of an earlier life of this domain
  auto file = open_file(path, O_CREAT | O_EXCL);
  if (!file) return fail(file.error().value);
  if (pwrite(file->get(), &record, sizeof record, 0) != sizeof record || flock(file->get(), LOCK_SH | LOCK_NB) != 0) {
    unlink(path.c_str());
    return fail(ENOSPC);
  }
  return PlacedRange{std::move(*file), record};
}

std::vector<std::string> record_paths() {
  std::vector<std::string> paths;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kFolder, ignored)) {
    const std::string name = entry.path().filename();
    if (name.starts_with(prefix()) && !name.ends_with("lock")) paths.push_back(entry.path());
  }
  return paths;
}

// Under the folder's lock. True: it is gone.
bool take_away(DomainId self, const RangeRecord& record) {
  const RangeName name{{static_cast<int32_t>(record.owner)}, {record.id}};
  if (name.owner.value != self.value) {
    const auto unmapped = RangeCall::unmap(name, record.address, record.unit_bytes);
    return unmapped || unmapped.error().value == ENOENT;
  }
  const auto released = RangeCall::release(name.id);
  return released || released.error().value == ENOENT;
}

void sweep_locked(DomainId self) {
  for (const std::string& path : record_paths()) {
    const auto found = read_record(path);
    if (!found) {
      if (found.error().value == EPROTO) unlink(path.c_str());
      continue;
    }
    if (flock(found->use.get(), LOCK_EX | LOCK_NB) == 0 && take_away(self, found->record)) unlink(path.c_str());
  }
}

// The first gap between this domain's own ranges.
Result<uint64_t> take_own(DomainId self, uint64_t bytes) {
  const auto reserved = RangePlace::reserved();
  if (!reserved) return fail(ENOSPC);
  std::vector<RangeRecord> own;
  for (const std::string& path : record_paths())
    if (const auto found = read_record(path); found && found->record.owner == static_cast<uint32_t>(self.value))
      own.push_back(found->record);
  std::sort(own.begin(), own.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  uint64_t start = reserved->start;
  for (const RangeRecord& record : own) {
    if (record.address >= start && record.address - start >= bytes) break;
    start = std::max(start, record.address + record.unit_bytes);
  }
  if (start > reserved->start + reserved->bytes || bytes > reserved->start + reserved->bytes - start)
    return fail(ENOSPC);
  return start;
}

// What lay there before is another segment's.
Result<void> clear(uint64_t address, uint64_t bytes) {
  const auto memory = open_device("/dev/mem");
  if (!memory) return fail(memory.error().value);
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory->get(), static_cast<off_t>(address));
  if (mapped == MAP_FAILED) return fail(errno);
  std::memset(mapped, 0, bytes);
  munmap(mapped, bytes);
  return {};
}

} // namespace

std::optional<RangePlace::Reserved> RangePlace::reserved() {
  char line[4096] = "";
  if (FILE* file = std::fopen("/proc/cmdline", "re")) {
    if (!std::fgets(line, sizeof line, file)) line[0] = 0;
    std::fclose(file);
  }
  char* rest = nullptr;
  for (const char* word = strtok_r(line, " \n", &rest); word; word = strtok_r(nullptr, " \n", &rest)) {
    if (std::strncmp(word, "memmap=", 7) != 0) continue;
    char* end = nullptr;
    const auto number = [&end](const char* text) {
      const uint64_t value = std::strtoull(text, &end, 0);
      const int shift = *end == 'G' ? 30 : *end == 'M' ? 20 : *end == 'K' ? 10 : 0;
      if (shift) ++end;
      return value << shift;
    };
    const uint64_t bytes = number(word + 7);
    if (*end != '$') continue;
    const uint64_t start = number(end + 1), first = unit_up(start);
    const uint64_t last = (start + bytes) / kUnitBytes * kUnitBytes;
    if (*end == 0 && last > first) return Reserved{first, last - first};
  }
  return std::nullopt;
}

void RangePlace::sweep(DomainId self) {
  if (const auto folder = Folder::lock()) sweep_locked(self);
}

Result<PlacedRange> RangePlace::create(DomainId self, uint64_t bytes, std::span<const xen_address_range_peer> peers) {
  const auto folder = Folder::lock();
  if (!folder) return fail(folder.error().value);
  sweep_locked(self);
  RangeRecord record{.magic = kMagic, .bytes = bytes, .unit_bytes = unit_up(bytes)};
  record.owner = static_cast<uint32_t>(self.value);
  record.rights = kAllRights;
  TRY(record.address, take_own(self, record.unit_bytes));
  TRY_VOID(clear(record.address, record.unit_bytes));
  TRY(const RangeId id, RangeCall::create(record.address, record.unit_bytes, peers));
  record.id = id.value;
  auto placed = write_record(record);
  if (!placed) (void)RangeCall::release(id);
  return placed;
}

Result<PlacedRange> RangePlace::open(DomainId self, RangeName name) {
  const auto folder = Folder::lock();
  if (!folder) return fail(folder.error().value);
  sweep_locked(self);
  const auto owner = static_cast<uint32_t>(name.owner.value);
  TRY(const RangeState state, RangeCall::query(name));
  if (auto found = read_record(path_of(owner, name.id.value))) {
    if (found->record.closed) return fail(ENOENT);
    if (flock(found->use.get(), LOCK_SH | LOCK_NB) != 0) return fail(EBUSY);
    return found;
  }
  if (name.owner.value == self.value) return fail(ENOENT);
  RangeRecord record{.magic = kMagic, .bytes = state.bytes, .unit_bytes = state.bytes};
  record.owner = owner;
  record.id = name.id.value;
  record.rights = state.rights;
  TRY(record.address, folder->take_hole(record.unit_bytes));
  TRY_VOID(RangeCall::map(name, record.address, record.unit_bytes, state.rights));
  auto placed = write_record(record);
  if (!placed) (void)RangeCall::unmap(name, record.address, record.unit_bytes);
  return placed;
}

void RangePlace::end(int record_file, const RangeRecord& record) {
  RangeRecord closed = record;
  closed.closed = 1;
  (void)pwrite(record_file, &closed, sizeof closed, 0);
  (void)RangeCall::release({closed.id}); // who has it mapped keeps it; the sweep looks again
}

} // namespace sp::xen
