// SPDX-License-Identifier: Apache-2.0
// The kernel writes the caller's process number into a Unix socket for its peer to read (SO_PEERCRED): the pair's, when it
// is made, a listener's when it listens, a client's when it connects. These calls are therefore home's, and so is a message
// that carries the number itself. What the kernel adds to a message unasked (SO_PASSCRED) stays the resident's.
#include <sys/socket.h>

#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {
constexpr uint64_t kFamilyBytes = sizeof(sa_family_t);

bool carries_credentials(const msghdr& message) {
  const uint64_t start = address_of(message.msg_control), end = start + message.msg_controllen;
  for (uint64_t at = start; start && at + sizeof(cmsghdr) <= end;) {
    const auto& part = *pointer_to<const cmsghdr>(at);
    if (part.cmsg_level == SOL_SOCKET && part.cmsg_type == SCM_CREDENTIALS) return true;
    if (part.cmsg_len < sizeof(cmsghdr)) return false;
    at += CMSG_ALIGN(part.cmsg_len);
  }
  return false;
}
} // namespace

long sys_socketpair(Call& call) { return pass_home(call); }
long sys_listen(Call& call) { return pass_home(call); }

// A Unix listener with a full queue makes the caller wait.
long sys_connect(Call& call) {
  const auto* address = call.pointer<const sockaddr>(1);
  if (at_home() || address_of(address) < wire::kPageBytes || call.arg(2) < kFamilyBytes ||
      address->sa_family != AF_UNIX)
    return call.pass();
  return pass_home_blocking(call);
}

long sys_sendmsg(Call& call) {
  const auto* message = call.pointer<const msghdr>(1);
  if (at_home() || address_of(message) < wire::kPageBytes || !carries_credentials(*message)) [[likely]]
    return call.pass();
  return pass_home_blocking(call);
}

} // namespace sp
