// SPDX-License-Identifier: Apache-2.0
#include "spd/shadow_credentials.hpp"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <mutex>
#include <new>
#include <sys/syscall.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/cluster/credentials.hpp"

namespace sp::spd {

namespace {

std::mutex held;
wire::Credentials newest;
std::atomic<uint32_t> version{0};
std::atomic<uint32_t> main_version{0};
std::atomic<bool> main_waits{false};
thread_local uint32_t own_version = 0;

const volatile uint32_t* word(const std::atomic<uint32_t>& w) { return reinterpret_cast<const volatile uint32_t*>(&w); }

} // namespace

bool have_credentials(const wire::Credentials& given) {
  const std::lock_guard<std::mutex> hold(held);
  if (version.load() == 0) read_credentials(newest);
  if (are_same(given, newest)) return false;
  newest = given;
  newest.group_count = std::min(newest.group_count, wire::kGroupCountMax);
  version.fetch_add(1);
  return true;
}

void take_on_credentials() {
  if (own_version == version.load(std::memory_order_relaxed)) return;
  const std::lock_guard<std::mutex> hold(held);
  own_version = version.load();
  take_on(newest);
}

void main_takes_on_credentials() {
  take_on_credentials();
  main_version.store(own_version);
  sys::futex_wake(word(main_version), 1);
}

void main_is_ready() {
  main_waits.store(true);
  main_takes_on_credentials(); // of which it has not been told
}

// By the taker, which may wait for a moment: the main one does nothing that blocks but for what it waits for.
void let_main_take_on_credentials() {
  constexpr int64_t kPatienceNs = 20'000'000;
  const long process = sys::call(SYS_getpid);
  if (main_waits.load()) sys::call(SYS_tgkill, process, process, kTakeOnSignal);
  for (int tries = 0; tries < 10; ++tries) {
    const uint32_t seen = main_version.load();
    if (seen == version.load()) return;
    sys::futex_wait(word(main_version), seen, kPatienceNs);
  }
}

void forget_other_threads_credentials() {
  new (&held) std::mutex; // one that is gone may have had it
  main_waits.store(false);
}

} // namespace sp::spd
