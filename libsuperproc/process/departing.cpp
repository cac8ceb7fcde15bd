// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/process/departing.hpp"

#include <cerrno>
#include <csignal>
#include <elf.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/process/haste.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "libsuperproc/wire/version_note.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint32_t kScriptDepthMax = 4;

// A static program that is linked with the shim of this version. Notes lie behind the headers.
bool holds_version(const char (&head)[4096], const Elf64_Phdr& notes) {
  constexpr wire::VersionNote kOurs{};
  for (uint64_t at = notes.p_offset;
       at + sizeof kOurs <= sizeof head && at + sizeof kOurs <= notes.p_offset + notes.p_filesz; at += 4)
    if (__builtin_memcmp(head + at, &kOurs, sizeof kOurs) == 0) return true;
  return false;
}

using Head = char[4096];

// Its first bytes; -errno.
long look_here(const char* path, struct stat& about, Head& head) {
  const long file = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (sys::failed(file)) return file;
  sys::call(SYS_fstat, file, &about);
  const long bytes = sys::call(SYS_pread64, file, head, sizeof head - 1, 0);
  sys::call(SYS_close, file);
  return bytes;
}

long look_at_home(const char* path, struct stat& about, Head& head) {
  vfd::Transfer transfer;
  auto* const there = static_cast<struct stat*>(transfer.take(sizeof about));
  void* const bytes_there = transfer.take(sizeof head);
  const long file = vfd::shadow_open(transfer.put_text(path), O_RDONLY | O_CLOEXEC, 0);
  if (sys::failed(file)) return file;
  vfd::shadow_call(SYS_fstat, file, there);
  const long bytes = vfd::shadow_call(SYS_pread64, file, bytes_there, sizeof head - 1, 0);
  vfd::shadow_call(SYS_close, file);
  about = *there;
  __builtin_memcpy(head, bytes_there, sizeof head - 1);
  return bytes;
}

bool is_below_proc(const char* path) { // it leads to what this process has already
  for (const char* proc = "/proc/"; *proc; ++proc, ++path)
    if (*path != *proc) return false;
  return true;
}

ProgramKind kind_at(const char* path, uint32_t depth);

ProgramKind kind_by_head(const struct stat& about, Head& head, long bytes, uint32_t depth) {
  if (!S_ISREG(about.st_mode) || !(about.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH))) return ProgramKind::not_executable;
  if (bytes < static_cast<long>(sizeof(Elf64_Ehdr)) && !(bytes > 2 && head[0] == '#'))
    return ProgramKind::not_executable;
  if (about.st_mode & (S_ISUID | S_ISGID)) return ProgramKind::without_shim;
  if (head[0] == '#' && head[1] == '!') {
    char* interpreter = head + 2;
    while (*interpreter == ' ' || *interpreter == '\t') ++interpreter;
    char* end = interpreter;
    while (*end && *end != ' ' && *end != '\t' && *end != '\n') ++end;
    *end = 0;
    return depth < kScriptDepthMax ? kind_at(interpreter, depth + 1) : ProgramKind::not_executable;
  }
  const auto& elf = *reinterpret_cast<const Elf64_Ehdr*>(head);
  if (__builtin_memcmp(elf.e_ident, ELFMAG, SELFMAG) != 0 || elf.e_machine != EM_X86_64)
    return ProgramKind::not_executable;
  bool has_note = false;
  for (uint32_t i = 0; i < elf.e_phnum; ++i) {
    const uint64_t at = elf.e_phoff + i * sizeof(Elf64_Phdr);
    if (at + sizeof(Elf64_Phdr) > sizeof head) return ProgramKind::not_executable;
    const auto& header = *reinterpret_cast<const Elf64_Phdr*>(head + at);
    if (header.p_type == PT_INTERP) return ProgramKind::with_shim;
    has_note = has_note || (header.p_type == PT_NOTE && holds_version(head, header));
  }
  return has_note ? ProgramKind::with_shim : ProgramKind::without_shim;
}

