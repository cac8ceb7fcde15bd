// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/path_place.hpp"

#include <fcntl.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"

namespace sp {

namespace {

constexpr uint32_t kPathBytes = 4096;

bool ends_name(char c) { return c == '/' || c == 0; }

// What follows a folder's name in a path, or null.
const char* below(const char* path, const char* folder) {
  for (; *folder; ++path, ++folder)
    if (*path != *folder) return nullptr;
  return ends_name(*path) ? path : nullptr;
}

bool equal(const char* a, const char* b) {
  while (*a && *a == *b) ++a, ++b;
  return *a == *b;
}

const char* below_own_process(const char* path) {
  Path own;
  own << "/proc/" << sys::call(SYS_getpid);
  for (const char* name : {"/proc/self", "/proc/thread-self", own.text()})
    if (const char* rest = below(path, name)) return rest;
  return nullptr;
}

// What follows the folder of the program's descriptors, or null.
const char* below_descriptors(const char* path) {
  if (const char* rest = below(path, "/dev/fd")) return rest;
  const char* const own = below_own_process(path);
  if (!own) return nullptr;
  const char* const rest = below(own, "/fd");
  return rest ? rest : below(own, "/fdinfo");
}

// The descriptor that a path leads to by its number, or kVfdCountMax.
uint32_t descriptor_named(const char* path) {
  constexpr const char* kStreams[] = {"/dev/stdin", "/dev/stdout", "/dev/stderr"};
  for (uint32_t i = 0; i < 3; ++i)
    if (equal(path, kStreams[i])) return i;
  const char* name = below_descriptors(path);
  uint32_t number = 0;
  if (!name || !*name || ends_name(*++name)) return wire::kVfdCountMax;
  for (; *name >= '0' && *name <= '9' && number < wire::kVfdCountMax; ++name)
    number = number * 10 + static_cast<uint32_t>(*name - '0');
  return ends_name(*name) ? number : wire::kVfdCountMax;
}

// `name` is a number, `rest` what follows.
PathPlace place_of_process(const char* name, uint32_t digits, const char* rest) {
  Path folder;
  folder << "/proc/";
  folder.add(name, digits);
  if (sys::call(SYS_access, folder.text(), F_OK) != 0) return PathPlace::home;
  if (below_own_process(folder.text())) return PathPlace::own_process;
  return equal(rest, "/stat") || equal(rest, "/status") ? PathPlace::home : PathPlace::here;
}

PathPlace place_below_proc(const char* rest) {
  const char* const name = *rest ? rest + 1 : rest;
  if (below(name, "self") || below(name, "thread-self")) return PathPlace::own_process;
  uint32_t digits = 0;
  while (name[digits] >= '0' && name[digits] <= '9') ++digits;
  const bool is_number = digits > 0 && digits <= 10 && ends_name(name[digits]);
  return is_number ? place_of_process(name, digits, name + digits) : PathPlace::home;
}

PathPlace place_below_dev(const char* rest) {
  for (const char* shared : {"/tty", "/pts", "/ptmx", "/console", "/shm", "/mqueue"})
    if (below(rest, shared)) return PathPlace::home;
  return PathPlace::here;
}

// By calls that change nothing the image's own file is meant.
bool only_looks(const Call& call) {
  constexpr int kChanging = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
  switch (call.number()) {
    case SYS_open: return !(call.arg(1) & kChanging);
    case SYS_openat: return !(call.arg(2) & kChanging);
    case SYS_stat:
    case SYS_lstat:
    case SYS_newfstatat:
    case SYS_statx:
    case SYS_access:
    case SYS_faccessat:
    case SYS_faccessat2:
    case SYS_readlink:
    case SYS_readlinkat: return true;
    default: return false;
  }
}

PathPlace place_of_absolute(const char* path, const Call& call) {
  if (vfd::is_remote(descriptor_named(path))) return PathPlace::home;
  if (const char* rest = below(path, "/proc")) return place_below_proc(rest);
  if (all_files_are_common())
    return below(path, "/dev/tty") || below(path, "/dev/shm") ? PathPlace::home : PathPlace::here;
  if (const char* rest = below(path, "/dev")) return place_below_dev(rest);
  if (below(path, "/sys")) return PathPlace::here;
  return only_looks(call) && is_common_file(path) ? PathPlace::image : PathPlace::home;
}

bool same(const char* a, const char* b, uint64_t bytes) { return __builtin_memcmp(a, b, bytes) == 0; }

PathPlace place_of_relative(const Call& call, const Arguments& row, uint32_t i) {
  const bool has_folder = i > 0 && row.at[i - 1].kind == ArgumentKind::dirfd;
  const auto folder = has_folder ? static_cast<int>(call.arg(static_cast<int>(i) - 1)) : AT_FDCWD;
  if (folder == AT_FDCWD) return all_files_are_common() ? PathPlace::here : PathPlace::home;
  return vfd::is_remote(static_cast<uint64_t>(folder)) ? PathPlace::home : PathPlace::here;
}

} // namespace

PathPlace place_of_path(const Call& call, const Arguments& row, uint32_t i) {
  constexpr uint64_t kHeadBytes = 5; // enough to see that it is none of ours, where not all paths are
  const auto* const given = call.pointer<const char>(static_cast<int>(i));
  char path[kPathBytes];
  const bool has_head = given && vfd::read_program(path, given, kHeadBytes);
  if (!has_head && !(given && vfd::read_program(path, given, 1))) path[0] = 0;
  if (path[0] != '/') return place_of_relative(call, row, i);
  if (all_files_are_common() && !(has_head && (same(path, "/proc", kHeadBytes) || same(path, "/dev/", kHeadBytes))))
    return PathPlace::here;
  return vfd::read_text(path, given, sizeof path) ? place_of_absolute(path, call) : PathPlace::here;
}

} // namespace sp
