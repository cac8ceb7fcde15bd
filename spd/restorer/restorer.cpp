// SPDX-License-Identifier: Apache-2.0
// Rebuilds an address space from its description (wire/image.hpp). Freestanding, at an address of its own, because it
// takes away everything else first; what fails ends the process with the errno as its status.
#include <asm/prctl.h>
#include <atomic>
#include <cerrno>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/prctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "gnttab-shm/wait_policy.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/wire/cluster.hpp"
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

void take_away(uint64_t start, uint64_t end) {
  if (start < end) or_end(sys::call(SYS_munmap, start, end - start));
}

// All but the restorer and, for a while, this.
void take_away_the_rest(uint64_t start, uint64_t end) {
  take_away(0, wire::kRestorerBase);
  take_away(wire::kRestorerBase + wire::kRestorerBytes, start);
  take_away(end, wire::kUserEnd);
}

// ---- what it is to become ----

void sleep_on(const std::atomic<uint32_t>& word, uint32_t seen, bool has_boards) {
  constexpr int64_t kLookAgainNs = 20'000'000; // who writes may die
  constexpr timespec kShort{0, 200'000};
  if (has_boards) // whose sleepers are counted by those who have one
    sys::call(SYS_nanosleep, &kShort, nullptr);
  else
    sys::futex_wait(reinterpret_cast<const volatile uint32_t*>(&word), seen, kLookAgainNs);
}

// Until who leaves has written it, or has given up, or is gone.
void await_description(RestoreRequest& request, const wire::Moved& m, bool has_boards) {
  constexpr auto kOnItsWay = static_cast<uint32_t>(wire::Arrival::on_its_way);
  constexpr auto kGivenUp = static_cast<uint32_t>(wire::Arrival::given_up);
  WaitPolicy policy;
  policy.spin_cycles *= 4; // it is written in less than that
  Patience patience(policy, wire::kCpuUnknown);
  while (m.arrival.load() == kOnItsWay) {
    if (m.state.load() != wire::MovedState::claimed || m.use.load() != request.use) or_end(-ESRCH);
    if (patience.pass() == Patience::Next::sleep) sleep_on(m.arrival, kOnItsWay, has_boards);
  }
  if (m.arrival.load() >= kGivenUp) or_end(-ECANCELED);
  request.source = m.departure.source, request.offset = m.departure.description;
}

// Leaves the restorer alone in its memory, which knows where the description is.
void begin_alone(RestoreRequest& request) {
  if (request.record == RestoreRequest::kDescribed) return take_away_the_rest(wire::kUserEnd, wire::kUserEnd);
  const wire::Moved& m = wire::moved(request.record % wire::kMovedCountMax);
  const auto start = reinterpret_cast<uint64_t>(&m), end = start + sizeof m;
  const bool has_boards = wire::cluster().has_boards;
  take_away_the_rest(start, end);
  await_description(request, m, has_boards);
  take_away(start, end);
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

// Runs whose pages lie one behind the other, read by one call.
class Contents {
public:
  explicit Contents(Sources& sources) : sources_(sources) {}
  void put_in(const ImageRun& run) {
    if (count_ == kCountMax || (count_ && (run.source != source_ || run.offset != offset_ + bytes_))) read();
    if (count_ == 0) source_ = run.source, offset_ = run.offset;
    parts_[count_++] = {reinterpret_cast<void*>(run.start), run.bytes};
    bytes_ += run.bytes;
  }
  void read() {
    iovec* part = parts_;
    while (bytes_) {
      const auto got = static_cast<uint64_t>(
          or_end(sys::call(SYS_preadv, sources_[source_], part, parts_ + count_ - part, offset_, 0)));
      if (got == 0) or_end(-EIO);
      bytes_ -= got, offset_ += got;
      uint64_t left = got;
      for (; left && left >= part->iov_len; ++part) left -= part->iov_len;
      if (left) part->iov_base = static_cast<char*>(part->iov_base) + left, part->iov_len -= left;
    }
    count_ = 0;
  }

private:
  static constexpr int kCountMax = 256;
  Sources& sources_;
  uint32_t source_ = 0;
  int count_ = 0;
  uint64_t offset_ = 0, bytes_ = 0;
  iovec parts_[kCountMax];
};

constexpr int kMeanwhile = PROT_READ | PROT_WRITE; // of what is filled

// filled(range): is there a run in it?
template <class Function>
void for_ranges(Image& image, Function range) {
  const ImageRun* run = wire::runs_of(image);
  const ImageRun* const last = run + image.run_count;
  for (const ImageRange* r = wire::ranges_of(image); r != wire::ranges_of(image) + image.range_count; ++r) {
    const ImageRun* const first = run;
    while (run != last && run->start < r->start + r->bytes) ++run;
    range(*r, first, run);
  }
}

void rebuild(Image& image, const RestoreRequest& request, Sources& sources) {
  ProgramFile file;
  Contents contents(sources);
  for_ranges(image, [&](const ImageRange& r, const ImageRun* first, const ImageRun* end) {
    const bool is_filled = first != end;
    map_range(image, r, is_filled ? kMeanwhile : r.protection, request, sources, file);
    if (is_filled && r.kind == RangeKind::kernel) or_end(sys::call(SYS_mprotect, r.start, r.bytes, kMeanwhile));
    for (const ImageRun* run = first; run != end; ++run)
      if (run->kind == wire::RunKind::copied)
        contents.put_in(*run);
      else
        map(run->start, run->bytes, kMeanwhile, MAP_PRIVATE, sources[run->source], run->offset);
  });
  contents.read();
  for_ranges(image, [&](const ImageRange& r, const ImageRun* first, const ImageRun* end) {
    if (first != end && r.protection != kMeanwhile) or_end(sys::call(SYS_mprotect, r.start, r.bytes, r.protection));
  });
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
  RestoreRequest request = *given;
  park_kernel_mappings(request);
  begin_alone(request);
  Sources sources;
  if (request.source < wire::kKeeperSegment || request.source >= wire::kKeeperPools + kNodeCountMax) or_end(-EINVAL);
  Image& image = read_image(sources[request.source], request.offset);
  rebuild(image, request, sources);
  set_layout(image);
  if (request.drops_privileges) drop_privileges();
  or_end(sys::call(SYS_close_range, 0, ~0u, 0));
  enter(image.entry, image.stack, image.arguments[0], image.arguments[1]);
}

} // namespace sp::spd
