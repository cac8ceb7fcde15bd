// SPDX-License-Identifier: Apache-2.0
// Rebuilds an address space from its description (wire/image.hpp). Freestanding, at an address of its own, because it
// takes away everything else first; what fails ends the process with the errno as its status.
#include <asm/prctl.h>
#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "spd/restorer/check.hpp"
#include "spd/restorer/request.hpp"

extern "C" [[noreturn]] void enter(uint64_t entry, uint64_t stack, uint64_t first, uint64_t second);

namespace sp::spd {

namespace {

using wire::Image, wire::ImageRange, wire::ImageRun, wire::RangeKind;

long or_end(long result) {
  while (sys::failed(result)) sys::call(SYS_exit_group, -result);
  return result;
}

long map(uint64_t at, uint64_t bytes, int protection, int flags, long file, uint64_t offset) {
  return or_end(sys::call(SYS_mmap, at, bytes, protection, flags | MAP_FIXED | MAP_NORESERVE, file, offset));
}

// ---- files that are open meanwhile ----

class Sources {
public:
  Sources() {
    for (long& file : files_) file = -1;
  }
  long operator[](uint32_t source) {
    long& file = files_[source - wire::kKeeperSegment];
    if (file >= 0) return file;
    Path name;
    name << "/proc/" << wire::kKeeperPid << "/fd/" << source;
    return file = or_end(sys::call(SYS_openat, AT_FDCWD, name.text(), O_RDWR, 0));
  }

private:
  long files_[1 + kNodeCountMax];
};

void read_all(long file, uint64_t at, uint64_t bytes, uint64_t offset) {
  while (bytes) {
    const auto got = static_cast<uint64_t>(or_end(sys::call(SYS_pread64, file, at, bytes, offset)));
    if (got == 0) or_end(-EIO);
    at += got, offset += got, bytes -= got;
  }
}

// ---- the description ----

Image& read_image(long file, uint64_t offset) {
  auto& image = *reinterpret_cast<Image*>(wire::kRestorerImage);
  map(wire::kRestorerImage, wire::kImageBytesMax, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  read_all(file, wire::kRestorerImage, sizeof image, offset);
  const uint64_t bytes = image.bytes;
  if (bytes < sizeof image || bytes > wire::kImageBytesMax) or_end(-EBADMSG);
  read_all(file, wire::kRestorerImage, bytes, offset); // once more as a whole: it is judged as it is now
  or_end(check_image(image, bytes));
  return image;
}

// ---- what was there before ----

constexpr uint64_t kPlaceBytes = 64 << 10;
uint64_t place_of(uint64_t mapping) { return wire::kRestorerParked + mapping * kPlaceBytes; }

void park_kernel_mappings(const RestoreRequest& request) {
  for (uint32_t i = 0; i < wire::kKernelMappingCount; ++i) {
    const auto& m = request.kernel_mappings[i];
    if (m.bytes == 0 || m.bytes > kPlaceBytes) continue;
    or_end(sys::call(SYS_mremap, m.start, m.bytes, m.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, place_of(i)));
  }
}

void take_away_the_rest() {
  constexpr uint64_t kEnd = wire::kRestorerBase + wire::kRestorerBytes;
  or_end(sys::call(SYS_munmap, 0, wire::kRestorerBase));
  or_end(sys::call(SYS_munmap, kEnd, wire::kUserEnd - kEnd));
}

// ---- ranges ----

long open_file(const Image& image, const ImageRange& r) {
  const char* const path = wire::texts_of(const_cast<Image&>(image)) + r.path;
  long file = sys::call(SYS_openat, AT_FDCWD, path, r.is_shared ? O_RDWR : O_RDONLY, 0);
  if (sys::failed(file) && !(r.protection & PROT_WRITE)) file = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
  or_end(file);
  struct stat about {};
  or_end(sys::call(SYS_fstat, file, &about));
  if (about.st_dev != r.device || about.st_ino != r.inode) or_end(-ESTALE);
  return file;
}

// A library's ranges lie one behind the other: its file stays open until the next one's turn.
class ProgramFile {
public:
  long of(const Image& image, const ImageRange& r) {
    const bool is_same = r_ && r_->path == r.path && r_->device == r.device && r_->inode == r.inode;
    if (is_same && !r.is_shared && !r_->is_shared) return file_;
    if (r_) sys::call(SYS_close, file_);
    r_ = &r;
    return file_ = open_file(image, r);
  }

private:
  const ImageRange* r_ = nullptr;
  long file_ = -1;
};

void map_range(const Image& image, const ImageRange& r, int protection, const RestoreRequest& request,
               Sources& sources, ProgramFile& file) {
  const int kind = r.is_shared ? MAP_SHARED : MAP_PRIVATE;
  switch (r.kind) {
    case RangeKind::segment: map(r.start, r.bytes, protection, kind, sources[r.source], r.offset); return;
    case RangeKind::file: map(r.start, r.bytes, protection, kind, file.of(image, r), r.offset); return;
    case RangeKind::kernel:
      if (r.bytes != request.kernel_mappings[r.offset].bytes) or_end(-ENOEXEC); // another kernel's
      or_end(sys::call(SYS_mremap, place_of(r.offset), r.bytes, r.bytes, MREMAP_MAYMOVE | MREMAP_FIXED, r.start));
      return;
    default:
      map(r.start, r.bytes, protection, kind | MAP_ANONYMOUS | (r.grows_down ? MAP_GROWSDOWN | MAP_STACK : 0), -1, 0);
  }
}

void put_in(const ImageRun& run, int protection, Sources& sources) {
  constexpr int kPopulateWrite = 23; // MADV_POPULATE_WRITE since Linux 5.14: sooner than a fault for each page
  if (run.kind == wire::RunKind::mapped)
    return void(map(run.start, run.bytes, protection, MAP_PRIVATE, sources[run.source], run.offset));
  if (run.bytes > wire::kPageBytes) sys::call(SYS_madvise, run.start, run.bytes, kPopulateWrite);
  read_all(sources[run.source], run.start, run.bytes, run.offset);
}

void rebuild(Image& image, const RestoreRequest& request, Sources& sources) {
  ProgramFile file;
  const ImageRun* run = wire::runs_of(image);
  const ImageRun* const last = run + image.run_count;
  for (const ImageRange* r = wire::ranges_of(image); r != wire::ranges_of(image) + image.range_count; ++r) {
    const bool is_filled = run != last && run->start < r->start + r->bytes;
    const int meanwhile = is_filled ? PROT_READ | PROT_WRITE : r->protection;
    map_range(image, *r, meanwhile, request, sources, file);
    if (is_filled && r->kind == RangeKind::kernel) or_end(sys::call(SYS_mprotect, r->start, r->bytes, meanwhile));
    for (; run != last && run->start < r->start + r->bytes; ++run) put_in(*run, meanwhile, sources);
    if (is_filled && r->protection != meanwhile) or_end(sys::call(SYS_mprotect, r->start, r->bytes, r->protection));
  }
}

// ---- the process ----

void set_layout(Image& image) {
  const wire::ProgramLayout& l = image.layout;
  prctl_mm_map m{};
  m.start_code = l.start_code, m.end_code = l.end_code, m.start_data = l.start_data, m.end_data = l.end_data;
  m.start_brk = l.start_break, m.brk = l.end_break, m.start_stack = l.start_stack;
  m.arg_start = l.argument_start, m.arg_end = l.argument_end;
  m.env_start = l.environment_start, m.env_end = l.environment_end;
  m.auxv = reinterpret_cast<__u64*>(image.auxiliary);
  m.auxv_size = image.auxiliary_words * sizeof image.auxiliary[0];
  const long program =
      sys::call(SYS_openat, AT_FDCWD, wire::texts_of(image) + image.program_file, O_RDONLY | O_CLOEXEC, 0);
  m.exe_fd = sys::failed(program) ? -1u : static_cast<unsigned>(program);
  if (!sys::failed(sys::call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &m, sizeof m, 0))) return;
  m.exe_fd = -1u; // who may not say so is shown as spd in /proc/PID/exe
  or_end(sys::call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, &m, sizeof m, 0));
}

void drop_privileges() {
  sys::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2]{};
  sys::call(SYS_capset, &header, none);
}

} // namespace

extern "C" [[noreturn]] void restore(const RestoreRequest* given) {
  const RestoreRequest request = *given;
  Sources sources;
  if (request.source < wire::kKeeperSegment || request.source >= wire::kKeeperPools + kNodeCountMax) or_end(-EINVAL);
  Image& image = read_image(sources[request.source], request.offset);
  park_kernel_mappings(request);
  take_away_the_rest();
  rebuild(image, request, sources);
  set_layout(image);
  if (request.drops_privileges) drop_privileges();
  or_end(sys::call(SYS_close_range, 0, ~0u, 0));
  enter(image.entry, image.stack, image.arguments[0], image.arguments[1]);
}

} // namespace sp::spd
