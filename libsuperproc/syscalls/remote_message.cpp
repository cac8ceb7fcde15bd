// SPDX-License-Identifier: Apache-2.0
// sendmsg and recvmsg on a shadow's socket: its pieces go as one, for a message is sent and received whole. What it passes
// is replaced on the way (vfd/passing.hpp).
#include <cerrno>
#include <sys/socket.h>
#include <sys/uio.h>

#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/passing.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using vfd::Side;

constexpr uint64_t kControlMax = 4 << 10; // 253 descriptors and all that Linux adds
constexpr uint64_t kPieceMax = 1024;

// What a message header leads to, copied.
struct Message {
  msghdr header;
  iovec pieces[kPieceMax];
  uint64_t total = 0;

  long read(const msghdr* program) {
    if (!vfd::read_program(&header, program, sizeof header)) return -EFAULT;
    if (header.msg_iovlen > kPieceMax) return -EMSGSIZE;
    if (!vfd::read_program(pieces, header.msg_iov, header.msg_iovlen * sizeof(iovec))) return -EFAULT;
    for (uint64_t i = 0; i < header.msg_iovlen; ++i) total += pieces[i].iov_len;
    return 0;
  }

  // Copies `bytes` between the pieces and one buffer.
  template <class Copy>
  bool each_piece(uint8_t* buffer, uint64_t bytes, Copy&& copy) const {
    for (uint64_t i = 0, at = 0; i < header.msg_iovlen && at < bytes; at += pieces[i++].iov_len) {
      const uint64_t left = bytes - at, length = pieces[i].iov_len < left ? pieces[i].iov_len : left;
      if (!copy(buffer + at, pieces[i].iov_base, length)) return false;
    }
    return true;
  }
};

// The same header in a transfer area, its data in one piece; a longer message is sent or received in part.
struct Transferred {
  vfd::Transfer memory;
  msghdr* header = nullptr;
  uint8_t *data = nullptr, *control = nullptr;
  uint64_t bytes = 0;

  long make(const Message& m) {
    const uint64_t control_bytes = m.header.msg_controllen < kControlMax ? m.header.msg_controllen : kControlMax;
    header = static_cast<msghdr*>(memory.put(&m.header, sizeof(msghdr)));
    auto* const piece = static_cast<iovec*>(memory.take(sizeof(iovec)));
    header->msg_namelen =
        m.header.msg_namelen < sizeof(sockaddr_storage) ? m.header.msg_namelen : sizeof(sockaddr_storage);
    header->msg_name = m.header.msg_name ? memory.put(m.header.msg_name, header->msg_namelen) : nullptr;
    if (m.header.msg_name && !header->msg_name) return -EFAULT;
    header->msg_control = control = m.header.msg_control ? static_cast<uint8_t*>(memory.take(control_bytes)) : nullptr;
    header->msg_controllen = control ? control_bytes : 0;
    bytes = m.total < memory.left() - 16 ? m.total : memory.left() - 16;
    data = static_cast<uint8_t*>(memory.take(bytes));
    *piece = {data, bytes};
    header->msg_iov = piece, header->msg_iovlen = 1;
    return 0;
  }
};

long send_by_shadow(uint64_t socket, const Message& m, int flags) {
  Transferred there;
  if (m.header.msg_controllen > kControlMax) return -ENOBUFS;
  if (const long error = there.make(m)) return error;
  const auto from_program = [](uint8_t* to, const void* from, uint64_t n) { return vfd::read_program(to, from, n); };
  if (!m.each_piece(there.data, there.bytes, from_program) ||
      !vfd::read_program(there.control, m.header.msg_control, there.header->msg_controllen))
    return -EFAULT;
  vfd::SentDescriptors passed({Side::Place::shadow});
  if (const long error = passed.replace(there.control, there.header->msg_controllen)) return error;
  return vfd::shadow_call(SYS_sendmsg, socket, there.header, flags, there.bytes);
}

long receive_by_shadow(uint64_t socket, const Message& m, msghdr* program, int flags) {
  Transferred there;
  if (const long error = there.make(m)) return error;
  const long result = vfd::shadow_call(SYS_recvmsg, socket, there.header, flags);
  if (sys::failed(result)) return result;
  msghdr answer = m.header;
  const uint64_t received = static_cast<uint64_t>(result) < there.bytes ? static_cast<uint64_t>(result) : there.bytes;
  const auto to_program = [](const uint8_t* from, void* to, uint64_t n) { return vfd::write_program(to, from, n); };
  bool whole = m.each_piece(there.data, received, to_program), lost = false;
  answer.msg_flags = there.header->msg_flags;
  answer.msg_controllen = there.header->msg_controllen;
  if (answer.msg_controllen > m.header.msg_controllen) return -EIO;
  answer.msg_controllen =
      vfd::receive_descriptors({Side::Place::shadow}, there.control, answer.msg_controllen, flags, lost);
  if (lost) answer.msg_flags |= MSG_CTRUNC;
  whole = whole && vfd::write_program(m.header.msg_control, there.control, answer.msg_controllen);
  if (m.header.msg_name) {
    const uint32_t length = there.header->msg_namelen;
    whole = whole && vfd::write_program(m.header.msg_name, there.header->msg_name,
                                        length < m.header.msg_namelen ? length : m.header.msg_namelen);
    answer.msg_namelen = length;
  }
  return whole && vfd::write_program(program, &answer, sizeof answer) ? result : -EFAULT;
}

} // namespace

long message_by_shadow(uint64_t socket, msghdr* program, int flags, bool sends) {
  Message m;
  if (const long error = m.read(program)) return error;
  return sends ? send_by_shadow(socket, m, flags) : receive_by_shadow(socket, m, program, flags);
}

} // namespace sp
