// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/hashed_lock.hpp"

#include <linux/futex.h>

#include "libsuperproc/base/critical.hpp"
#include "libsuperproc/cluster/self.hpp"
#include "libsuperproc/sync/hashed_sleep.hpp"
#include "libsuperproc/syscalls/futex_arguments.hpp"

namespace sp {

namespace {

class Word {
public:
  explicit Word(const Call& call) : address_(call.arg(0)), word_(call.pointer<uint32_t>(0)) {}
  uint64_t address() const { return address_; }
  uint32_t load() const { return __atomic_load_n(word_, __ATOMIC_SEQ_CST); }
  bool change(uint32_t& seen, uint32_t wanted) {
    return __atomic_compare_exchange_n(word_, &seen, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
  }

private:
  uint64_t address_;
  uint32_t* word_;
};

uint32_t owner_of(uint32_t value) { return value & FUTEX_TID_MASK; }
uint32_t own_number() { return static_cast<uint32_t>(own_tid().value); }

// False: somebody has it.
bool take(Word& word, uint32_t waiters) {
  for (uint32_t seen = word.load(); owner_of(seen) == 0;)
    if (word.change(seen, own_number() | waiters | (seen & (FUTEX_WAITERS | FUTEX_OWNER_DIED)))) return true;
  return false;
}

long lock(Word word, const Deadline& deadline) {
  uint32_t waiters = 0;
  while (!take(word, waiters)) {
    uint32_t seen = word.load();
    if (owner_of(seen) == own_number()) return -EDEADLK;
    if (owner_of(seen) == 0 || !word.change(seen, seen | FUTEX_WAITERS)) continue;
    const FutexValue value{word.address(), word.address(), seen | FUTEX_WAITERS};
    const long slept = wait_for_futex(value, ~0u, deadline, Interrupted::restarts);
    if (slept == -ETIMEDOUT || slept == -EFAULT) return slept;
    waiters = FUTEX_WAITERS;
  }
  return 0;
}

long try_to_lock(Word word) {
  if (take(word, 0)) return 0;
  return owner_of(word.load()) == own_number() ? -EDEADLK : -EAGAIN;
}

long unlock(Word word) {
  uint32_t seen = word.load();
  do {
    if (owner_of(seen) != own_number()) return -EPERM;
  } while (!word.change(seen, 0));
  if (!(seen & FUTEX_WAITERS)) return 0;
  const Critical whole;
  own_hash().wake(word.address(), 1);
  return 0;
}

} // namespace

bool inherits_priority(uint64_t operation) {
  switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_LOCK_PI:
    case FUTEX_LOCK_PI2:
    case FUTEX_UNLOCK_PI:
    case FUTEX_TRYLOCK_PI:
    case FUTEX_WAIT_REQUEUE_PI:
    case FUTEX_CMP_REQUEUE_PI: return true;
    default: return false;
  }
}

long hashed_lock(const Call& call) {
  const auto command = call.arg(1) & FUTEX_CMD_MASK;
  if (command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_CMP_REQUEUE_PI) return -ENOSYS;
  if (const long error = check_address(call.arg(0))) return error;
  if (!is_writable(call.pointer<void>(0), 4)) return -EFAULT;
  switch (command) {
    case FUTEX_UNLOCK_PI: return unlock(Word(call));
    case FUTEX_TRYLOCK_PI: return try_to_lock(Word(call));
    default: {
      const bool by_real_time = command == FUTEX_LOCK_PI || call.arg(1) & FUTEX_CLOCK_REALTIME;
      const Limit limit = limit_of(call, 3, by_real_time ? CLOCK_REALTIME : CLOCK_MONOTONIC, false);
      return limit.error ? limit.error : lock(Word(call), limit.deadline);
    }
  }
}

} // namespace sp
