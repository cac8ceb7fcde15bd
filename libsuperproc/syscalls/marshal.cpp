// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/marshal.hpp"

#include <cerrno>
#include <fcntl.h>
#include <iterator>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/base/peek.hpp"
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/pipe_transfer.hpp"
#include "vfd/program_memory.hpp"
#include "vfd/shadow_call.hpp"

namespace sp {

namespace {

constexpr uint64_t kPartBytes = 96 << 10; // of one transfer area; names and structures fit beside it

// What is to be copied back to the program.
struct Returned {
  void* program;
  const void* transferred;
  uint64_t bytes;     // the most
  uint32_t by_result; // 1: as many as the call's result says
  uint32_t by_length; // ... or as the socklen_t says that this argument points to (0: none)
};

class Marshalled {
public:
  Marshalled(const Arguments& row, const uint64_t (&arguments)[6]) : row_(row) {
    for (int i = 0; i < 6; ++i) given_[i] = passed_[i] = arguments[i];
  }

  // 0 or -errno.
  long put() {
    for (uint32_t i = 0; i < row_.count; ++i)
      if (const long error = put(i, row_.at[i])) return error;
    return 0;
  }

  uint64_t passed(int i) const { return passed_[i]; }

  // False: EFAULT.
  bool take_back(long result) {
    bool whole = true;
    for (uint32_t i = 0; i < returned_count_; ++i) {
      const Returned& r = returned_[i];
      uint64_t bytes = r.bytes;
      if (r.by_result && static_cast<uint64_t>(result) < bytes) bytes = static_cast<uint64_t>(result);
      if (r.by_length) {
        const uint32_t length = *pointer_to<const uint32_t>(passed_[r.by_length]);
        if (length < bytes) bytes = length;
      }
      whole = vfd::write_program(r.program, r.transferred, bytes) && whole;
    }
    return whole;
  }

private:
  long put(uint32_t i, const Argument& argument) {
    const uint64_t given = given_[i];
    switch (argument.kind) {
      case ArgumentKind::path:
      case ArgumentKind::str: return given ? place(i, transfer_.put_text(pointer_to<const char>(given))) : 0;
      case ArgumentKind::sigset: return given ? place(i, transfer_.put(pointer_to<const void>(given), 8)) : 0;
      case ArgumentKind::timespec: return given ? place(i, transfer_.put(pointer_to<const void>(given), 16)) : 0;
      case ArgumentKind::in:
        return given ? place(i, transfer_.put(pointer_to<const void>(given), bytes_of(argument))) : 0;
      case ArgumentKind::out:
      case ArgumentKind::inout: return given ? put_out(i, argument) : 0;
      case ArgumentKind::outlen: {
        if (!given || !given_[argument.length_argument]) return 0;
        uint32_t bytes = 0;
        if (!vfd::read_program(&bytes, pointer_to<const void>(given_[argument.length_argument]), sizeof bytes))
          return -EFAULT;
        void* const at = transfer_.take(bytes);
        give_back({pointer_to<void>(given), at, bytes, 0, argument.length_argument});
        return place(i, at);
      }
      case ArgumentKind::ptr: return given ? -ENOSYS : 0; // the row does not say what it points to
      default: return 0;
    }
  }

  long put_out(uint32_t i, const Argument& argument) {
    const uint64_t bytes = bytes_of(argument);
    void* const at = argument.kind == ArgumentKind::inout ? transfer_.put(pointer_to<const void>(given_[i]), bytes)
                                                          : transfer_.take(bytes);
    give_back({pointer_to<void>(given_[i]), at, bytes, argument.bytes == 0, 0});
    return place(i, at);
  }

  uint64_t bytes_of(const Argument& argument) const {
    return argument.bytes ? argument.bytes : given_[argument.length_argument];
  }
  long place(uint32_t i, void* at) {
    passed_[i] = address_of(at);
    return at ? 0 : -EFAULT; // there is room for all that a call can take at once
  }
  void give_back(const Returned& r) { returned_[returned_count_++] = r; }

