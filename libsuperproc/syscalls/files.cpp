// SPDX-License-Identifier: Apache-2.0
// Calls that take a path and may meet the process's own directory in /proc. Any other path goes straight on.
#include <fcntl.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/proc_files.hpp"

namespace sp {

namespace {

// Should the last link of the path be followed?
enum class Links { followed, not_followed };

// The call with its path at argument `index` as we read it.
long pass_path(const Call& call, int index, const ProcPath& path, Links links) {
  if (path.file == ProcFile::self_link && links == Links::followed && !at_home()) {
    const Path own = Path() << "/proc/" << control().identity.pid;
    return pass_with(call, index, address_of(own.text()));
  }
  return pass_with(call, index, address_of(path.path));
}

long with_path(const Call& call, int index, Links links) {
  ProcPath path;
  if (!find_proc_path(call.pointer<const char>(index), path)) [[likely]]
    return call.pass();
  return pass_path(call, index, path, links);
}

Links links_by(uint64_t flags) { return flags & AT_SYMLINK_NOFOLLOW ? Links::not_followed : Links::followed; }

long open_at(const Call& call, int index, int flags) {
  ProcPath path;
  if (!find_proc_path(call.pointer<const char>(index), path)) [[likely]]
    return call.pass();
  const long fd = pass_path(call, index, path, flags & O_NOFOLLOW ? Links::not_followed : Links::followed);
  return opened_proc_file(path, fd, flags);
}

// /proc/self and /proc/thread-self are links whose text is the reader's number.
long read_link(const Call& call, int index) {
  ProcPath path;
  if (!find_proc_path(call.pointer<const char>(index), path)) [[likely]]
    return call.pass();
  if (at_home() || (path.file != ProcFile::self_link && path.file != ProcFile::thread_self_link))
    return pass_path(call, index, path, Links::not_followed);
  Path text;
  text << control().identity.pid;
  if (path.file == ProcFile::thread_self_link) text << "/task/" << static_cast<long>(sys::call(SYS_gettid));
  const auto room = static_cast<int>(call.arg(index + 2));
  if (room <= 0) return -EINVAL;
  auto* out = call.pointer<char>(index + 1);
  int bytes = 0;
  for (const char* from = text.text(); *from && bytes < room;) out[bytes++] = *from++;
  return bytes;
}

} // namespace

long sys_open(Call& call) { return open_at(call, 0, call.number_arg(1)); }
long sys_openat(Call& call) { return open_at(call, 1, call.number_arg(2)); }

long sys_openat2(Call& call) {
  const auto* how = call.pointer<const uint64_t>(2); // struct open_how begins with the flags
  return open_at(call, 1, how && call.arg(3) >= sizeof *how ? static_cast<int>(*how) : 0);
}

long sys_stat(Call& call) { return with_path(call, 0, Links::followed); }
long sys_lstat(Call& call) { return with_path(call, 0, Links::not_followed); }
long sys_newfstatat(Call& call) { return with_path(call, 1, links_by(call.arg(3))); }
long sys_statx(Call& call) { return with_path(call, 1, links_by(call.arg(2))); }

long sys_access(Call& call) { return with_path(call, 0, Links::followed); }
long sys_faccessat(Call& call) { return with_path(call, 1, Links::followed); }
long sys_faccessat2(Call& call) { return with_path(call, 1, links_by(call.arg(3))); }

long sys_readlink(Call& call) { return read_link(call, 0); }
long sys_readlinkat(Call& call) { return read_link(call, 1); }

// A record lock belongs to the table of descriptors, which all residents share, but names the process that set it. So it
// is set at home; only one that has to be waited for is set here, where a signal can end the wait.
long sys_fcntl(Call& call) {
  if (at_home()) return call.pass();
  switch (call.number_arg(1)) {
    case F_SETLK:
    case F_SETLEASE: // these two send signals to the process that asked
    case F_NOTIFY: return pass_home(call);
    case F_SETLKW: {
      const long result = ask(home_node(), Operation::kernel_call, SYS_fcntl, call.arg(0), F_SETLK, call.arg(2));
      return result == -EAGAIN || result == -EACCES ? call.pass() : result;
    }
    default: return call.pass();
  }
}

} // namespace sp
