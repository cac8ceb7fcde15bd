// SPDX-License-Identifier: Apache-2.0
#include "spd/pipe_contents.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace sp::spd {

namespace {

constexpr int kRoomForMore = 4 * wire::kPipeRingBytes;

template <class T>
T option(int socket, int name, T otherwise) {
  T value{};
  socklen_t bytes = sizeof value;
  return getsockopt(socket, SOL_SOCKET, name, &value, &bytes) == 0 ? value : otherwise;
}

bool waits_for_ever(int socket, int name) {
  const auto limit = option<timeval>(socket, name, {1, 0});
  return limit.tv_sec == 0 && limit.tv_usec == 0;
}

ssize_t send_parts(int writer, iovec (&parts)[2]) {
  msghdr message{};
  message.msg_iov = parts, message.msg_iovlen = 2;
  return sendmsg(writer, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

// The rest after `skip` bytes.
void skip_parts(iovec (&parts)[2], uint64_t skip) {
  for (iovec& part : parts) {
    const uint64_t less = std::min<uint64_t>(skip, part.iov_len);
    part = {static_cast<char*>(part.iov_base) + less, part.iov_len - less}, skip -= less;
  }
}

// False: descriptors go with some of it, or not so much is there.
bool can_take(int reader, char* contents, uint64_t bytes) {
  iovec part{contents, bytes};
  msghdr message{};
  message.msg_iov = &part, message.msg_iovlen = 1;
  return recvmsg(reader, &message, MSG_PEEK | MSG_DONTWAIT) == static_cast<ssize_t>(bytes) &&
         !(message.msg_flags & MSG_CTRUNC);
}

} // namespace

bool is_fit_pipe(int pipe) { return fcntl(pipe, F_GETPIPE_SZ) == static_cast<int>(wire::kPipeRingBytes); }

// The kernel's queue counts what it needs itself, too; what goes with each message is the kernel's.
bool is_fit_pair(int reader, int writer) {
  constexpr int kAskedFor = 1, kNotPeeking = -1;
  return waits_for_ever(reader, SO_RCVTIMEO) && waits_for_ever(writer, SO_SNDTIMEO) &&
         option(reader, SO_RCVLOWAT, 0) == 1 && option(reader, SO_PEEK_OFF, 0) == kNotPeeking &&
         option(reader, SO_PASSCRED, kAskedFor) == 0 && option(writer, SO_PASSCRED, kAskedFor) == 0 &&
         option(reader, SO_PASSSEC, kAskedFor) == 0 &&
         option(writer, SO_SNDBUF, 0) >= 2 * static_cast<int>(wire::kPipeRingBytes);
}

long take_all_of_pipe(int pipe, char* contents) {
  uint32_t bytes = 0;
  for (ssize_t got; bytes < wire::kPipeRingBytes; bytes += static_cast<uint32_t>(got))
    if ((got = read(pipe, contents + bytes, wire::kPipeRingBytes - bytes)) <= 0) break;
  return bytes;
}

long take_all_of_pair(int reader, char* contents) {
  int held = 0;
  if (ioctl(reader, FIONREAD, &held) != 0 || held < 0 || held > static_cast<int>(wire::kPipeRingBytes)) return -EAGAIN;
  const auto bytes = static_cast<uint64_t>(held);
  if (bytes == 0) return 0;
  if (!can_take(reader, contents, bytes)) return -EAGAIN;
  return recv(reader, contents, bytes, MSG_DONTWAIT);
}

void put_all_into_pipe(int pipe, iovec (&parts)[2]) {
  const auto all = static_cast<ssize_t>(parts[0].iov_len + parts[1].iov_len);
  const ssize_t put = writev(pipe, parts, 2);
  if (put == all || (put < 0 && errno != EAGAIN)) return;
  fcntl(pipe, F_SETPIPE_SZ, kRoomForMore); // somebody has written there in spite of all
  skip_parts(parts, put > 0 ? static_cast<uint64_t>(put) : 0);
  (void)!writev(pipe, parts, 2);
}

void put_all_into_pair(int writer, iovec (&parts)[2]) {
  const auto all = static_cast<ssize_t>(parts[0].iov_len + parts[1].iov_len);
  const ssize_t put = send_parts(writer, parts);
  if (put == all || (put < 0 && errno != EAGAIN)) return;
  const int before = option(writer, SO_SNDBUF, 0) / 2; // it tells the double
  setsockopt(writer, SOL_SOCKET, SO_SNDBUF, &kRoomForMore, sizeof kRoomForMore);
  skip_parts(parts, put > 0 ? static_cast<uint64_t>(put) : 0);
  send_parts(writer, parts);
  setsockopt(writer, SOL_SOCKET, SO_SNDBUF, &before, sizeof before);
}

} // namespace sp::spd
