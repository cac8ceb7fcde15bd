// SPDX-License-Identifier: Apache-2.0
// See program.hpp. Scripts are followed to their interpreter, as the kernel does: what counts is what ld.so starts.
#include "spctl/program.hpp"

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "libsuperproc/wire/subprocess.hpp"
#include "spctl/elf.hpp"

namespace sp::spctl {
namespace {

constexpr int kScriptDepthMax = 4; // the kernel follows as many
constexpr size_t kHeadBytes = 256; // what the kernel looks at

tl::unexpected<Refusal> refused(int exit_code, std::string text) {
  return tl::unexpected<Refusal>(Refusal{exit_code, std::move(text)});
}

int exit_code_of(int errno_value) {
  return errno_value == ENOENT || errno_value == ENOTDIR ? kExitNotFound : kExitNotExecutable;
}

// 0, or the errno that execve would give for the file itself.
int executable_errno(const std::string& path) {
  struct stat status;
  if (stat(path.c_str(), &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return S_ISDIR(status.st_mode) ? EISDIR : EACCES;
  return faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

// ld.so ignores LD_PRELOAD when the kernel says AT_SECURE, that is when exec changes identity or adds capabilities.
std::string privilege_obstacle(const std::string& path) {
  struct stat status;
  struct statvfs file_system;
  if (stat(path.c_str(), &status) != 0) return {};
  if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) return {}; // exec then changes nothing
  if (statvfs(path.c_str(), &file_system) == 0 && (file_system.f_flag & ST_NOSUID) != 0) return {};
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != geteuid())
    return "is setuid, and such a program ignores LD_PRELOAD";
  if ((status.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) && status.st_gid != getegid())
    return "is setgid, and such a program ignores LD_PRELOAD";
  if (getuid() != 0 && getxattr(path.c_str(), "security.capability", nullptr, 0) > 0)
    return "has file capabilities, and such a program ignores LD_PRELOAD";
  return {};
}

bool is_loader(const std::string& path) { // ld.so as a command starts a program and does read LD_PRELOAD
  char* resolved = realpath(path.c_str(), nullptr);
  const std::string real = resolved != nullptr ? resolved : path;
  free(resolved);
  return real.substr(real.rfind('/') + 1).starts_with("ld-");
}

struct Head {
  char bytes[kHeadBytes];
  size_t count;
};

// "#!" INTERPRETER [ARGUMENT]; empty when it is no script.
std::string script_interpreter(const Head& head) {
  std::string line(head.bytes, head.count);
  if (!line.starts_with("#!")) return {};
  line = line.substr(2, line.find('\n') == std::string::npos ? std::string::npos : line.find('\n') - 2);
  const size_t start = line.find_first_not_of(" \t");
  if (start == std::string::npos) return {};
  const size_t end = line.find_first_of(std::string_view(" \t\0", 3), start);
  return line.substr(start, end == std::string::npos ? end : end - start);
}

tl::expected<Program, Refusal> judge_elf(const std::string& path, const ElfFacts& facts) {
  Program program{path, privilege_obstacle(path), false};
  if (!program.obstacle.empty()) return program;
  switch (facts.kind) {
    case ElfKind::dynamic_program:
      if (access(facts.interpreter.c_str(), F_OK) != 0)
        return refused(kExitNotFound,
                       fmt::format("{}: its loader {} is missing; install the C library that it was built "
                                   "for",
                                   path, facts.interpreter));
      return program;
    case ElfKind::no_interpreter:
      if (facts.control_version && *facts.control_version != wire::kControlVersion)
        program.obstacle = "is linked with the shim of another version of superproc: link it again";
      else if (!facts.control_version && !is_loader(path))
        program.obstacle = "is static: the shim cannot be loaded into it";
      program.starts_others = true;
      return program;
    case ElfKind::other_class:
      program.obstacle = "is a 32-bit program: superproc runs x86-64 programs only";
      return program;
    case ElfKind::other_machine:
      program.obstacle = "is built for another machine: superproc runs x86-64 programs only";
      return program;
    default:
      return refused(kExitNotExecutable, fmt::format("{}: a damaged program, or an object file; build it again", path));
  }
}

} // namespace

tl::expected<std::string, Refusal> find_program(const std::string& name) {
  if (name.empty()) return refused(kExitNotFound, "the program's name is empty; give a program");
  if (name.find('/') != std::string::npos) {
    const int error = executable_errno(name);
    if (error == 0) return name;
    return refused(exit_code_of(error), fmt::format("{}: cannot run it: {}", name, errno_text(error)));
  }
  const char* search = getenv("PATH");
  std::string_view folders = search != nullptr ? search : "/bin:/usr/bin";
  int seen_error = ENOENT;
  for (;;) {
    const size_t colon = folders.find(':');
    const std::string folder(folders.substr(0, colon));
    const std::string path = folder.empty() ? name : folder + "/" + name;
    const int error = executable_errno(path);
    if (error == 0) return folder.empty() ? "./" + name : path;
    if (error == EACCES && access(path.c_str(), F_OK) == 0) seen_error = EACCES; // not: a folder that is closed to us
    if (colon == std::string_view::npos) break;
    folders.remove_prefix(colon + 1);
  }
  if (seen_error == EACCES)
    return refused(kExitNotExecutable, fmt::format("{}: found in PATH, but not executable; see its permissions", name));
  return refused(kExitNotFound, fmt::format("{}: not found in PATH; give its path or correct the name", name));
}

tl::expected<Program, Refusal> judge_program(const std::string& path) {
  std::string at = path;
  for (int depth = 0; depth <= kScriptDepthMax; ++depth) {
    const int descriptor = open(at.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == EACCES) { // executable but not readable: exec decides
      const std::string obstacle = privilege_obstacle(at);
      return Program{path, obstacle.empty() ? obstacle : at + " " + obstacle, false};
    }
    if (descriptor < 0)
      return refused(exit_code_of(errno), fmt::format("{}: cannot read it: {}", at, errno_text(errno)));
    const ElfFacts facts = inspect_elf(descriptor);
    Head head{};
    const ssize_t count = pread(descriptor, head.bytes, sizeof head.bytes, 0);
    head.count = count > 0 ? static_cast<size_t>(count) : 0;
    close(descriptor);
    if (facts.kind != ElfKind::none) {
      auto judged = judge_elf(at, facts);
      if (!judged) return judged;
      if (!judged->obstacle.empty()) judged->obstacle = at + " " + judged->obstacle;
      judged->path = path;
      return judged;
    }
    const std::string interpreter = script_interpreter(head);
    if (interpreter.empty()) {
      if (std::memchr(head.bytes, 0, head.count) != nullptr)
        return refused(kExitNotExecutable, fmt::format("{}: no program: its format is unknown", at));
      return Program{path, {}, true};
    }
    const int error = executable_errno(interpreter);
    if (error != 0)
      return refused(exit_code_of(error),
                     fmt::format("{}: its interpreter {}: {}", at, interpreter, errno_text(error)));
    at = interpreter;
  }
  return refused(kExitNotExecutable, fmt::format("{}: too many interpreters one behind the other", path));
}

} // namespace sp::spctl
