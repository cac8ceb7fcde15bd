// SPDX-License-Identifier: Apache-2.0
// See library.hpp.
#include "spctl/library.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>

#include "libsuperproc/wire/subprocess.hpp"
#include "spctl/elf.hpp"

namespace sp::spctl {
namespace {

constexpr const char* kPlaces[] = {"../lib/libsuperproc.so", "../lib/x86_64-linux-gnu/libsuperproc.so",
                                   "../lib64/libsuperproc.so"};

tl::unexpected<Refusal> refused(std::string text) {
  return tl::unexpected<Refusal>(Refusal{kExitOwnError, std::move(text)});
}

tl::expected<std::string, Refusal> check(const std::string& path) {
  if (path.find_first_of(" \t\n:") != std::string::npos)
    return refused(
        fmt::format("{}: LD_PRELOAD takes no path with a blank or a colon; install superproc elsewhere", path));
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return refused(fmt::format("{}: cannot read the library: {}", path, errno_text(errno)));
  const ElfFacts facts = inspect_elf(descriptor);
  close(descriptor);
  if (facts.kind != ElfKind::no_interpreter && facts.kind != ElfKind::dynamic_program)
    return refused(fmt::format("{} is no x86-64 library; set SUPERPROC_LIBRARY to libsuperproc.so", path));
  if (!facts.position_independent)
    return refused(fmt::format("{} is a program, not a library; set SUPERPROC_LIBRARY to libsuperproc.so", path));
  if (!facts.control_version)
    return refused(fmt::format("{} is not superproc's library, or of an old build; set SUPERPROC_LIBRARY to "
                               "libsuperproc.so",
                               path));
  if (*facts.control_version != wire::kControlVersion)
    return refused(fmt::format("{} writes control segments of version {}, this spctl reads version {}; install both "
                               "from one build",
                               path, *facts.control_version, wire::kControlVersion));
  return path;
}

} // namespace

std::string own_folder() {
  char path[PATH_MAX];
  const ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);
  if (bytes <= 0) return ".";
  const std::string self(path, static_cast<size_t>(bytes));
  return self.substr(0, self.rfind('/'));
}

tl::expected<std::string, Refusal> find_library() {
  char* resolved = nullptr;
  if (const char* named = getenv("SUPERPROC_LIBRARY"); named != nullptr && *named != '\0') {
    resolved = realpath(named, nullptr);
    if (resolved == nullptr)
      return refused(fmt::format("SUPERPROC_LIBRARY={}: {}; correct it or unset it", named, errno_text(errno)));
  }
  const std::string folder = own_folder();
  for (const char* place : kPlaces) {
    if (resolved != nullptr) break;
    resolved = realpath((folder + "/" + place).c_str(), nullptr);
  }
  if (resolved == nullptr)
    return refused(
        fmt::format("libsuperproc.so is not in {}/../lib; build or install it, or set SUPERPROC_LIBRARY", folder));
  const std::string path = resolved;
  free(resolved);
  return check(path);
}

} // namespace sp::spctl
