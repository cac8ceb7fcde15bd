// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/syscalls/hashed_futex.hpp"

#include <cerrno>
#include <linux/futex.h>

#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/process/shared_futex.hpp"
#include "libsuperproc/syscalls/futex_arguments.hpp"

namespace sp {

namespace {

// ---- the two hashes ----

// Address or place; 0: the hash has no such futex, which the caller has looked at before.
uint64_t key_of(HashOf hash, uint64_t address) { return hash == HashOf::threads ? address : shared_futex_key(address); }

template <class Function>
auto in_hash(HashOf which, Function f) {
  WaiterHash hash = which == HashOf::threads ? own_hash() : cluster_hash();
  if (!is_shared()) return without_handlers([&] { return f(hash); });
  const Critical whole;
  return f(hash);
}

bool may_have_waiters(HashOf hash, uint64_t key) {
  return sp::may_have_waiters(key, hash == HashOf::threads ? sp_futex_waiters : cluster_waiters().counts);
}

long wait_in(HashOf hash, FutexValue value, uint32_t bitset, const Deadline& deadline) {
  // The kernel begins one with a limit again only where no handler has run.
  const Interrupted rule = deadline.is_set() ? Interrupted::ends : Interrupted::restarts;
  return hash == HashOf::threads ? wait_for_futex(value, bitset, deadline, rule)
                                 : wait_for_shared_futex(value, bitset, deadline, rule);
}

// ---- the operations ----

long wake(HashOf hash, uint64_t address, uint32_t most, uint32_t bitset) {
  if (!bitset) return -EINVAL;
  if (const long error = check_address(address)) return error;
  const uint64_t key = key_of(hash, address);
  if (!may_have_waiters(hash, key)) return 0;
  return in_hash(hash, [&](WaiterHash& h) { return h.wake(key, most, bitset); });
}

// The old calls wake one where none is asked for.
uint32_t at_least_one(uint64_t count) {
  const auto most = static_cast<int32_t>(count);
  return most < 1 ? 1 : static_cast<uint32_t>(most);
}

struct Addresses {
  uint64_t from, to;
};
long requeue(HashOf hash, Addresses words, uint32_t wake_most, uint32_t move_most, const uint32_t* expected) {
  if (const long error = check_address(words.from)) return error;
  if (const long error = check_address(words.to)) return error;
  const WaiterHash::Requeue request{
      key_of(hash, words.from), key_of(hash, words.to), wake_most, move_most, words.from, expected};
  if (!request.from || !request.to) return -ENOSYS; // in memory of both kinds
  if (expected && !is_readable(pointer_to<const void>(words.from), sizeof *expected)) return -EFAULT;
  const Result<uint32_t> count = in_hash(hash, [&](WaiterHash& h) { return h.requeue(request); });
  return count ? static_cast<long>(*count) : -count.error().value;
}

long wait(HashOf hash, const Call& call, bool by_bits) {
  const bool is_relative = !by_bits;
  const clockid_t clock = call.arg(1) & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
  const Limit limit = limit_of(call, 3, clock, is_relative);
  if (limit.error) return limit.error;
  const uint32_t bitset = by_bits ? static_cast<uint32_t>(call.arg(5)) : ~0u;
  if (!bitset) return -EINVAL;
  if (const long error = check_address(call.arg(0))) return error;
  return wait_in(hash, {key_of(hash, call.arg(0)), call.arg(0), static_cast<uint32_t>(call.arg(2))}, bitset,
                 limit.deadline);
}

// ---- FUTEX_WAKE_OP ----

constexpr int32_t sign_extended(uint32_t twelve_bits) { return static_cast<int32_t>(twelve_bits << 20) >> 20; }

struct Operation {
  uint32_t operation, comparison;
  int32_t argument, compared;
  explicit Operation(uint32_t code)
      : operation(code >> 28 & 7), comparison(code >> 24 & 15), argument(sign_extended(code >> 12 & 0xfff)),
        compared(sign_extended(code & 0xfff)) {
    if (code >> 28 & FUTEX_OP_OPARG_SHIFT) argument = static_cast<int32_t>(1u << (argument & 31));
  }
};

// The word's former value. -ENOSYS: there is no such operation.
long change_word(int32_t* word, const Operation& o, int32_t& former) {
  switch (o.operation) {
    case FUTEX_OP_SET: former = __atomic_exchange_n(word, o.argument, __ATOMIC_SEQ_CST); return 0;
    case FUTEX_OP_ADD: former = __atomic_fetch_add(word, o.argument, __ATOMIC_SEQ_CST); return 0;
    case FUTEX_OP_OR: former = __atomic_fetch_or(word, o.argument, __ATOMIC_SEQ_CST); return 0;
    case FUTEX_OP_ANDN: former = __atomic_fetch_and(word, ~o.argument, __ATOMIC_SEQ_CST); return 0;
    case FUTEX_OP_XOR: former = __atomic_fetch_xor(word, o.argument, __ATOMIC_SEQ_CST); return 0;
    default: return -ENOSYS;
  }
}

long compare(const Operation& o, int32_t value) {
  switch (o.comparison) {
    case FUTEX_OP_CMP_EQ: return value == o.compared;
    case FUTEX_OP_CMP_NE: return value != o.compared;
    case FUTEX_OP_CMP_LT: return value < o.compared;
    case FUTEX_OP_CMP_GE: return value >= o.compared;
    case FUTEX_OP_CMP_LE: return value <= o.compared;
    case FUTEX_OP_CMP_GT: return value > o.compared;
    default: return -ENOSYS;
  }
}

long wake_op(HashOf hash, const Call& call) {
  for (const int i : {0, 4})
    if (const long error = check_address(call.arg(i))) return error;
  if (!is_writable(call.pointer<void>(4), 4)) return -EFAULT;
  if (!key_of(hash, call.arg(4))) return -ENOSYS; // in memory of both kinds
  const Operation operation(static_cast<uint32_t>(call.arg(5)));
  int32_t former = 0;
  if (const long error = change_word(call.pointer<int32_t>(4), operation, former)) return error;
  const long holds = compare(operation, former);
  if (holds < 0) return holds;
  const long woken = wake(hash, call.arg(0), at_least_one(call.arg(2)), ~0u);
  return holds ? woken + wake(hash, call.arg(4), at_least_one(call.arg(3)), ~0u) : woken;
}

// ---- the newer calls ----

constexpr uint64_t kSize32 = 2, kPrivate = 128; // FUTEX2_SIZE_U32, FUTEX2_PRIVATE
long check_flags(uint64_t flags) { return (flags & ~kPrivate) == kSize32 ? 0 : -EINVAL; }
bool is_clock(uint64_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC; }
uint32_t count_of(uint64_t argument) {
  const auto count = static_cast<int32_t>(argument);
  return count < 0 ? 0 : static_cast<uint32_t>(count);
}

} // namespace

std::optional<HashOf> hash_of_futex(uint64_t address, bool is_private) {
  if (!is_private && shared_futex_key(address)) return HashOf::cluster;
  if (is_hashed() && (is_private || !memory::is_shared_mapping(address))) return HashOf::threads;
  return std::nullopt;
}

long hashed_futex(const Call& call, HashOf hash) {
  const auto command = static_cast<uint32_t>(call.arg(1) & FUTEX_CMD_MASK);
  if (call.arg(1) & FUTEX_CLOCK_REALTIME && command != FUTEX_WAIT_BITSET) return -ENOSYS;
  const auto third = static_cast<uint32_t>(call.arg(5));
  switch (command) {
    case FUTEX_WAIT: return wait(hash, call, false);
    case FUTEX_WAIT_BITSET: return wait(hash, call, true);
    case FUTEX_WAKE: return wake(hash, call.arg(0), at_least_one(call.arg(2)), ~0u);
    case FUTEX_WAKE_BITSET: return wake(hash, call.arg(0), at_least_one(call.arg(2)), third);
    case FUTEX_WAKE_OP: return wake_op(hash, call);
    case FUTEX_REQUEUE:
    case FUTEX_CMP_REQUEUE: {
      if (call.number_arg(2) < 0 || call.number_arg(3) < 0) return -EINVAL;
      const uint32_t* const expected = command == FUTEX_CMP_REQUEUE ? &third : nullptr;
      return requeue(hash, {call.arg(0), call.arg(4)}, count_of(call.arg(2)), count_of(call.arg(3)), expected);
    }
    default: return -ENOSYS;
  }
}

long hashed_futex_wait(const Call& call, HashOf hash) {
  if (const long error = check_flags(call.arg(3))) return error;
  if (!is_clock(call.arg(5)) || !static_cast<uint32_t>(call.arg(2))) return -EINVAL;
  const Limit limit = limit_of(call, 4, static_cast<clockid_t>(call.arg(5)), false);
  if (limit.error) return limit.error;
  if (const long error = check_address(call.arg(0))) return error;
  const FutexValue value{key_of(hash, call.arg(0)), call.arg(0), static_cast<uint32_t>(call.arg(1))};
  return wait_in(hash, value, static_cast<uint32_t>(call.arg(2)), limit.deadline);
}

long hashed_futex_wake(const Call& call, HashOf hash) {
  if (const long error = check_flags(call.arg(3))) return error;
  if (call.number_arg(2) <= 0) return check_address(call.arg(0));
  return wake(hash, call.arg(0), count_of(call.arg(2)), static_cast<uint32_t>(call.arg(1)));
}

long hashed_futex_waitv(const Call& call, HashOf hash) {
  const auto count = static_cast<uint32_t>(call.arg(1));
  if (call.arg(2) != 0 || (call.arg(3) && !is_clock(call.arg(4)))) return -EINVAL;
  const Limit limit = limit_of(call, 3, static_cast<clockid_t>(call.arg(4)), false);
  if (limit.error) return limit.error;
  FutexValue values[kAnyFutexMax];
  for (uint32_t i = 0; i < count; ++i) {
    const futex_waitv entry = call.pointer<const futex_waitv>(0)[i];
    if (entry.__reserved || check_flags(entry.flags) || entry.val >> 32) return -EINVAL;
    if (const long error = check_address(entry.uaddr)) return error;
    values[i] = {key_of(hash, entry.uaddr), entry.uaddr, static_cast<uint32_t>(entry.val)};
    if (!values[i].key) return -ENOSYS; // in memory of both kinds
  }
  return hash == HashOf::threads ? wait_for_any_futex(own_hash(), values, count, limit.deadline)
                                 : wait_for_any_shared_futex(values, count, limit.deadline);
}

long hashed_futex_requeue(const Call& call, HashOf hash) {
  const auto* entries = call.pointer<const futex_waitv>(0);
  if (call.arg(1) != 0 || call.number_arg(2) < 0 || call.number_arg(3) < 0) return -EINVAL;
  for (int i = 0; i < 2; ++i)
    if (entries[i].__reserved || check_flags(entries[i].flags)) return -EINVAL;
  const auto expected = static_cast<uint32_t>(entries[0].val);
  return requeue(hash, {entries[0].uaddr, entries[1].uaddr}, count_of(call.arg(2)), count_of(call.arg(3)), &expected);
}

} // namespace sp
