// SPDX-License-Identifier: Apache-2.0
// See namespaces.hpp.
#include "spctl/namespaces.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/capability.h>
#include <sched.h>
#include <string>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sp::spctl {
namespace {

bool write_file(const char* path, const std::string& text) {
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  const bool done = file >= 0 && write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (file >= 0) close(file);
  return done;
}

} // namespace

// An ordinary user may make the other namespaces only inside a user namespace of his own, in which he stays who he is.
// What spd may do there it keeps over exec as ambient capabilities.
bool enter_user_namespace() {
  const uid_t user = geteuid();
  const gid_t group = getegid();
  if (user == 0) return true;
  if (unshare(CLONE_NEWUSER) != 0) return false;
  if (!write_file("/proc/self/setgroups", "deny") ||
      !write_file("/proc/self/uid_map", fmt::format("{} {} 1", user, user)) ||
      !write_file("/proc/self/gid_map", fmt::format("{} {} 1", group, group)))
    return false;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct held[2]{};
  if (syscall(SYS_capget, &header, held) != 0) return false;
  for (auto& word : held) word.inheritable = word.permitted;
  if (syscall(SYS_capset, &header, held) != 0) return false;
  for (unsigned capability = 0; capability < 64; ++capability)
    if (held[capability / 32].permitted >> capability % 32 & 1)
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0);
  return true;
}

void drop_privileges() {
  if (geteuid() == 0) return; // the user's own
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2]{};
  syscall(SYS_capset, &header, none);
}

uint64_t namespaces_of(NodeId node) {
  return CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | (node.value == 0 ? 0 : CLONE_NEWNET);
}

} // namespace sp::spctl
