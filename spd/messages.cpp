// SPDX-License-Identifier: Apache-2.0
#include "spd/messages.hpp"

#include <algorithm>
#include <cerrno>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "spd/admission.hpp"
#include "spd/unplaced.hpp"

namespace sp::spd {

namespace {

constexpr size_t kPieceCountMax = 64;

struct Message {
  msghdr header;
  iovec pieces[kPieceCountMax];
};

bool is_good(const void* at, uint64_t bytes) {
  return bytes == 0 || !at || in_segment(reinterpret_cast<uint64_t>(at), bytes);
}

long read_message(const msghdr* there, Message& message) {
  __builtin_memcpy(&message.header, there, sizeof message.header);
  msghdr& header = message.header;
  if (header.msg_iovlen > kPieceCountMax) return -EMSGSIZE;
  if (!is_good(header.msg_iov, header.msg_iovlen * sizeof(iovec)) || !is_good(header.msg_name, header.msg_namelen) ||
      !is_good(header.msg_control, header.msg_controllen))
    return -EFAULT;
  if (header.msg_iov) __builtin_memcpy(message.pieces, header.msg_iov, header.msg_iovlen * sizeof(iovec));
  header.msg_iov = header.msg_iov ? message.pieces : nullptr;
  for (size_t i = 0; header.msg_iov && i < header.msg_iovlen; ++i)
    if (!is_good(message.pieces[i].iov_base, message.pieces[i].iov_len)) return -EFAULT;
  return 0;
}

} // namespace

long perform_message(const CallWords& call) {
  auto* const there = reinterpret_cast<msghdr*>(call[2]);
  Message message;
  if (call[2] % alignof(msghdr) || !in_segment(call[2], sizeof(msghdr))) return -EFAULT;
  if (const long error = read_message(there, message)) return error;
  if (call[0] == SYS_sendmsg) return sys::call(SYS_sendmsg, call[1], &message.header, call[3]);
  const long result = receive_unplaced(static_cast<int>(call[1]), message.header, static_cast<int>(call[3]));
  if (sys::failed(result)) return result;
  there->msg_namelen = message.header.msg_namelen;
  there->msg_controllen = message.header.msg_controllen;
  there->msg_flags = message.header.msg_flags;
  return result;
}

} // namespace sp::spd
