// SPDX-License-Identifier: Apache-2.0
// rooms: spd
// Calls that a hostile node asks of a shadow, with random numbers and arguments, and the tables that it keeps with them.
// What is admitted must be about files, sockets or relatives, and point into the cluster's memory only; messages must be
// refused or performed on a copy whose every pointer leads there.
#include <array>
#include <cerrno>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libsuperproc/syscalls/table.hpp"
#include "spd/admission.hpp"
#include "spd/messages.hpp"
#include "spd/shadow_descriptors.hpp"
#include "tests/fuzz/cluster_segment.hpp"

namespace {
using namespace sp;
using fuzz::insist;
using spd::CallWords;

constexpr uint32_t kRecord = wire::kMovedCountMax - 1;
std::array<char, 256> own; // stands for all that a shadow has in its own memory
// Whoever performs one of these performs it on itself.
constexpr long kOfOneself[] = {SYS_mmap,         SYS_munmap,   SYS_mprotect,    SYS_mremap,       SYS_brk,
                               SYS_execve,       SYS_clone,    SYS_exit,        SYS_exit_group,   SYS_ptrace,
                               SYS_tkill,        SYS_seccomp,  SYS_futex,       SYS_rt_sigaction, SYS_arch_prctl,
                               SYS_setresuid,    SYS_execveat, SYS_vfork,       SYS_fork,         SYS_set_tid_address,
                               SYS_rt_sigreturn, SYS_capset,   SYS_personality, SYS_clone3};

// An address: in the segment, at its end, in this program, anywhere.
uint64_t address(fuzz::Bytes& bytes) {
  const auto kind = bytes.next<uint8_t>();
  const uint64_t area = wire::transfer_area(kRecord, kind % wire::kTransferCount);
  switch (kind % 6) {
    case 0: return area + bytes.next<uint16_t>();
    case 1: return wire::kClusterBase + wire::kClusterBytes - bytes.next<uint16_t>();
    case 2: return reinterpret_cast<uint64_t>(own.data()) + bytes.next<uint8_t>();
    case 3: return bytes.next<uint64_t>();
    case 4: return bytes.next<uint8_t>();
    default: return area;
  }
}

void check_admission(fuzz::Bytes& bytes) {
  CallWords call{};
  call[0] = bytes.next<uint8_t>() % 4 ? bytes.next<uint16_t>() % 470 : bytes.next<uint64_t>();
  for (int i = 1; i < 7; ++i) call[i] = address(bytes);
  if (spd::admit(call) != 0) return;
  for (const long number : kOfOneself) insist(static_cast<long>(call[0]) != number, "a call on the shadow itself");
  if (call[0] == SYS_prctl) insist(call[1] == PR_SET_PDEATHSIG, "a change of the shadow itself");
  if (call[0] == SYS_tgkill || call[0] == SYS_rt_tgsigqueueinfo)
    insist(static_cast<pid_t>(call[1]) != getpid(), "a signal to a thread of the shadow");
  if (call[0] == SYS_read || call[0] == SYS_write || call[0] == SYS_recvfrom)
    insist(call[2] == 0 || call[3] == 0 || spd::in_segment(call[2], call[3]), "a buffer outside");
  if (call[0] == SYS_openat || call[0] == SYS_stat || call[0] == SYS_epoll_wait)
    insist(call[call[0] == SYS_stat ? 1 : 2] - reinterpret_cast<uint64_t>(own.data()) >= own.size(), "a name outside");
}

void check_message(fuzz::Bytes& bytes) {
  static const std::array<int, 2> pair = [] {
    std::array<int, 2> made{};
    insist(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, made.data()) == 0, "no sockets");
    return made;
  }();
  auto* const header = reinterpret_cast<msghdr*>(wire::transfer_area(kRecord, 0));
  auto* const pieces = reinterpret_cast<iovec*>(wire::transfer_area(kRecord, 1));
  std::memset(static_cast<void*>(header), 0, sizeof *header);
  header->msg_iov = bytes.next<uint8_t>() % 8 ? pieces : reinterpret_cast<iovec*>(address(bytes));
  header->msg_iovlen = bytes.next<uint8_t>() % 8 ? bytes.next<uint8_t>() % 4 : bytes.next<uint64_t>();
  for (int i = 0; i < 4; ++i)
    pieces[i] = {reinterpret_cast<void*>(address(bytes)), bytes.next<uint8_t>() % 4 ? 16 : bytes.next<uint64_t>()};
  if (bytes.next<uint8_t>() % 4 == 0)
    header->msg_control = reinterpret_cast<void*>(address(bytes)), header->msg_controllen = bytes.next<uint8_t>();
  const bool sends = bytes.next<uint8_t>() % 2;
  const CallWords call = {static_cast<uint64_t>(sends ? SYS_sendmsg : SYS_recvmsg), static_cast<uint64_t>(pair[sends]),
                          bytes.next<uint8_t>() % 8 ? reinterpret_cast<uint64_t>(header) : address(bytes)};
  const auto before = own;
  (void)spd::perform_message(call);
  insist(own == before, "memory of the shadow was written");
}

void check_descriptors(fuzz::Bytes& bytes) {
  CallWords call{};
  for (int i = 1; i < 4; ++i) call[i] = bytes.next<uint8_t>() % 2 ? bytes.next<uint64_t>() : bytes.next<uint16_t>();
  call[1] |= 1ull << 13; // none that is open here
  call[7] = bytes.next<uint64_t>();
  insist(spd::place_result(kRecord, call, -EBADF) == -EBADF, "another result");
  insist(sys::failed(spd::duplicate_number(kRecord, call)), "a copy of nothing");
  insist(spd::close_number(kRecord, call[1]) == -EBADF, "what is not open is closed");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes{data, size};
  fuzz::map_segment();
  fuzz::format_record(kRecord, {1}, {0});
  while (bytes.size > 0) {
    switch (bytes.next<uint8_t>() % 4) {
      case 0: check_message(bytes); break;
      case 1: check_descriptors(bytes); break;
      default: check_admission(bytes); break;
    }
  }
  return 0;
}
