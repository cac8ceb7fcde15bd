// SPDX-License-Identifier: Apache-2.0
// Futexes, and what else orders threads. The kernel looks a private futex up by its address in one address space;
// ours are several, with the same pages below, so every futex is a shared one to the kernel. Isolated nodes have no kernel
// in common, and a hash of waiters instead (hashed_futex.hpp).
#include <cerrno>
#include <linux/futex.h>

#include "libsuperproc/sync/futex_waiters.hpp"
#include "libsuperproc/process/shared_futex.hpp"
#include "libsuperproc/syscalls/hashed_futex.hpp"
#include "libsuperproc/syscalls/hashed_lock.hpp"
#include "libsuperproc/syscalls/pass.hpp"
#include "libsuperproc/syscalls/pointers.hpp"

namespace sp {

namespace {
constexpr uint64_t kPrivate2 = 128; // FUTEX2_PRIVATE
}

// Private waits and wakes come here through a trap only; shim/gate_futex.S has the short ways.
long sys_futex(Call& call) {
  const uint64_t operation = call.arg(1);
  if (is_isolated() && inherits_priority(operation)) // whose kernel would look for the owner among its own threads
    return hash_of_futex(call.arg(0), operation & FUTEX_PRIVATE_FLAG) == HashOf::threads ? hashed_lock(call) : -ENOSYS;
  if (const auto hash = hash_of_futex(call.arg(0), operation & FUTEX_PRIVATE_FLAG)) return hashed_futex(call, *hash);
  if (operation & FUTEX_PRIVATE_FLAG) {
    switch (operation & FUTEX_CMD_MASK) {
      case FUTEX_WAKE:
      case FUTEX_WAKE_BITSET:
      case FUTEX_WAKE_OP:
      case FUTEX_LOCK_PI:
      case FUTEX_LOCK_PI2:
      case FUTEX_UNLOCK_PI:
      case FUTEX_TRYLOCK_PI: break;
      case FUTEX_WAIT:
      case FUTEX_WAIT_BITSET: {
        uint32_t& bucket = futex_bucket(call.arg(0));
        __atomic_fetch_add(&bucket, 1, __ATOMIC_SEQ_CST);
        const long result = pass_with(call, 1, operation & ~uint64_t{FUTEX_PRIVATE_FLAG});
        __atomic_fetch_sub(&bucket, 1, __ATOMIC_SEQ_CST);
        return result;
      }
      default: // the requeue family
        mark_futex_for_good(call.arg(0)), mark_futex_for_good(call.arg(4));
    }
  }
  return pass_with(call, 1, operation & ~uint64_t{FUTEX_PRIVATE_FLAG});
}

long sys_futex_wake(Call& call) {
  if (const auto hash = hash_of_futex(call.arg(0), call.arg(3) & kPrivate2)) return hashed_futex_wake(call, *hash);
  return pass_with(call, 3, call.arg(3) & ~kPrivate2);
}

long sys_futex_wait(Call& call) {
  if (const auto hash = hash_of_futex(call.arg(0), call.arg(3) & kPrivate2)) return hashed_futex_wait(call, *hash);
  mark_futex_for_good(call.arg(0));
  return pass_with(call, 3, call.arg(3) & ~kPrivate2);
}

namespace {
constexpr uint32_t kWaitersMax = 128; // FUTEX_WAITV_MAX

struct Waiters {
  futex_waitv entries[kWaitersMax];
  Waiters(const futex_waitv* from, uint64_t count) {
    for (uint64_t i = 0; i < count; ++i) {
      entries[i] = from[i];
      entries[i].flags &= ~static_cast<uint32_t>(kPrivate2);
      mark_futex_for_good(entries[i].uaddr);
    }
  }
};
} // namespace

long sys_futex_waitv(Call& call) {
  if (call.arg(1) == 0 || call.arg(1) > kWaitersMax || !call.arg(0)) return call.pass();
  const auto* list = call.pointer<const futex_waitv>(0);
  if (!is_readable(list, call.arg(1) * sizeof *list)) return -EFAULT;
  if (const auto hash = hash_of_futex(list->uaddr, list->flags & kPrivate2)) return hashed_futex_waitv(call, *hash);
  const Waiters waiters(list, call.arg(1));
  return pass_with(call, 0, address_of(waiters.entries));
}

long sys_futex_requeue(Call& call) {
  if (!call.arg(0)) return call.pass();
  const auto* list = call.pointer<const futex_waitv>(0);
  if (!is_readable(list, 2 * sizeof *list)) return -EFAULT;
  if (const auto hash = hash_of_futex(list->uaddr, list->flags & kPrivate2)) return hashed_futex_requeue(call, *hash);
  const Waiters waiters(list, 2);
  return pass_with(call, 0, address_of(waiters.entries));
}

// ---- of a process that is not converted ----

namespace {
bool is_list(long number) { return number == SYS_futex_waitv || number == kFutexRequeue; }

bool is_private_call(const Call& call) {
  if (call.number() == SYS_futex) return call.arg(1) & FUTEX_PRIVATE_FLAG || inherits_priority(call.arg(1));
  return !is_list(call.number()) && call.arg(3) & kPrivate2;
}

// The first of several says where all are.
bool is_in_cluster(const Call& call) {
  if (!is_list(call.number())) return shared_futex_key(call.arg(0)) != 0;
  const auto* first = call.pointer<const futex_waitv>(0);
  return is_readable(first, sizeof *first) && !(first->flags & kPrivate2) && shared_futex_key(first->uaddr) != 0;
}
} // namespace

std::optional<long> futex_of_cluster(Call& call) {
  if (is_private_call(call) || !is_in_cluster(call)) return std::nullopt;
  switch (call.number()) {
    case SYS_futex: return hashed_futex(call, HashOf::cluster);
    case kFutexWait: return hashed_futex_wait(call, HashOf::cluster);
    case kFutexWake: return hashed_futex_wake(call, HashOf::cluster);
    case SYS_futex_waitv: return sys_futex_waitv(call);
    case kFutexRequeue: return sys_futex_requeue(call);
    default: return std::nullopt;
  }
}

// The kernel reaches the processors that run one address space; each resident has its own, and registers for itself.
long sys_membarrier(Call& call) { return pass_everywhere(call); }

// The notification is for the process that asked: home.
long sys_mq_notify(Call& call) { return pass_home(call); }

} // namespace sp
