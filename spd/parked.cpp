// SPDX-License-Identifier: Apache-2.0
#include "spd/parked.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "spd/segment.hpp"

namespace sp::spd {

namespace {

// Only the thread that serves requests uses it. A number is a place and how often that place was given away before.
struct Parked {
  int descriptor = -1;
  uint32_t use = 0;
};
Parked lot[kParkedMax];
constexpr uint32_t kUseMax = INT32_MAX / kParkedMax;

Parked* find(uint64_t number) {
  Parked& p = lot[number % kParkedMax];
  return p.descriptor >= 0 && p.use == number / kParkedMax ? &p : nullptr;
}

void drop(Parked& p) {
  close(p.descriptor);
  p = {-1, (p.use + 1) % kUseMax};
}

bool send(int socket, int descriptor) {
  char byte = 0;
  iovec piece{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &piece, message.msg_iovlen = 1;
  message.msg_control = control, message.msg_controllen = sizeof control;
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_len = CMSG_LEN(sizeof(int)), header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS;
  memcpy(CMSG_DATA(header), &descriptor, sizeof descriptor);
  return sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == 1;
}

} // namespace

int take_from(pid_t pid, uint64_t descriptor) {
  if (!is_leased(pid)) return -EINVAL;
  if (descriptor > INT32_MAX) return -EBADF;
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return -errno;
  const long taken = syscall(SYS_pidfd_getfd, process, static_cast<int>(descriptor), 0);
  const int error = errno;
  close(process);
  return taken < 0 ? -error : static_cast<int>(taken);
}

long park(pid_t pid, uint64_t descriptor) {
  for (uint32_t i = 0; i < kParkedMax; ++i) {
    if (lot[i].descriptor >= 0) continue;
    const int taken = take_from(pid, descriptor);
    if (taken < 0) return taken;
    lot[i].descriptor = taken;
    return lot[i].use * kParkedMax + i;
  }
  return -ETOOMANYREFS;
}

long drop_parked(uint64_t number) {
  Parked* const p = find(number);
  return p ? drop(*p), 0 : -ENOENT;
}

long hand_over(pid_t pid, uint64_t socket, uint64_t number, bool keep) {
  Parked* const p = find(number);
  if (!p) return -ENOENT;
  const int way = take_from(pid, socket);
  if (way < 0) return way;
  const bool sent = send(way, p->descriptor);
  close(way);
  if (!sent) return -EIO;
  if (!keep) drop(*p);
  return 0;
}

} // namespace sp::spd
