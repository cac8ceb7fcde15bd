// SPDX-License-Identifier: Apache-2.0
// The kernel writes the caller's process number into a Unix socket for its peer to read (SO_PEERCRED): the pair's, when it
// is made, a listener's when it listens, a client's when it connects. These calls are therefore home's, and so are a message
// that carries the number itself and one to a Unix address, whose receiver may ask for the number (SO_PASSCRED). What the
// kernel adds unasked to other messages is the resident's: the receiver's side makes it the SubProcess's.
#include <sys/socket.h>

#include "libsuperproc/process/other_subprocess.hpp"
#include "libsuperproc/syscalls/pass.hpp"

namespace sp {

namespace {
constexpr uint64_t kFamilyBytes = sizeof(sa_family_t);

struct Credentials { // struct ucred
  int32_t pid;
  uint32_t uid, gid;
};

// Null: it has none.
Credentials* credentials_in(const msghdr& message) {
  const uint64_t start = address_of(message.msg_control), end = start + message.msg_controllen;
  for (uint64_t at = start; start && at + sizeof(cmsghdr) <= end;) {
    const auto& part = *pointer_to<const cmsghdr>(at);
    const bool found = part.cmsg_level == SOL_SOCKET && part.cmsg_type == SCM_CREDENTIALS;
    if (found && part.cmsg_len >= CMSG_LEN(sizeof(Credentials)) && at + part.cmsg_len <= end)
      return pointer_to<Credentials>(at + CMSG_LEN(0));
    if (part.cmsg_len < sizeof(cmsghdr)) return nullptr;
    at += CMSG_ALIGN(part.cmsg_len);
  }
  return nullptr;
}

void name_process_in(const msghdr& message) {
  if (Credentials* found = credentials_in(message); found && found->pid > 0) found->pid = subprocess_of(found->pid);
}

bool is_unix(const sockaddr* address, uint64_t bytes) {
  return address_of(address) >= wire::kPageBytes && bytes >= kFamilyBytes && address->sa_family == AF_UNIX;
}

// By home's agent, which may not wait; where that would be necessary the message goes from here.
long send_from_home(const Call& call, int flags_index) {
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = i == flags_index ? call.arg(i) | MSG_DONTWAIT : call.arg(i);
  const long result = ask(home_node(), Operation::kernel_call, call.number(), a[0], a[1], a[2], a[3], a[4], a[5]);
  return result == -EAGAIN ? call.pass() : result;
}
} // namespace

long sys_socketpair(Call& call) { return pass_home(call); }
long sys_listen(Call& call) { return pass_home(call); }

// A Unix listener with a full queue makes the caller wait.
long sys_connect(Call& call) {
  if (at_home() || !is_unix(call.pointer<const sockaddr>(1), call.arg(2))) return call.pass();
  return pass_home_blocking(call);
}

long sys_sendto(Call& call) {
  if (at_home() || !is_unix(call.pointer<const sockaddr>(4), call.arg(5))) [[likely]]
    return call.pass();
  return send_from_home(call, 3);
}

long sys_sendmsg(Call& call) {
  const auto* message = call.pointer<const msghdr>(1);
  if (at_home() || address_of(message) < wire::kPageBytes) return call.pass();
  if (credentials_in(*message)) return pass_home_blocking(call);
  if (is_unix(static_cast<const sockaddr*>(message->msg_name), message->msg_namelen)) return send_from_home(call, 2);
  return call.pass();
}

long sys_recvmsg(Call& call) {
  const long result = call.pass();
  if (!sys::failed(result)) name_process_in(*call.pointer<const msghdr>(1));
  return result;
}

long sys_recvmmsg(Call& call) {
  const long count = call.pass();
  for (long i = 0; i < count; ++i) name_process_in(call.pointer<const mmsghdr>(1)[i].msg_hdr);
  return count;
}

} // namespace sp
