// SPDX-License-Identifier: Apache-2.0
// Who adds to accounts of processes, and who takes them (wire/accounts.hpp).
#pragma once
#include <sys/resource.h>

#include "libsuperproc/wire/cluster.hpp"

namespace sp {

struct Usage {
  uint64_t fields[wire::kUsageFieldCount] = {};

  void add(uint32_t field, uint64_t more) {
    uint64_t& sum = fields[field];
    if (field != wire::kUsedMaxResident)
      sum += more;
    else if (sum < more)
      sum = more;
  }
  void add(const Usage& more) {
    for (uint32_t i = 0; i < wire::kUsageFieldCount; ++i) add(i, more.fields[i]);
  }
  bool any() const {
    for (const uint64_t field : fields)
      if (field) return true;
    return false;
  }
};

inline Usage usage_in(const rusage& from) {
  const auto us = [](const timeval& time) { return static_cast<uint64_t>(time.tv_sec * 1'000'000 + time.tv_usec); };
  const auto count = [](long number) { return static_cast<uint64_t>(number); };
  return {{us(from.ru_utime), us(from.ru_stime), count(from.ru_maxrss), count(from.ru_minflt), count(from.ru_majflt),
           count(from.ru_inblock), count(from.ru_oublock), count(from.ru_nvcsw), count(from.ru_nivcsw)}};
}

inline void put_usage(const Usage& from, rusage& to) {
  const auto time = [](uint64_t us) {
    return timeval{static_cast<time_t>(us / 1'000'000), static_cast<suseconds_t>(us % 1'000'000)};
  };
  const auto& f = from.fields;
  to.ru_utime = time(f[wire::kUsedUserUs]), to.ru_stime = time(f[wire::kUsedSystemUs]);
  to.ru_maxrss = static_cast<long>(f[wire::kUsedMaxResident]);
  to.ru_minflt = static_cast<long>(f[wire::kUsedMinorFaults]),
  to.ru_majflt = static_cast<long>(f[wire::kUsedMajorFaults]);
  to.ru_inblock = static_cast<long>(f[wire::kUsedBlocksIn]), to.ru_oublock = static_cast<long>(f[wire::kUsedBlocksOut]);
  to.ru_nvcsw = static_cast<long>(f[wire::kUsedVoluntarySwitches]);
  to.ru_nivcsw = static_cast<long>(f[wire::kUsedInvoluntarySwitches]);
}

enum class UsedBy { self, children };

class OpenAccount {
public:
  // The account of this process, if there is one.
  static OpenAccount find(int32_t pid) {
    for (uint32_t i = 0; i < wire::kAccountPlaces && pid > 0; ++i)
      if (wire::accounts().pid[first_place(pid) + i].load() == pid) return OpenAccount(first_place(pid) + i);
    return OpenAccount(kNone);
  }

  static OpenAccount find_or_open(int32_t pid) {
    if (const OpenAccount found = find(pid); found.exists() || pid <= 0) return found;
    for (uint32_t i = 0; i < wire::kAccountPlaces; ++i) {
      int32_t free = 0;
      if (wire::accounts().pid[first_place(pid) + i].compare_exchange_strong(free, pid))
        return OpenAccount(first_place(pid) + i);
    }
    const OpenAccount taken(first_place(pid));
    (void)taken.empty();
    wire::accounts().pid[taken.place_].store(pid);
    return taken;
  }

  bool exists() const { return place_ != kNone; }

  void add(UsedBy by, const Usage& more) const {
    if (!exists()) return;
    for (uint32_t i = 0; i < wire::kUsageFieldCount; ++i) {
      std::atomic<uint64_t>& sum = fields(by)[i];
      if (i != wire::kUsedMaxResident)
        sum.fetch_add(more.fields[i]);
      else if (sum.load() < more.fields[i])
        sum.store(more.fields[i]);
    }
  }

  Usage read(UsedBy by) const {
    Usage usage;
    for (uint32_t i = 0; i < wire::kUsageFieldCount && exists(); ++i) usage.fields[i] = fields(by)[i].load();
    return usage;
  }

  void add_copied(uint64_t bytes) const {
    if (exists()) account().copied.fetch_add(bytes);
  }
  uint64_t copied() const { return exists() ? account().copied.load() : 0; }
  void forget_copied() const {
    if (exists()) account().copied.store(0);
  }

  // All that is in it.
  Usage close() const {
    if (!exists()) return {};
    const Usage all = empty();
    wire::accounts().pid[place_].store(0);
    return all;
  }

private:
  static constexpr uint32_t kNone = ~0u;
  static uint32_t first_place(int32_t pid) {
    return static_cast<uint32_t>(pid) % (wire::kAccountCount / wire::kAccountPlaces) * wire::kAccountPlaces;
  }

  explicit OpenAccount(uint32_t place) : place_(place) {}
  wire::Account& account() const { return wire::accounts().accounts[place_]; }
  std::atomic<uint64_t>* fields(UsedBy by) const { return by == UsedBy::self ? account().self : account().children; }
  Usage empty() const {
    Usage all;
    for (const UsedBy by : {UsedBy::self, UsedBy::children})
      for (uint32_t i = 0; i < wire::kUsageFieldCount; ++i) all.add(i, fields(by)[i].exchange(0));
    forget_copied();
    return all;
  }

  uint32_t place_;
};

} // namespace sp
