// SPDX-License-Identifier: Apache-2.0
#include "vfd/passing.hpp"

#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sys/socket.h>
#include <sys/stat.h>

#include "libsuperproc/base/path.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

namespace {

template <class... A>
long call_at(Side side, long number, A... arguments) {
  return side.is_here() ? sys::call(number, arguments...) : shadow_call(number, arguments...);
}

template <class... A>
long ask_spd_of(NodeId node, wire::NodeOperation operation, A... arguments) {
  return to_raw(ask_spd(membership.node, node, own_tid(), operation, arguments...));
}

// Memory for a call's structures, where that side can reach it.
class Scratch {
public:
  explicit Scratch(Side side) {
    if (!side.is_here()) transfer_.emplace();
  }
  template <class T>
  T* take(uint64_t count = 1) {
    if (transfer_) return static_cast<T*>(transfer_->take(count * sizeof(T)));
    auto* const at = reinterpret_cast<T*>(own_ + used_);
    used_ = (used_ + count * sizeof(T) + 15) & ~15ull;
    return at;
  }

private:
  std::optional<Transfer> transfer_;
  alignas(16) uint8_t own_[2048];
  uint64_t used_ = 0;
};

long stream_pair(Side side, int& one, int& other) {
  Scratch memory(side);
  auto* const pair = memory.take<int>(2);
  const long made = call_at(side, SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  one = pair[0], other = pair[1];
  return made;
}

// What a receiver elsewhere needs to open the same file, if it has a name.
void describe_file(Side side, int descriptor, wire::Token& token) {
  Scratch memory(side);
  auto* const about = memory.take<struct stat>();
  auto* link = memory.take<char>(64);
  auto* const name = memory.take<char>(wire::kTokenPathMax);
  token.path[0] = 0;
  if (sys::failed(call_at(side, SYS_fstat, descriptor, about))) return;
  if (const uint32_t type = about->st_mode & S_IFMT; type == S_IFIFO || type == S_IFSOCK || type == 0) return;
  Path text;
  text << "/proc/self/fd/" << static_cast<long>(descriptor);
  const char* const start = link;
  for (const char* from = text.text(); (*link++ = *from++) != 0;) {
  }
  const long bytes = call_at(side, SYS_readlink, start, name, wire::kTokenPathMax - 1);
  if (sys::failed(bytes) || bytes >= wire::kTokenPathMax) return;
  __builtin_memcpy(token.path, name, static_cast<uint64_t>(bytes));
  token.path[bytes] = 0;
  token.flags = static_cast<int32_t>(call_at(side, SYS_fcntl, descriptor, F_GETFL, 0));
  token.offset = call_at(side, SYS_lseek, descriptor, 0, SEEK_CUR);
}

// A token at the socket's side for what is parked; its descriptor there or -errno.
long make_token(Side socket, const wire::Token& token) {
  int sent = -1, kept = -1;
  if (const long failed = stream_pair(socket, sent, kept)) return failed;
  long done;
  {
    Scratch memory(socket);
    auto* const copy = memory.take<wire::Token>();
    *copy = token;
    done = call_at(socket, SYS_sendto, kept, copy, sizeof token, MSG_NOSIGNAL | MSG_DONTWAIT, nullptr, 0);
  }
  if (!sys::failed(done))
    done = ask_spd_of(socket.node(), wire::NodeOperation::watch_token, socket.pid(), kept, token.node, token.parked);
  call_at(socket, SYS_close, kept);
  if (sys::failed(done)) call_at(socket, SYS_close, sent);
  return sys::failed(done) ? done : sent;
}

long park_and_make_token(Side file, Side socket, int descriptor) {
  wire::Token token{{wire::kTokenMagic[0], wire::kTokenMagic[1]}, file.node().value, 0, 0, 0, 0, {}};
  describe_file(file, descriptor, token);
  const long parked = ask_spd_of(file.node(), wire::NodeOperation::park, file.pid(), descriptor);
  if (sys::failed(parked)) return parked;
  token.parked = static_cast<uint32_t>(parked);
  const long made = make_token(socket, token);
  if (sys::failed(made)) (void)ask_spd_of(file.node(), wire::NodeOperation::drop_parked, parked);
  return made;
}

bool read_token(Side socket, int descriptor, wire::Token& token) {
  Scratch memory(socket);
  auto* const copy = memory.take<wire::Token>();
  const long bytes =
      call_at(socket, SYS_recvfrom, descriptor, copy, sizeof token, MSG_PEEK | MSG_DONTWAIT, nullptr, nullptr);
  return bytes == sizeof token && is_token(*copy, token);
}

// From the spd that keeps it; the new descriptor of that side.
long take_parked(Side side, uint32_t parked, bool keep) {
  int mine = -1, theirs = -1;
  if (const long failed = stream_pair(side, mine, theirs)) return failed;
  long number = ask_spd_of(side.node(), wire::NodeOperation::hand_over, side.pid(), theirs, parked, keep);
  if (!sys::failed(number)) {
    Scratch memory(side);
    auto* const message = memory.take<msghdr>();
    auto* const piece = memory.take<iovec>();
    auto* const control = memory.take<cmsghdr>(2);
    *piece = {memory.take<char>(16), 1};
    *message = {nullptr, 0, piece, 1, control, CMSG_SPACE(sizeof(int)), 0};
    number = call_at(side, SYS_recvmsg, mine, message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    const bool there = !sys::failed(number) && message->msg_controllen >= CMSG_LEN(sizeof(int));
    number = there ? *reinterpret_cast<int*>(control + 1) : -EIO;
  }
  call_at(side, SYS_close, mine);
  call_at(side, SYS_close, theirs);
  return number;
}

// The same for one of this node.
long settle(long descriptor, long number, bool close_on_exec) {
  const long to = number >= 0 ? sys::call(SYS_dup3, descriptor, number, close_on_exec ? O_CLOEXEC : 0)
                              : sys::call(SYS_fcntl, descriptor, close_on_exec ? F_DUPFD_CLOEXEC : F_DUPFD, 0);
  sys::call(SYS_close, descriptor);
  return to;
}

long open_by_name(const wire::Token& token) {
  if (token.path[0] != '/') return -ENXIO;
  const int flags = token.flags & ~(O_CREAT | O_EXCL | O_TRUNC);
  const long opened = sys::call(SYS_openat, AT_FDCWD, token.path, flags | O_CLOEXEC | O_NOCTTY, 0);
  if (!sys::failed(opened) && token.offset > 0) sys::call(SYS_lseek, opened, token.offset, SEEK_SET);
  return opened;
}

long take_what_is_meant(const wire::Token& token, bool keep, long number, bool close_on_exec) {
  const Side here{Side::Place::here}, shadow{Side::Place::shadow};
  if (token.node == here.node().value) {
    const long taken = take_parked(here, token.parked, keep);
    if (!sys::failed(taken)) return settle(taken, number, close_on_exec);
  } else if (is_body() && token.node == shadow.node().value) {
    const long taken = take_parked(shadow, token.parked, keep);
    if (!sys::failed(taken)) return place(taken, number, close_on_exec);
  }
  const long opened = open_by_name(token);
  return sys::failed(opened) ? opened : settle(opened, number, close_on_exec);
}

// What a received number of the socket's side stands for, as a number of this process; -errno: it cannot be had.
long receive_one(Side socket, int descriptor, int flags) {
  const bool close_on_exec = flags & MSG_CMSG_CLOEXEC, keep = flags & MSG_PEEK;
  wire::Token token;
  if (!read_token(socket, descriptor, token))
    return socket.is_here() ? descriptor : place(descriptor, -1, close_on_exec);
  long done = take_what_is_meant(token, keep, socket.is_here() ? descriptor : -1, close_on_exec);
  if (!socket.is_here() || sys::failed(done)) call_at(socket, SYS_close, descriptor); // not before it is taken
  return done;
}

} // namespace

int32_t Side::pid() const {
  return is_here() ? static_cast<int32_t>(sys::call(SYS_getpid)) : record().shadow_pid.load();
}

bool passes_others(Side socket, const uint8_t* control, uint64_t bytes) {
  bool any = false;
  each_array(const_cast<uint8_t*>(control), bytes, [&](uint64_t, const int* numbers, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) any = any || Side::of(static_cast<uint64_t>(numbers[i])).place != socket.place;
  });
  return any;
}

long SentDescriptors::replace(uint8_t* control, uint64_t bytes) {
  long failed = 0;
  each_array(control, bytes, [&](uint64_t, int* numbers, uint64_t count) {
    for (uint64_t i = 0; i < count && !failed; ++i) {
      const Side file = Side::of(static_cast<uint64_t>(numbers[i]));
      if (file.place == socket_.place) continue;
      if (token_count_ == kPassedMax) return void(failed = -EINVAL);
      const long token = park_and_make_token(file, socket_, numbers[i]);
      if (sys::failed(token)) return void(failed = token);
      numbers[i] = tokens_[token_count_++] = static_cast<int>(token);
    }
  });
  return failed;
}

SentDescriptors::~SentDescriptors() {
  for (uint32_t i = 0; i < token_count_; ++i) call_at(socket_, SYS_close, tokens_[i]);
}

uint64_t receive_descriptors(Side socket, uint8_t* control, uint64_t bytes, int flags, bool& lost) {
  uint64_t end = bytes;
  each_array(control, bytes, [&](uint64_t at, int* numbers, uint64_t count) {
    uint64_t kept = 0;
    for (uint64_t i = 0; i < count; ++i) {
      const long number = receive_one(socket, numbers[i], flags);
      if (sys::failed(number))
        lost = true;
      else
        numbers[kept++] = static_cast<int>(number);
    }
    for (uint64_t i = kept; i < count; ++i) numbers[i] = -1;
    if (kept == count) return;
    const uint64_t length = sizeof(cmsghdr) + kept * sizeof(int);
    if (at + ((sizeof(cmsghdr) + count * sizeof(int) + 7) & ~7ull) < bytes) return; // others follow: -1 stays
    __builtin_memcpy(control + at, &length, sizeof length);
    end = kept ? at + ((length + 7) & ~7ull) : at;
  });
  return end < bytes ? end : bytes;
}

} // namespace sp::vfd
