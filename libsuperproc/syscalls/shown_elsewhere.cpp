// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/shown_elsewhere.hpp"

#include <fcntl.h>
#include <linux/memfd.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/find_moved.hpp"
#include "libsuperproc/syscalls/asker.hpp"
#include "vfd/body.hpp"
#include "vfd/call_scope.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr int kTextMax = 4096;
enum class Shown { nothing, stat, statm, status };
struct Asked {
  int32_t pid = 0;
  Shown what = Shown::nothing;
};

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}
bool starts_with(const char* text, const char* prefix) {
  while (*prefix && *text == *prefix) ++text, ++prefix;
  return !*prefix;
}

Asked read_path(const char* given, char (&path)[64]) {
  constexpr uint32_t kProcBytes = 6;
  Asked asked;
  if (!given || !vfd::read_program(path, given, kProcBytes) || !starts_with(path, "/proc/")) return asked;
  if (!vfd::read_text(path, given, sizeof path)) return asked;
  const char* at = path + kProcBytes;
  for (int digits = 0; *at >= '0' && *at <= '9' && digits < 9; ++digits) asked.pid = asked.pid * 10 + (*at++ - '0');
  if (equal(at, "/stat")) asked.what = Shown::stat;
  if (equal(at, "/statm")) asked.what = Shown::statm;
  if (equal(at, "/status")) asked.what = Shown::status;
  return asked;
}

// What home says. Its length, or -errno.
long read_at_home(const char* path, char (&text)[kTextMax]) {
  long bytes = 0;
  if (vfd::is_body()) {
    vfd::Transfer transfer;
    auto* const there = static_cast<char*>(transfer.take(kTextMax - 1));
    const long file = vfd::shadow_open(transfer.put_text(path), O_RDONLY | O_CLOEXEC, 0);
    if (sys::failed(file)) return file;
    bytes = vfd::shadow_call(SYS_read, file, there, kTextMax - 1);
    vfd::shadow_call(SYS_close, file);
    if (bytes > 0 && bytes < kTextMax) __builtin_memcpy(text, there, static_cast<uint64_t>(bytes));
  } else {
    const long file = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
    if (sys::failed(file)) return file;
    bytes = sys::call(SYS_read, file, text, kTextMax - 1);
    sys::call(SYS_close, file);
  }
  if (bytes <= 0 || bytes >= kTextMax) return -EIO;
  text[bytes] = 0;
  return bytes;
}

// ---- the text, with other figures ----

class Copy {
public:
  explicit Copy(const char* from) : from_(from) {}
  bool ends() const { return !*from_; }
  const char* rest() const { return from_; }
  const char* text() const { return text_; }
  long bytes() const { return length_; }

  void add(char c) {
    if (length_ < kTextMax) text_[length_++] = c;
  }
  void add(uint64_t number) {
    const Path digits = Path() << static_cast<long>(number);
    add(digits.text());
  }
  void add(const char* words) {
    while (*words) add(*words++);
  }
  void copy_to(char end) { // and with it
    while (!ends() && *from_ != end) add(*from_++);
    if (!ends()) add(*from_++);
  }
  uint64_t skip_number() {
    uint64_t number = 0;
    for (; *from_ >= '0' && *from_ <= '9'; ++from_) number = number * 10 + static_cast<uint64_t>(*from_ - '0');
    return number;
  }
  void skip_line() {
    while (!ends() && *from_++ != '\n') {
    }
  }
  void skip() { ++from_; }

private:
  const char* from_;
  char text_[kTextMax];
  long length_ = 0;
};

bool has_ended(char state) { return state == 'Z' || state == 'X' || state == 'T' || state == 't'; }

// proc_pid_stat(5): fields from the third on are separated by one space each, behind the last ')' of the name.
void fill_stat(Copy& copy, const wire::Figures& f) {
  const char* name_end = copy.rest();
  for (const char* at = copy.rest(); *at; ++at)
    if (*at == ')') name_end = at;
  while (copy.rest() < name_end) copy.add(*copy.rest()), copy.skip();
  copy.copy_to(' ');
  for (int field = 3; !copy.ends(); ++field) {
    switch (field) {
      case 3:
        if (!has_ended(*copy.rest())) copy.add(f.state), copy.skip();
        break;
      case 14: copy.add(copy.skip_number() + f.user_ticks); break;
      case 15: copy.add(copy.skip_number() + f.system_ticks); break;
      case 20: copy.skip_number(), copy.add(uint64_t{f.threads}); break;
      case 23: copy.skip_number(), copy.add(f.bytes); break;
      case 24: copy.skip_number(), copy.add(f.resident_pages); break;
      default: break;
    }
    copy.copy_to(' ');
  }
}

void fill_statm(Copy& copy, const wire::Figures& f) {
  constexpr uint64_t kPageBytes = 4096;
  copy.skip_number(), copy.add(f.bytes / kPageBytes), copy.copy_to(' ');
  copy.skip_number(), copy.add(f.resident_pages), copy.copy_to('\n');
}

void add_line(Copy& copy, const char* name, uint64_t number, const char* unit) {
  copy.add(name), copy.add(number), copy.add(unit), copy.skip_line();
}

void fill_status(Copy& copy, const wire::Figures& f) {
  constexpr uint64_t kPageKiB = 4;
  while (!copy.ends()) {
    if (starts_with(copy.rest(), "VmSize:"))
      add_line(copy, "VmSize:\t", f.bytes / 1024, " kB\n");
    else if (starts_with(copy.rest(), "VmRSS:"))
      add_line(copy, "VmRSS:\t", f.resident_pages * kPageKiB, " kB\n");
    else if (starts_with(copy.rest(), "Threads:"))
      add_line(copy, "Threads:\t", f.threads, "\n");
    else
      copy.copy_to('\n');
  }
}

long as_file(const Copy& copy, uint64_t flags) {
  const long memory = sys::call(SYS_memfd_create, "proc", flags & O_CLOEXEC ? MFD_CLOEXEC : 0);
  if (sys::failed(memory)) return memory;
  sys::call(SYS_pwrite64, memory, copy.text(), copy.bytes(), 0);
  return memory;
}

[[gnu::noinline]] std::optional<long> open_copy(const Asked& asked, const char* path, uint64_t flags) {
  char text[kTextMax];
  const std::optional<wire::Figures> figures = figures_of(asked.pid);
  if (!figures || sys::failed(read_at_home(path, text))) return std::nullopt;
  Copy copy(text);
  switch (asked.what) {
    case Shown::stat: fill_stat(copy, *figures); break;
    case Shown::statm: fill_statm(copy, *figures); break;
    default: fill_status(copy, *figures); break;
  }
  const long file = as_file(copy, flags);
  return sys::failed(file) ? std::nullopt : std::optional(file);
}

} // namespace

std::optional<long> open_about_moved(const Call& call) {
  const int at = call.number() == SYS_open ? 0 : 1;
  const uint64_t flags = call.arg(at + 1);
  char path[64] = {};
  if ((flags & O_ACCMODE) != O_RDONLY || flags & (O_PATH | O_DIRECTORY)) return std::nullopt;
  const Asked asked = read_path(call.pointer<const char>(at), path);
  if (asked.what == Shown::nothing || asked.pid == sys::call(SYS_getpid)) return std::nullopt;
  return find_moved(asked.pid, vfd::membership.node) ? open_copy(asked, path, flags) : std::nullopt;
}

} // namespace sp
