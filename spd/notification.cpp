// SPDX-License-Identifier: Apache-2.0
#include "spd/notification.hpp"

#include <cerrno>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <utility>

#include "libsuperproc/base/restarting.hpp"
#include "spd/process_status.hpp"
#include "vfd/program_memory.hpp"

namespace sp::spd {

namespace {

thread_local Notification* taken = nullptr;

// What the kernel's signal code makes a restart of, by the handler's flags. A program never sees them while a signal waits
// for the very thread.
constexpr long kRestart = -512, kRestartWithoutHandler = -514; // ERESTARTSYS, ERESTARTNOHAND

} // namespace

Notification::Notification(int listener, const seccomp_notif& from, std::function<void()> let_others)
    : let_others_(std::move(let_others)),
      listener_(listener),
      id_(from.id),
      tid_(static_cast<pid_t>(from.pid)),
      number_(from.data.nr) {
  for (int i = 0; i < 6; ++i) arguments_[i] = from.data.args[i];
  taken = this;
  vfd::program_tid = tid_;
}

Notification::~Notification() {
  taken = nullptr;
  vfd::program_tid = 0;
}

void Notification::wait_begins() {
  if (let_others_) std::exchange(let_others_, nullptr)();
}

Notification* Notification::current() { return taken; }

bool Notification::is_valid() const { return ioctl(listener_, SECCOMP_IOCTL_NOTIF_ID_VALID, &id_) == 0; }

bool Notification::must_end() {
  if (!is_valid()) return true;
  const auto status = status_of(tid_);
  if (!status || status->waiting_signals() == 0) return false;
  const bool alone = status->thread_count == 1 || (status->pending & status->waiting_signals());
  interruption_ = alone ? Interruption::here : Interruption::anywhere;
  return true;
}

long Notification::give(int file, std::optional<uint32_t> place, int close_on_exec) const {
  seccomp_notif_addfd given{};
  given.id = id_;
  given.flags = place ? SECCOMP_ADDFD_FLAG_SETFD : 0;
  given.srcfd = static_cast<uint32_t>(file);
  given.newfd = place.value_or(0);
  given.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  const int number = ioctl(listener_, SECCOMP_IOCTL_NOTIF_ADDFD, &given);
  return number < 0 ? -errno : number;
}

void Notification::send(long result, uint32_t flags) const {
  seccomp_notif_resp answer{};
  answer.id = id_;
  answer.flags = flags;
  if (result < 0 && result >= -4095)
    answer.error = static_cast<int32_t>(result);
  else
    answer.val = result;
  ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, &answer); // else it was killed
}

void Notification::pass() const { send(0, SECCOMP_USER_NOTIF_FLAG_CONTINUE); }

void Notification::answer(long result) const {
  if (result == -EINTR && interruption_ == Interruption::here)
    result = never_restarts(number_) ? kRestartWithoutHandler : kRestart;
  send(result, 0);
}

} // namespace sp::spd
