// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_start.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <sys/syscall.h>
#include <unistd.h>
#include <unordered_set>

#include "spd/places.hpp"
#include "vfd/descriptors.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

std::mutex mutex;
std::unordered_set<uint64_t> starting; // uses of records: exec may have happened

uint64_t use_of(uint32_t record) { return uint64_t{wire::moved(record).use.load()} << 32 | record; }

// The flags of the program's open file, as fcntl has them; -1: that number is not open. 0: we may not look.
long flags_of(pid_t tid, uint32_t number) {
  char path[48], text[128] = {};
  snprintf(path, sizeof path, "/proc/%d/fdinfo/%u", tid, number);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno == ENOENT ? -1 : 0;
  (void)!read(file, text, sizeof text - 1);
  close(file);
  const char* at = __builtin_strstr(text, "flags:");
  return at ? strtol(at + 6, nullptr, 8) : -1;
}

bool any_closes_on_exec(pid_t tid) {
  for (uint32_t n = 0; n < wire::kNotifiedDescriptors; ++n)
    if (vfd::is_remote(n) && (flags_of(tid, n) & O_CLOEXEC)) return true;
  return false;
}

void close_what_is_gone(pid_t tid) {
  for (uint32_t n = 0; n < wire::kNotifiedDescriptors; ++n)
    if (vfd::is_remote(n) && flags_of(tid, n) < 0) vfd::shadow_call(SYS_close, n);
}

bool await_shadow(Notification& call, const wire::Moved& m) {
  constexpr int64_t kLookNs = 20'000'000;
  for (wire::MovedState state; (state = m.state.load()) != wire::MovedState::settled;) {
    if (state != wire::MovedState::claimed && state != wire::MovedState::leaving) return false;
    call.wait_begins();
    NodeBell::sleep(state_word(m), static_cast<uint32_t>(state), kLookNs);
  }
  return true;
}

bool take_places(const Notification& call) {
  for (uint32_t n = 0; n < wire::kNotifiedDescriptors; ++n)
    if (vfd::is_remote(n) && sys::failed(give_place(call, n, 0))) return false;
  return true;
}

} // namespace

bool begin_program(Notification& call, uint32_t record) {
  wire::Moved& m = wire::moved(record);
  if (!await_shadow(call, m)) return false; // it may be just being adopted
  if (m.fresh.load() == 1) {
    if (!take_places(call)) return false;
    m.fresh.store(0);
  }
  bool started;
  {
    const std::lock_guard lock(mutex);
    started = starting.erase(use_of(record)) != 0;
  }
  if (started) close_what_is_gone(call.tid());
  return true;
}

void about_to_start(uint32_t record) {
  const std::lock_guard lock(mutex);
  starting.insert(use_of(record));
}

// Somebody may wait for the end of a pipe that exec closes, while the new program asks for nothing.
void after_start(Notification& call, uint32_t record) {
  constexpr int kLookCount = 4;
  if ((call.number() != SYS_execve && call.number() != SYS_execveat) || !any_closes_on_exec(call.tid())) return;
  useconds_t look_us = 1000;
  call.wait_begins();
  for (int i = 0; i < kLookCount; ++i, look_us *= 4) {
    usleep(look_us);
    {
      const std::lock_guard lock(mutex);
      if (!starting.contains(use_of(record))) return; // its next call has seen to it
    }
    close_what_is_gone(call.tid());
  }
}

} // namespace sp::spd
