// SPDX-License-Identifier: Apache-2.0
// sendfile, splice and copy_file_range where the two descriptors are not of one node, or both are the shadow's: from one to
// the other through a transfer area. What is read from a pipe or socket cannot be put back, so it is read only when the
// other side is ready for it, and then written whole.
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "libsuperproc/syscalls/marshal.hpp"
#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

using vfd::is_remote;

constexpr uint64_t kFilePart = 64 << 10, kStreamPart = 4096; // PIPE_BUF: a pipe that is ready takes it whole

template <class... A>
long call_at(bool there, long number, A... arguments) {
  return there ? vfd::shadow_call(number, arguments...) : sys::call(number, arguments...);
}

struct End {
  uint64_t descriptor = 0;
  bool there = false;
  uint32_t type = 0;         // S_IFMT
  int64_t* offset = nullptr; // the program's; null: the open file's own
  int64_t at = 0;

  // 0 or -errno.
  long open(uint64_t number, uint64_t offset_address) {
    descriptor = number, there = is_remote(number);
    offset = reinterpret_cast<int64_t*>(offset_address);
    struct stat about {};
    if (there)
      type = (vfd::kind_of(number) & 0xfu) << 12;
    else if (const long failed = sys::call(SYS_fstat, number, &about))
      return failed;
    else
      type = about.st_mode & S_IFMT;
    if (!offset) return 0;
    if (is_stream()) return type == S_IFIFO ? -ESPIPE : -EINVAL;
    if (!vfd::read_program(&at, offset, sizeof at)) return -EFAULT;
    return at < 0 ? -EINVAL : 0;
  }

  bool is_stream() const { return type == S_IFIFO || type == S_IFSOCK || type == S_IFCHR; }

  long poll(short events, int limit_ms) const {
    pollfd asked{static_cast<int>(descriptor), events, 0};
    if (!there) return app_call(SYS_poll, &asked, 1, limit_ms);
    vfd::Transfer transfer;
    return vfd::shadow_call(SYS_poll, transfer.put(&asked, sizeof asked), 1, limit_ms);
  }

  long read(void* to, uint64_t bytes) const {
    return offset ? call_at(there, SYS_pread64, descriptor, to, bytes, at)
                  : call_at(there, SYS_read, descriptor, to, bytes);
  }
  long write(const void* from, uint64_t bytes) const {
    return offset ? call_at(there, SYS_pwrite64, descriptor, from, bytes, at)
                  : call_at(there, SYS_write, descriptor, from, bytes);
  }
  void go_back(uint64_t bytes) const { // what was read from a file but not written
    if (!offset && bytes) call_at(there, SYS_lseek, descriptor, -static_cast<int64_t>(bytes), SEEK_CUR);
  }
  void advance(uint64_t bytes) { at += static_cast<int64_t>(bytes); }
  bool tell() const { return !offset || vfd::write_program(offset, &at, sizeof at); }
};

enum class Waits { none, first };

// Whether it goes on: more than 0. In a wait of this node's own nothing is held yet, so a signal may end it.
long ready(const End& in, const End& out, Waits patience) {
  const int limit_ms = patience == Waits::none ? 0 : -1;
  for (const End* end : {&in, &out}) {
    if (!end->is_stream()) continue;
    const long found = end->poll(end == &in ? POLLIN : POLLOUT, limit_ms);
    if (found <= 0) return found ? found : -EAGAIN;
  }
  return 1;
}

// One part; how much, 0 at the end, -errno.
long copy_part(End& in, End& out, uint64_t bytes) {
  vfd::Transfer transfer;
  const uint64_t most = out.is_stream() ? kStreamPart : kFilePart;
  auto* const data = static_cast<char*>(transfer.take(most));
  const long got = in.read(data, bytes < most ? bytes : most);
  if (got <= 0) return got;
  long done = 0;
  while (done < got) {
    const long written = out.write(data + done, static_cast<uint64_t>(got - done));
    if (written == -EAGAIN && in.is_stream())
      (void)out.poll(POLLOUT, -1);
    else if (written == -EINTR && in.is_stream())
      sys::call(SYS_sched_yield);
    else if (sys::failed(written)) {
      if (!in.is_stream()) in.go_back(static_cast<uint64_t>(got - done));
      if (done == 0) return written;
      break;
    } else {
      done += written, out.advance(static_cast<uint64_t>(written));
    }
  }
  in.advance(static_cast<uint64_t>(done));
  return done;
}

long copy(End& in, End& out, uint64_t bytes, Waits patience) {
  uint64_t done = 0;
  while (done < bytes) {
    const long open = ready(in, out, done ? Waits::none : patience);
    const long part = open > 0 ? copy_part(in, out, bytes - done) : open;
    if (sys::failed(part) && done == 0) return part;
    if (part <= 0) break;
    done += static_cast<uint64_t>(part);
  }
  return in.tell() && out.tell() ? static_cast<long>(done) : -EFAULT;
}

Waits waits_of(const End& end) {
  const long flags = call_at(end.there, SYS_fcntl, end.descriptor, F_GETFL, 0);
  return flags & O_NONBLOCK ? Waits::none : Waits::first;
}

bool is_file(const End& end) { return end.type == S_IFREG || end.type == S_IFBLK; }

} // namespace

std::optional<long> copy_between(const Call& call) {
  const bool sendfile = call.number() == SYS_sendfile;
  const uint64_t from = sendfile ? call.arg(1) : call.arg(0), to = sendfile ? call.arg(0) : call.arg(2);
  if (!is_remote(from) && !is_remote(to)) return std::nullopt;
  End in, out;
  if (const long failed = in.open(from, sendfile ? call.arg(2) : call.arg(1))) return failed;
  if (const long failed = out.open(to, sendfile ? 0 : call.arg(3))) return failed;
  const uint64_t bytes = sendfile ? call.arg(3) : call.arg(4);
  switch (call.number()) {
    case SYS_sendfile:
      if (!is_file(in)) return -EINVAL;
      return copy(in, out, bytes, waits_of(out));
    case SYS_copy_file_range:
      if (!is_file(in) || !is_file(out) || call.arg(5)) return -EINVAL;
      return copy(in, out, bytes, Waits::first);
    default: {
      constexpr uint64_t kNonBlock = 2; // SPLICE_F_NONBLOCK
      if (in.type != S_IFIFO && out.type != S_IFIFO) return -EINVAL;
      const bool waits = !(call.arg(5) & kNonBlock) && waits_of(in) == Waits::first;
      return copy(in, out, bytes, waits ? Waits::first : Waits::none);
    }
  }
}

// Into a pipe or out of it, without anything being moved.
std::optional<long> copy_memory(const Call& call) {
  if (!is_remote(call.arg(0))) return std::nullopt;
  if ((vfd::kind_of(call.arg(0)) & 0xfu) << 12 != S_IFIFO) return -EBADF;
  const long flags = vfd::shadow_call(SYS_fcntl, call.arg(0), F_GETFL, 0);
  if (sys::failed(flags)) return flags;
  const uint64_t a[6] = {call.arg(0), call.arg(1), call.arg(2), 0, 0, 0};
  return call_by_shadow((flags & O_ACCMODE) == O_RDONLY ? SYS_readv : SYS_writev, a);
}

} // namespace sp
