// SPDX-License-Identifier: Apache-2.0
// sendmsg and recvmsg on a shadow's socket: its pieces go as one, for a message is sent and received whole.
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint64_t kPieceCountMax = 1024; // UIO_MAXIOV

// A message's pieces and one piece of the transfer area, in step.
class Pieces {
public:
  // False: EFAULT or too many.
  bool read(const msghdr& message) {
    count_ = message.msg_iovlen;
    if (count_ > kPieceCountMax || !vfd::read_program(pieces_, message.msg_iov, count_ * sizeof(iovec))) return false;
    for (uint64_t i = 0; i < count_; ++i) total_ += pieces_[i].iov_len;
    return true;
  }
  uint64_t total() const { return total_; }

  // Copies `bytes` from there to `to`, or from `from` to there.
  bool gather(char* to, uint64_t bytes) const {
    return each(bytes, [&](uint64_t at, const iovec& piece, uint64_t part) {
      return vfd::read_program(to + at, piece.iov_base, part);
    });
  }
  bool scatter(const char* from, uint64_t bytes) const {
    return each(bytes, [&](uint64_t at, const iovec& piece, uint64_t part) {
      return vfd::write_program(piece.iov_base, from + at, part);
    });
  }

private:
  template <class Copy>
  bool each(uint64_t bytes, Copy copy) const {
    uint64_t at = 0;
    for (uint64_t i = 0; i < count_ && at < bytes; ++i) {
      const uint64_t part = pieces_[i].iov_len < bytes - at ? pieces_[i].iov_len : bytes - at;
      if (!copy(at, pieces_[i], part)) return false;
      at += part;
    }
    return true;
  }

  iovec pieces_[kPieceCountMax];
  uint64_t count_ = 0, total_ = 0;
};

long receive_name(const Call& call, const msghdr& message, const msghdr& there) {
  msghdr changed = message;
  const uint32_t bytes = there.msg_namelen < message.msg_namelen ? there.msg_namelen : message.msg_namelen;
  if (message.msg_name && !vfd::write_program(message.msg_name, there.msg_name, bytes)) return -EFAULT;
  changed.msg_namelen = there.msg_namelen;
  changed.msg_flags = there.msg_flags;
  changed.msg_controllen = 0;
  return vfd::write_program(call.pointer<void>(1), &changed, sizeof changed) ? 0 : -EFAULT;
}

} // namespace

std::optional<long> message_by_shadow(const Call& call) {
  constexpr uint32_t kNameBytesMax = 128; // sizeof(sockaddr_storage)
  if (!vfd::is_remote(call.arg(0))) return std::nullopt;
  const bool sends = call.number() == SYS_sendmsg;
  msghdr message;
  Pieces pieces;
  if (!vfd::read_program(&message, call.pointer<const void>(1), sizeof message)) return -EFAULT;
  if (sends && message.msg_controllen) return -EOPNOTSUPP;
  if (message.msg_iovlen > kPieceCountMax) return -EMSGSIZE;
  if (message.msg_name && message.msg_namelen > kNameBytesMax) message.msg_namelen = kNameBytesMax;
  if (!pieces.read(message)) return -EFAULT;
  vfd::Transfer transfer;
  msghdr there = message;
  there.msg_name = message.msg_name ? transfer.put(message.msg_name, message.msg_namelen) : nullptr;
  if (message.msg_name && !there.msg_name) return -EFAULT;
  there.msg_control = nullptr, there.msg_controllen = 0;
  const uint64_t room = transfer.left() - 4096, total = pieces.total() < room ? pieces.total() : room;
  auto* const bytes = static_cast<char*>(transfer.take(total));
  if (sends && !pieces.gather(bytes, total)) return -EFAULT;
  auto* const piece = static_cast<iovec*>(transfer.take(sizeof(iovec)));
  *piece = {bytes, total};
  there.msg_iov = piece, there.msg_iovlen = 1;
  auto* const header = static_cast<msghdr*>(transfer.take(sizeof there));
  *header = there;
  const long result = vfd::shadow_call(call.number(), call.arg(0), header, call.arg(2));
  if (sends || sys::failed(result)) return result;
  const uint64_t received = static_cast<uint64_t>(result) < total ? static_cast<uint64_t>(result) : total;
  const msghdr answer = *header;
  if (!pieces.scatter(bytes, received)) return -EFAULT;
  there.msg_namelen = answer.msg_namelen, there.msg_flags = answer.msg_flags;
  if (const long failed = receive_name(call, message, there)) return failed;
  return result;
}

} // namespace sp
