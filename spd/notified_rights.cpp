// SPDX-License-Identifier: Apache-2.0
#include "spd/notified_rights.hpp"

#include <mutex>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unordered_set>

#include "libsuperproc/cluster/credentials.hpp"
#include "spd/process_status.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::spd {

namespace {

std::mutex mutex;
std::unordered_set<pid_t> expected;
std::atomic<uint32_t> expected_count{0};

bool take(pid_t tid) {
  if (expected_count.load() == 0) return false;
  const std::lock_guard lock(mutex);
  const bool was = expected.erase(tid) != 0;
  expected_count.store(static_cast<uint32_t>(expected.size()));
  return was;
}

} // namespace

bool changes_rights(const Notification& call) {
  if (is_rights_call(call.number())) return true;
  if (call.number() != SYS_prctl) return false;
  switch (call.number_arg(0)) {
    case PR_SET_KEEPCAPS:
    case PR_SET_SECUREBITS:
    case PR_SET_NO_NEW_PRIVS:
    case PR_CAPBSET_DROP:
    case PR_CAP_AMBIENT: return true;
    default: return false;
  }
}

// Bounded, since one that is killed never asks again: then all are forgotten but this one, and told of a moment too late.
void expect_other_rights(pid_t tid) {
  constexpr size_t kExpectedMax = 4096;
  const std::lock_guard lock(mutex);
  if (expected.size() >= kExpectedMax) expected.clear();
  expected.insert(tid);
  expected_count.store(static_cast<uint32_t>(expected.size()));
}

void tell_of_rights(pid_t tid, uint32_t record) {
  if (!take(tid)) return;
  vfd::Transfer transfer;
  auto* const there = static_cast<wire::Credentials*>(transfer.take(sizeof(wire::Credentials)));
  if (there && credentials_of(tid, *there)) vfd::ask_shadow(record, wire::ShadowOperation::identify, there);
}

} // namespace sp::spd