  const Arguments& row_;
  vfd::Transfer transfer_;
  uint64_t given_[6], passed_[6];
  Returned returned_[6];
  uint32_t returned_count_ = 0;
};

// What is read is gone, so no more of it is asked for than the program's memory takes, as the kernel does: of a file that much
// is read, of a pipe nothing, if there is more. A datagram is lost there, too.
bool is_kept_by_reader(uint64_t descriptor) {
  const uint32_t type = (vfd::kind_of(descriptor) & 0xfu) << 12;
  return type == S_IFIFO || type == S_IFCHR || type == S_IFREG;
}

// `room` of what the call asks for can be written to. 0 or -EFAULT.
long judge_room(uint64_t descriptor, uint64_t room) {
  if (room == 0) return -EFAULT;
  if ((vfd::kind_of(descriptor) & 0xfu) << 12 != S_IFIFO) return 0;
  vfd::Transfer transfer;
  auto* const there = static_cast<int*>(transfer.take(sizeof(int)));
  const long told = vfd::shadow_call(SYS_ioctl, descriptor, FIONREAD, there);
  return told == 0 && static_cast<uint64_t>(*there) > room ? -EFAULT : 0;
}

long once(long number, const Arguments& row, const uint64_t (&given)[6], int close_on_exec) {
  uint64_t arguments[6];
  for (int i = 0; i < 6; ++i) arguments[i] = given[i];
  if (number == SYS_read && is_kept_by_reader(given[0])) {
    arguments[2] = vfd::writable_bytes(given[1], given[2]);
    if (arguments[2] < given[2])
      if (const long failed = judge_room(given[0], arguments[2])) return failed;
  }
  Marshalled call(row, arguments);
  if (const long error = call.put()) return error;
  const uint64_t passed[6] = {call.passed(0), call.passed(1), call.passed(2),
                              call.passed(3), call.passed(4), call.passed(5)};
  const long result = row.result == ArgumentKind::fd
                          ? vfd::open_there(number, passed, close_on_exec)
                          : vfd::shadow_call(number, passed[0], passed[1], passed[2], passed[3], passed[4], passed[5]);
  if (!sys::failed(result) && !call.take_back(result)) return -EFAULT;
  return result;
}

int close_on_exec_of(long number, const uint64_t (&a)[6]) {
  switch (number) {
    case SYS_open: return a[1] & O_CLOEXEC;
    case SYS_openat: return a[2] & O_CLOEXEC;
    case SYS_socket: return a[1] & O_CLOEXEC; // SOCK_CLOEXEC is the same bit
    case SYS_accept4: return a[3] & O_CLOEXEC;
    case SYS_mq_open: return O_CLOEXEC; // whatever the program asks for
    default: return 0;
  }
}

// Which argument is a buffer that may be transferred in parts, or -1.
int buffer_of(const Arguments& row, long number) {
  if (number != SYS_read && number != SYS_write && number != SYS_pread64 && number != SYS_pwrite64 &&
      number != SYS_sendto && number != SYS_recvfrom)
    return -1;
  return row.at[1].kind == ArgumentKind::in || row.at[1].kind == ArgumentKind::out ? 1 : -1;
}

bool goes_on(uint8_t kind, bool writes) {
  const uint32_t type = (kind & 0xfu) << 12;
  return writes || type == S_IFREG || type == S_IFBLK; // a pipe or terminal gives what it has
}

// A long read or write, as one call would have done it.
long in_parts(long number, const Arguments& row, const uint64_t (&arguments)[6]) {
  uint64_t a[6];
  for (int i = 0; i < 6; ++i) a[i] = arguments[i];
  const bool writes = row.at[1].kind == ArgumentKind::in, placed = number == SYS_pread64 || number == SYS_pwrite64;
  uint64_t done = 0;
  for (;;) {
    a[1] = arguments[1] + done;
    a[2] = arguments[2] - done < kPartBytes ? arguments[2] - done : kPartBytes;
    if (placed) a[3] = arguments[3] + done;
    const long result = once(number, row, a, 0);
    if (sys::failed(result)) return done ? static_cast<long>(done) : result;
    if (static_cast<uint64_t>(result) > a[2]) return result; // MSG_TRUNC; no more than a[2] was transferred
    done += static_cast<uint64_t>(result);
    if (static_cast<uint64_t>(result) < a[2] || done == arguments[2]) return static_cast<long>(done);
    if (!goes_on(vfd::kind_of(arguments[0]), writes)) return static_cast<long>(done);
  }
}

// From or to a transfer area.
long transferred(long number, const uint64_t (&a)[6]) { return vfd::shadow_call(number, a[0], a[1], a[2], a[3]); }

// readv and its kin become one call for each piece, which a reader can tell only from a datagram; those have recvmsg.
long by_pieces(long number, const uint64_t (&arguments)[6]) {
  const bool writes = number == SYS_writev || number == SYS_pwritev || number == SYS_pwritev2;
  const bool plain = number == SYS_readv || number == SYS_writev;
  const long one = plain ? (writes ? SYS_write : SYS_read) : (writes ? SYS_pwrite64 : SYS_pread64);
  iovec pieces[1024];
  if (arguments[2] > std::size(pieces)) return -EINVAL;
  if (!vfd::read_program(pieces, pointer_to<const void>(arguments[1]), arguments[2] * sizeof(iovec))) return -EFAULT;
  // Small ones together: what a program writes at once shall arrive at once.
  uint64_t total = 0, count = arguments[2];
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t given = pieces[i].iov_len;
    if (one == SYS_read && given <= kPartBytes && is_kept_by_reader(arguments[0]))
      pieces[i].iov_len = vfd::writable_bytes(address_of(pieces[i].iov_base), given);
    total += pieces[i].iov_len;
    if (pieces[i].iov_len == given) continue;
    if (const long failed = judge_room(arguments[0], total)) return failed;
    count = i + 1;
  }
  if (total <= kPartBytes) {
    vfd::Transfer transfer;
    auto* const all = static_cast<char*>(transfer.take(total));
    uint64_t at = 0;
    for (uint64_t i = 0; writes && i < count; at += pieces[i++].iov_len)
      if (!vfd::read_program(all + at, pieces[i].iov_base, pieces[i].iov_len)) return -EFAULT;
    const uint64_t a[6] = {arguments[0], address_of(all), total, arguments[3], 0, 0};
    const long result =
        plain && vfd::goes_by_pipe(one, a) ? vfd::transfer_by_pipe(one, a, transferred) : transferred(one, a);
    at = 0;
    for (uint64_t i = 0; !writes && i < count && static_cast<long>(at) < result; at += pieces[i++].iov_len) {
      const uint64_t left = static_cast<uint64_t>(result) - at;
      if (!vfd::write_program(pieces[i].iov_base, all + at, left < pieces[i].iov_len ? left : pieces[i].iov_len))
        return -EFAULT;
    }
    return result;
  }
  uint64_t done = 0;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t a[6] = {arguments[0], address_of(pieces[i].iov_base), pieces[i].iov_len, arguments[3] + done, 0, 0};
    const long result = call_by_shadow(one, a);
    if (sys::failed(result)) return done ? static_cast<long>(done) : result;
    done += static_cast<uint64_t>(result);
    if (static_cast<uint64_t>(result) < pieces[i].iov_len) break;
  }
  return static_cast<long>(done);
}

long call_plainly(long number, const uint64_t (&arguments)[6]) {
  const Arguments& row = *find_arguments(number);
  if (row.at[1].kind == ArgumentKind::iovin || row.at[1].kind == ArgumentKind::iovout)
    return by_pieces(number, arguments);
  if (buffer_of(row, number) >= 0 && arguments[2] > kPartBytes) return in_parts(number, row, arguments);
  return once(number, row, arguments, close_on_exec_of(number, arguments));
}

} // namespace

long call_by_shadow(long number, const uint64_t (&arguments)[6]) {
  if (!find_arguments(number)) return -ENOSYS;
  if (vfd::goes_by_pipe(number, arguments)) return vfd::transfer_by_pipe(number, arguments, call_plainly);
  return call_plainly(number, arguments);
}

} // namespace sp
