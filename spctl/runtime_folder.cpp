// SPDX-License-Identifier: Apache-2.0
// See runtime_folder.hpp.
#include "spctl/runtime_folder.hpp"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <sys/stat.h>
#include <unistd.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp::spctl {
namespace {

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

// Of this user, and no other user's business.
bool is_private(const std::string& folder) {
  struct stat about {};
  return lstat(folder.c_str(), &about) == 0 && S_ISDIR(about.st_mode) && about.st_uid == geteuid() &&
         (about.st_mode & 022) == 0;
}

} // namespace

std::string runtime_folder() {
  const char* given = getenv("XDG_RUNTIME_DIR");
  if (given != nullptr && *given == '/' && is_private(given)) return std::string(given) + "/superproc";
  return fmt::format("/tmp/superproc-{}", geteuid());
}

tl::expected<bool, Refusal> check_runtime_folder() {
  const std::string folder = runtime_folder();
  struct stat about {};
  if (lstat(folder.c_str(), &about) != 0) {
    if (errno == ENOENT) return false;
    return refused(fmt::format("{}: {}", folder, errno_text(errno)));
  }
  if (!is_private(folder))
    return refused(fmt::format("{}: not a folder that is yours alone; remove it, or set XDG_RUNTIME_DIR", folder));
  return true;
}

tl::expected<void, Refusal> make_runtime_folder() {
  if (mkdir(runtime_folder().c_str(), 0700) != 0 && errno != EEXIST)
    return refused(fmt::format("{}: cannot make this folder: {}", runtime_folder(), errno_text(errno)));
  if (const auto there = check_runtime_folder(); !there) return tl::unexpected<Refusal>(there.error());
  return {};
}

bool is_cluster_name(const std::string& name) {
  const auto is_part = [](unsigned char c) { return isalnum(c) || c == '.' || c == '_' || c == '-'; };
  return !name.empty() && name.size() < wire::kClusterNameMax && name[0] != '.' && name[0] != '-' &&
         std::all_of(name.begin(), name.end(), is_part);
}

} // namespace sp::spctl
