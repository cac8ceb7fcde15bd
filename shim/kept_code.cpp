// SPDX-License-Identifier: Apache-2.0
#include "shim/kept_code.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/memory/own_pages.hpp"
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "vfd/body.hpp"

namespace sp::shim {

namespace {

using wire::page_down;
using wire::page_up;

constexpr uint64_t kMagic = 0x31'65'64'6f'63'70'73'00; // "spcode1"
constexpr uint32_t kIdBytesMax = 32;
constexpr mode_t kOthers = 077;

// At the end of the file. All but the last three say for whom it is.
struct KeptCode {
  uint64_t magic;
  uint8_t library[kIdBytesMax], shim[kIdBytesMax]; // build ids
  uint64_t distance;                               // of the stubs from the library
  uint64_t text, text_bytes;                       // whole pages of the file
  uint64_t stubs, stubs_bytes;                     // the same
  uint64_t sites;                                  // that are patched
};

bool copy_id(uint8_t (&to)[kIdBytesMax], const uint8_t* id, uint32_t bytes) {
  if (bytes == 0 || bytes > kIdBytesMax) return false;
  __builtin_memcpy(to, id, bytes);
  return true;
}

bool is_same(const KeptCode& a, const KeptCode& b) { return __builtin_memcmp(&a, &b, offsetof(KeptCode, stubs)) == 0; }

// Begins with the library's, for people.
struct Name : Path {
  Name(const char* file, const KeptCode& code) {
    uint64_t hash = 0xcbf29ce484222325; // FNV-1a
    const auto* bytes = reinterpret_cast<const uint8_t*>(&code);
    for (size_t i = 0; i < offsetof(KeptCode, stubs); ++i) hash = (hash ^ bytes[i]) * 0x100000001b3;
    const char* last = file;
    for (const char* p = file; *p; ++p)
      if (*p == '/') last = p + 1;
    *this << last << "-" << static_cast<long>(hash >> 1);
  }
};

// ---- the folder ----

bool is_of_this_user(long file, mode_t type, struct stat& about) {
  return !sys::failed(sys::call(SYS_fstat, file, &about)) && (about.st_mode & S_IFMT) == type &&
         about.st_uid == static_cast<uid_t>(sys::call(SYS_geteuid)) && (about.st_mode & kOthers) == 0;
}

long open_folder(const char* path) {
  const long folder = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  struct stat about;
  if (sys::failed(folder) || is_of_this_user(folder, S_IFDIR, about)) return folder;
  sys::call(SYS_close, folder);
  return -EPERM;
}

// As spctl has its own (spctl/runtime_folder.hpp).
void name_folder(const char* const* environment, Path& path) {
  const char* given = find_variable(environment, "XDG_RUNTIME_DIR");
  struct stat about;
  const bool is_ours = given && *given == '/' && !sys::failed(sys::call(SYS_lstat, given, &about)) &&
                       S_ISDIR(about.st_mode) && (about.st_mode & 022) == 0 &&
                       about.st_uid == static_cast<uid_t>(sys::call(SYS_geteuid));
  if (is_ours)
    path << given << "/superproc-code";
  else
    path << "/tmp/superproc-" << sys::call(SYS_geteuid) << "-code";
}

struct Oldest {
  char name[256] = "";
  int64_t seconds = INT64_MAX; // since 1970
  uint32_t count = 0;          // of files

