// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/both_processes.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "libsuperproc/base/path.hpp"
#include "libsuperproc/cluster/common_files.hpp"
#include "libsuperproc/cluster/credentials.hpp"
#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using vfd::is_remote;
using vfd::shadow_call;

// fchdir by one of home's.
long change_folder_here(uint64_t descriptor) {
  const long here = open_here(descriptor, O_PATH | O_DIRECTORY);
  if (sys::failed(here)) return here;
  const long result = sys::call(SYS_fchdir, here);
  sys::call(SYS_close, here);
  return result;
}

// fchdir of the shadow by one of this node.
long change_folder_of_home(uint64_t descriptor) {
  char name[4096];
  Path link;
  link << "/proc/self/fd/" << static_cast<long>(descriptor);
  struct stat about {};
  if (const long failed = sys::call(SYS_fstat, descriptor, &about)) return failed;
  if (!S_ISDIR(about.st_mode)) return -ENOTDIR;
  const long bytes = sys::call(SYS_readlink, link.text(), name, sizeof name - 1);
  if (sys::failed(bytes)) return bytes;
  name[bytes] = 0;
  vfd::Transfer transfer;
  return shadow_call(SYS_chdir, transfer.put_text(name));
}

} // namespace

// How long files may become is a matter of who writes.
std::optional<long> limit_files(const Call& call) {
  const bool old = call.number() == SYS_setrlimit;
  const auto* const limit = call.pointer<const uint64_t>(old ? 1 : 2);
  const bool own = old || call.arg(0) == 0 || static_cast<long>(call.arg(0)) == sys::call(SYS_getpid);
  if (!own || !limit || call.arg(old ? 0 : 1) != RLIMIT_FSIZE) return std::nullopt;
  const long result = call.pass();
  vfd::Transfer transfer;
  if (result == 0) vfd::shadow_call(SYS_prlimit64, 0, RLIMIT_FSIZE, transfer.put(limit, 2 * sizeof *limit), 0);
  return result;
}

std::optional<long> change_folder(const Call& call) {
  const bool is_opened = call.number() == SYS_fchdir, there = is_opened && is_remote(call.arg(0));
  if (all_files_are_common()) return there ? std::optional(change_folder_here(call.arg(0))) : std::nullopt;
  return is_opened && !there ? change_folder_of_home(call.arg(0)) : by_row(call);
}

// As who it opens files. The calls of libc are made by each thread.
std::optional<long> change_credentials(const Call& call) {
  const long result = call.pass();
  const bool tells_old = call.number() == SYS_setfsuid || call.number() == SYS_setfsgid;
  if (sys::failed(result) && !tells_old) return result;
  vfd::Transfer transfer;
  auto& own = *static_cast<wire::Credentials*>(transfer.take(sizeof(wire::Credentials)));
  read_credentials(own);
  vfd::ask_shadow(vfd::own_record(), wire::ShadowOperation::identify, &own);
  return result;
}

std::optional<long> change_rights(const Call& call) {
  switch (call.number_arg(0)) {
    case PR_SET_KEEPCAPS:
    case PR_SET_SECUREBITS:
    case PR_SET_NO_NEW_PRIVS:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT: return change_credentials(call);
    default: return std::nullopt;
  }
}

// What the shadow opens for the program gets its mode there.
std::optional<long> mask_modes(const Call& call) { return by_row(call), call.pass(); }

} // namespace sp
