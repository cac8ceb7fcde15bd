// SPDX-License-Identifier: Apache-2.0
// One call of a supervised program, which sleeps in the kernel until it is answered. It is awake again at once when it is
// killed; then the number `id` is no longer valid, and its process number may already be another process's: whoever has read
// its memory asks is_valid() before acting on it. No other signal wakes it (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV), or what
// the shadow has done already would be done twice; so whoever waits for long asks must_end().
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <sys/types.h>

struct seccomp_notif;

namespace sp::spd {

class Notification {
public:
  // `let_others`: somebody else is to wait for the listener's next call.
  Notification(int listener, const seccomp_notif& from, std::function<void()> let_others);
  Notification(const Notification&) = delete;
  ~Notification();

  // The one that this thread has taken, or null.
  static Notification* current();

  pid_t tid() const { return tid_; }
  long number() const { return number_; }
  uint64_t arg(int i) const { return arguments_[i]; }
  int number_arg(int i) const { return static_cast<int>(arguments_[i]); }
  const uint64_t (&arguments() const)[6] { return arguments_; }

  // This thread is about to wait. Until then it keeps the listener to itself, which saves waking another for each call.
  void wait_begins();

  bool is_valid() const;
  // It was killed, or a signal waits for it that it shall see.
  bool must_end();
  // A copy of our open file in the program: at the lowest free number, or at `place` in the place of what is there.
  long give(int file, std::optional<uint32_t> place, int close_on_exec) const;

  void pass() const;              // the kernel performs it, from the beginning
  void answer(long result) const; // a value or -errno

private:
  void send(long result, uint32_t flags) const;

  std::function<void()> let_others_;
  int listener_;
  uint64_t id_;
  pid_t tid_;
  long number_;
  uint64_t arguments_[6];
  enum class Interruption { none, here, anywhere } interruption_ = Interruption::none; // which thread will see the signal
};

} // namespace sp::spd