ProgramKind kind_at(const char* path, uint32_t depth) {
  alignas(8) Head head = {};
  struct stat about {};
  const bool common = is_common_file(path) || is_below_proc(path);
  const long bytes = common || !vfd::is_body() ? look_here(path, about, head) : look_at_home(path, about, head);
  if (sys::failed(bytes)) return ProgramKind::not_executable;
  const ProgramKind kind = kind_by_head(about, head, bytes, depth);
  const bool is_of_home = !common || (kind == ProgramKind::without_shim && !all_files_are_common());
  return is_of_home && kind != ProgramKind::not_executable ? ProgramKind::of_home : kind;
}

long current_folder(char (&folder)[4096]) {
  if (!vfd::is_body() || all_files_are_common()) return sys::call(SYS_getcwd, folder, sizeof folder);
  vfd::Transfer transfer;
  auto* const there = static_cast<char*>(transfer.take(sizeof folder));
  const long bytes = vfd::shadow_call(SYS_getcwd, there, sizeof folder);
  __builtin_memcpy(folder, there, sizeof folder);
  folder[sizeof folder - 1] = 0;
  return bytes;
}

class Text {
public:
  explicit Text(uint32_t record)
      : start_(pointer_to<char>(wire::transfer_area(record, 0))), end_(start_ + wire::kDepartureTextMax), at_(start_) {}
  void add(const char* text) {
    do {
      if (at_ == end_) return whole_ = false, void();
      *at_++ = *text;
    } while (*text++);
  }
  uint32_t add_list(const char* const* list) {
    uint32_t count = 0;
    for (; list && list[count]; ++count) add(list[count]);
    return count;
  }
  bool whole() const { return whole_; }
  uint64_t bytes() const { return static_cast<uint64_t>(at_ - start_); }

private:
  char *start_, *end_, *at_;
  bool whole_ = true;
};

uint64_t ignored_signals() {
  uint64_t ignored = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    uint64_t action[4] = {}; // handler first
    if (sys::call(SYS_rt_sigaction, signal, nullptr, action, 8) == 0 && action[0] == 1 /*SIG_IGN*/)
      ignored |= 1ull << (signal - 1);
  }
  return ignored;
}

void describe_scheduling(wire::DepartureScheduling& d) {
  const Scheduling own = own_scheduling();
  d.policy = own.policy, d.priority = own.priority, d.flags = own.flags, d.nice = own.nice;
  d.io = static_cast<int32_t>(sys::call(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 0));
  sys::call(SYS_sched_getaffinity, 0, sizeof d.processors, &d.processors);
}

} // namespace

ProgramKind kind_of(const Departing& program) {
  const ProgramKind kind = kind_at(program.path, 0);
  if (kind == ProgramKind::not_executable || all_files_are_common()) return kind;
  const char* const libraries = find_variable(program.environment, "LD_LIBRARY_PATH");
  return libraries && *libraries ? ProgramKind::of_home : kind;
}

long error_at_home(const char* path) {
  vfd::Transfer transfer;
  const long failed = vfd::shadow_call(SYS_access, transfer.put_text(path), X_OK);
  return failed ? failed : -ENOEXEC;
}

bool describe(uint32_t record, const Departing& program, const char* own_name) {
  char folder[4096];
  if (sys::failed(current_folder(folder)) || folder[0] != '/') return false;
  wire::Departure& d = wire::moved(record).departure;
  Text text(record);
  text.add(program.path);
  text.add(folder);
  d.argument_count = text.add_list(program.arguments);
  d.environment_count = text.add_list(program.environment);
  if (own_name) ++d.environment_count, text.add(own_name);
  d.text_bytes = text.bytes();
  d.mask = program.mask;
  d.ignored = ignored_signals();
  for (uint32_t i = 0; i < wire::kLimitCount; ++i) sys::call(SYS_prlimit64, 0, i, nullptr, d.limits[i]);
  d.umask = static_cast<uint32_t>(sys::call(SYS_umask, 0));
  sys::call(SYS_umask, d.umask);
  d.user = static_cast<uint32_t>(sys::call(SYS_geteuid));
  d.group = static_cast<uint32_t>(sys::call(SYS_getegid));
  read_credentials(d.rights);
  describe_scheduling(d.scheduling);
  return text.whole();
}

} // namespace sp