  void look_at(long folder, const char* entry) {
    struct stat about;
    if (sys::failed(sys::call(SYS_newfstatat, folder, entry, &about, AT_SYMLINK_NOFOLLOW))) return;
    if (!S_ISREG(about.st_mode)) return;
    ++count;
    if (about.st_mtim.tv_sec >= seconds) return;
    seconds = about.st_mtim.tv_sec;
    Path copy;
    copy << entry;
    __builtin_memcpy(name, copy.text(), sizeof name);
  }
};

// The oldest goes, if it has had its time: more files than there is room for may be in use.
bool make_room(long folder) {
  constexpr int64_t kTimeSeconds = 600;
  alignas(8) char entries[4096];
  Oldest oldest;
  for (long bytes; (bytes = sys::call(SYS_getdents64, folder, entries, sizeof entries)) > 0;)
    for (long at = 0; at < bytes; at += *reinterpret_cast<const uint16_t*>(entries + at + 16))
      oldest.look_at(folder, entries + at + 19);
  if (oldest.count < kKeptFilesMax) return true;
  timespec now{};
  sys::call(SYS_clock_gettime, CLOCK_REALTIME, &now);
  return now.tv_sec - oldest.seconds > kTimeSeconds && !sys::failed(sys::call(SYS_unlinkat, folder, oldest.name, 0));
}

// More would be SIGXFSZ.
bool may_write(uint64_t bytes) {
  rlimit limit{};
  return sys::call(SYS_prlimit64, 0, RLIMIT_FSIZE, nullptr, &limit) == 0 && limit.rlim_cur >= bytes;
}

// ---- one file ----

bool describe(const LibraryCode& library, const uint8_t* own_id, uint32_t own_id_bytes, uint64_t stubs,
              KeptCode& code) {
  code = {};
  code.magic = kMagic;
  code.distance = stubs - library.bias;
  code.text = page_down(library.offset);
  code.text_bytes = page_up(library.end) - page_down(library.start);
  return copy_id(code.library, library.table.build_id, library.table.build_id_bytes) &&
         copy_id(code.shim, own_id, own_id_bytes);
}

bool read_end(long file, KeptCode& code) {
  struct stat about;
  return is_of_this_user(file, S_IFREG, about) && about.st_size >= static_cast<off_t>(sizeof code) &&
         sys::call(SYS_pread64, file, &code, sizeof code, about.st_size - static_cast<off_t>(sizeof code)) ==
             sizeof code &&
         code.stubs + code.stubs_bytes + sizeof code == static_cast<uint64_t>(about.st_size);
}

bool map_over(uint64_t start, uint64_t bytes, long file, uint64_t offset) {
  return sys::call(SYS_mmap, start, bytes, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, file, offset) ==
         static_cast<long>(start);
}

bool write_all(long file, uint64_t from, uint64_t bytes, uint64_t offset) {
  for (uint64_t done = 0; done < bytes;) {
    const long result = sys::call(SYS_pwrite64, file, from + done, bytes - done, offset + done);
    if (result <= 0) return false;
    done += static_cast<uint64_t>(result);
  }
  return true;
}

bool copy_file(const char* path, long to, uint64_t bytes) {
  const long from = sys::call(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (sys::failed(from)) return false;
  long result = 1;
  for (uint64_t done = 0; done < bytes && result > 0; done += static_cast<uint64_t>(result))
    result = sys::call(SYS_sendfile, to, from, nullptr, bytes - done);
  sys::call(SYS_close, from);
  return result > 0;
}

bool write_code(long file, const LibraryCode& library, uint64_t from_stubs, const KeptCode& code, uint64_t file_bytes) {
  return copy_file(library.file, file, file_bytes) &&
         write_all(file, page_down(library.start), code.text_bytes, code.text) &&
         write_all(file, from_stubs, code.stubs_bytes, code.stubs) &&
         write_all(file, address_of(&code), sizeof code, code.stubs + code.stubs_bytes);
}

} // namespace

KeptCodes::KeptCodes(const char* const* environment, const uint8_t* own_build_id, uint32_t build_id_bytes)
    : own_id_(own_build_id), own_id_bytes_(build_id_bytes) {
  if (vfd::in_cluster() && !all_files_are_common()) return; // what maps it could not be forked to another node
  if (!own_build_id) return;
  Path path;
  name_folder(environment, path);
  folder_ = open_folder(path.text());
  if (folder_ == -ENOENT && !sys::failed(sys::call(SYS_mkdir, path.text(), 0700))) folder_ = open_folder(path.text());
  if (folder_ >= 0) pagemap_ = sys::call(SYS_openat, AT_FDCWD, "/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0);
}

KeptCodes::~KeptCodes() {
  if (folder_ >= 0) sys::call(SYS_close, folder_);
  if (pagemap_ >= 0) sys::call(SYS_close, pagemap_);
}

bool KeptCodes::is_for(const LibraryCode& library) const {
  if (folder_ < 0 || pagemap_ < 0) return false;
  alignas(8) char answers[4096];
  memory::OwnPages changed(pagemap_, answers, sizeof answers);
  changed.look_in(page_down(library.start), page_up(library.end));
  memory::PageRun run;
  const Result<bool> any = changed.next(run);
  return any && !*any;
}

uint64_t KeptCodes::take(const LibraryCode& library, uint64_t stubs, uint32_t& sites) const {
  KeptCode wanted, found{};
  if (!describe(library, own_id_, own_id_bytes_, stubs, wanted)) return 0;
  const long file =
      sys::call(SYS_openat, folder_, Name(library.file, wanted).text(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (sys::failed(file)) return 0;
  const uint64_t room = address_of(sp_gate_end) - stubs;
  const bool taken = read_end(file, found) && is_same(found, wanted) && found.stubs_bytes <= room &&
                     map_over(stubs, found.stubs_bytes, file, found.stubs) &&
                     map_over(page_down(library.start), found.text_bytes, file, found.text);
  sys::call(SYS_close, file);
  sites = static_cast<uint32_t>(found.sites);
  return taken ? found.stubs_bytes : 0;
}

void KeptCodes::keep(const LibraryCode& library, uint64_t stubs, uint64_t stubs_end, uint32_t sites) const {
  KeptCode code;
  struct stat about;
  if (sites == 0 || !describe(library, own_id_, own_id_bytes_, stubs, code)) return;
  if (sys::failed(sys::call(SYS_stat, library.file, &about))) return;
  const auto file_bytes = static_cast<uint64_t>(about.st_size);
  code.stubs = page_up(file_bytes), code.stubs_bytes = stubs_end - stubs, code.sites = sites;
  if (code.text + code.text_bytes > code.stubs || !make_room(folder_)) return;
  if (!may_write(code.stubs + code.stubs_bytes + sizeof code)) return;
  const long file = sys::call(SYS_openat, folder_, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0400);
  if (sys::failed(file)) return;
  Path link;
  link << "/proc/self/fd/" << file;
  if (write_code(file, library, stubs, code, file_bytes) && !sys::failed(sys::call(SYS_fchmod, file, 0400)))
    sys::call(SYS_linkat, AT_FDCWD, link.text(), folder_, Name(library.file, code).text(), AT_SYMLINK_FOLLOW);
  sys::call(SYS_close, file);
}

} // namespace sp::shim
