// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/messages.hpp"

#include <cerrno>
#include <ctime>
#include <sys/socket.h>

#include "libsuperproc/syscalls/remote_files.hpp"
#include "vfd/passing.hpp"
#include "vfd/program_memory.hpp"

namespace sp {

namespace {

using vfd::Side;

constexpr uint64_t kControlMax = 4 << 10; // 253 descriptors and all that Linux adds

// By a socket of this node; only what is passed may be the shadow's.
long send_here(uint64_t socket, const msghdr* program, int flags) {
  msghdr copy;
  alignas(16) uint8_t control[kControlMax];
  const Side here{Side::Place::here};
  if (!vfd::read_program(&copy, program, sizeof copy)) return -EFAULT;
  if (!copy.msg_control || copy.msg_controllen > kControlMax ||
      !vfd::read_program(control, copy.msg_control, copy.msg_controllen) ||
      !vfd::passes_others(here, control, copy.msg_controllen))
    return app_call(SYS_sendmsg, socket, program, flags);
  vfd::SentDescriptors passed(here);
  if (const long error = passed.replace(control, copy.msg_controllen)) return error;
  copy.msg_control = control;
  return app_call(SYS_sendmsg, socket, &copy, flags);
}

long receive_here(uint64_t socket, msghdr* program, int flags) {
  const long result = app_call(SYS_recvmsg, socket, program, flags);
  msghdr answer;
  alignas(16) uint8_t control[kControlMax];
  bool lost = false;
  if (sys::failed(result) || !vfd::read_program(&answer, program, sizeof answer) || !answer.msg_control ||
      answer.msg_controllen == 0 || answer.msg_controllen > sizeof control ||
      !vfd::read_program(control, answer.msg_control, answer.msg_controllen))
    return result;
  answer.msg_controllen = vfd::receive_descriptors({Side::Place::here}, control, answer.msg_controllen, flags, lost);
  if (lost) answer.msg_flags |= MSG_CTRUNC;
  (void)vfd::write_program(answer.msg_control, control, answer.msg_controllen);
  (void)vfd::write_program(program, &answer, sizeof answer);
  return result;
}

long one_message(uint64_t socket, msghdr* program, int flags, bool sends) {
  if (!Side::of(socket).is_here()) return message_by_shadow(socket, program, flags, sends);
  return sends ? send_here(socket, program, flags) : receive_here(socket, program, flags);
}

int64_t now_ns() {
  timespec t{};
  sys::call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1'000'000'000 + t.tv_nsec;
}

// recvmmsg looks at its time limit after each message only, as recvmmsg(2) says.
long many_messages(const Call& call, bool sends) {
  auto* const list = call.pointer<mmsghdr>(1);
  const auto count = static_cast<uint32_t>(call.arg(2) < 1024 ? call.arg(2) : 1024);
  int flags = call.number_arg(3) & ~MSG_WAITFORONE;
  timespec limit{};
  const bool limited = !sends && call.arg(4);
  if (limited && !vfd::read_program(&limit, call.pointer<const void>(4), sizeof limit)) return -EFAULT;
  const int64_t end = limited ? now_ns() + limit.tv_sec * 1'000'000'000 + limit.tv_nsec : 0;
  long done = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const long result = one_message(call.arg(0), &list[i].msg_hdr, flags, sends);
    if (sys::failed(result)) return done ? done : result;
    const auto bytes = static_cast<uint32_t>(result);
    if (!vfd::write_program(&list[i].msg_len, &bytes, sizeof bytes)) return done ? done : -EFAULT;
    ++done;
    if (call.number_arg(3) & MSG_WAITFORONE) flags |= MSG_DONTWAIT;
    if (limited && now_ns() >= end) break;
  }
  return done;
}

long perform_here(const Call& call) {
  switch (call.number()) {
    case SYS_sendmsg: return one_message(call.arg(0), call.pointer<msghdr>(1), call.number_arg(2), true);
    case SYS_recvmsg: return one_message(call.arg(0), call.pointer<msghdr>(1), call.number_arg(2), false);
    default: return many_messages(call, call.number() == SYS_sendmmsg);
  }
}

// Only a Unix socket passes descriptors.
bool may_pass(uint64_t socket) {
  int family = 0;
  socklen_t bytes = sizeof family;
  return !sys::failed(sys::call(SYS_getsockopt, socket, SOL_SOCKET, SO_DOMAIN, &family, &bytes)) && family == AF_UNIX;
}

} // namespace

std::optional<long> message_of_two_nodes(const Call& call) {
  if (Side::of(call.arg(0)).is_here() && !may_pass(call.arg(0))) return std::nullopt;
  return perform_here(call);
}

std::optional<long> message_of_cluster(const Call& call) {
  if ((call.number() != SYS_recvmsg && call.number() != SYS_recvmmsg) || !may_pass(call.arg(0))) return std::nullopt;
  return perform_here(call);
}

} // namespace sp
