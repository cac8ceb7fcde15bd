// SPDX-License-Identifier: Apache-2.0
// All that decides what a thread may do: users, groups, capabilities, and what it may gain by exec. To the kernel each
// thread has its own.
#pragma once
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/prctl.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/wire/cluster.hpp"

namespace sp {

// The calls that change them; prctl has some more.
inline constexpr int kRightsCalls[] = {SYS_setuid,    SYS_setgid,    SYS_setreuid, SYS_setregid, SYS_setresuid,
                                       SYS_setresgid, SYS_setgroups, SYS_setfsuid, SYS_setfsgid, SYS_capset};
inline bool is_rights_call(long number) {
  for (const int one : kRightsCalls)
    if (one == number) return true;
  return false;
}

namespace credentials {

struct Capabilities {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct words[2]{};

  void read() { sys::call(SYS_capget, &header, words); }
  long write() const { return sys::call(SYS_capset, &header, words); }
  uint64_t effective() const { return words[0].effective | uint64_t{words[1].effective} << 32; }
  uint64_t permitted() const { return words[0].permitted | uint64_t{words[1].permitted} << 32; }
  uint64_t inheritable() const { return words[0].inheritable | uint64_t{words[1].inheritable} << 32; }
  void set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
    for (int i = 0; i < 2; ++i) {
      words[i].effective = static_cast<uint32_t>(effective >> (32 * i));
      words[i].permitted = static_cast<uint32_t>(permitted >> (32 * i));
      words[i].inheritable = static_cast<uint32_t>(inheritable >> (32 * i));
    }
  }
};

inline constexpr uint32_t kCapabilityCountMax = 64;

inline uint64_t bounding() {
  uint64_t set = 0;
  for (uint32_t n = 0; n < kCapabilityCountMax; ++n) {
    const long has = sys::call(SYS_prctl, PR_CAPBSET_READ, n, 0, 0, 0);
    if (sys::failed(has)) break; // this kernel's last
    set |= static_cast<uint64_t>(has) << n;
  }
  return set;
}

inline uint64_t ambient(uint64_t possible) {
  uint64_t set = 0;
  for (uint32_t n = 0; n < kCapabilityCountMax; ++n)
    if (possible >> n & 1 && sys::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, n, 0, 0) == 1)
      set |= 1ull << n;
  return set;
}

} // namespace credentials

// Of the calling thread.
inline void read_credentials(wire::Credentials& own) {
  sys::call(SYS_getresuid, &own.users[0], &own.users[1], &own.users[2]);
  sys::call(SYS_getresgid, &own.groups_own[0], &own.groups_own[1], &own.groups_own[2]);
  const long count = sys::call(SYS_getgroups, wire::kGroupCountMax, own.groups);
  own.group_count = count > 0 ? static_cast<uint32_t>(count) : 0;
  own.file_user = static_cast<uint32_t>(sys::call(SYS_setfsuid, -1)); // changes nothing
  own.file_group = static_cast<uint32_t>(sys::call(SYS_setfsgid, -1));
  own.secure_bits = static_cast<uint32_t>(sys::call(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0));
  own.no_new_privileges = static_cast<uint32_t>(sys::call(SYS_prctl, PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  credentials::Capabilities capabilities;
  capabilities.read();
  own.effective = capabilities.effective(), own.permitted = capabilities.permitted();
  own.inheritable = capabilities.inheritable();
  own.bounding = credentials::bounding();
  own.ambient = credentials::ambient(own.permitted & own.inheritable);
}

inline bool are_same(const wire::Credentials& a, const wire::Credentials& b) {
  if (a.group_count != b.group_count || a.group_count > wire::kGroupCountMax) return false;
  for (int i = 0; i < 3; ++i)
    if (a.users[i] != b.users[i] || a.groups_own[i] != b.groups_own[i]) return false;
  for (uint32_t i = 0; i < a.group_count; ++i)
    if (a.groups[i] != b.groups[i]) return false;
  return a.file_user == b.file_user && a.file_group == b.file_group && a.secure_bits == b.secure_bits &&
         a.no_new_privileges == b.no_new_privileges && a.effective == b.effective && a.permitted == b.permitted &&
         a.inheritable == b.inheritable && a.bounding == b.bounding && a.ambient == b.ambient;
}

// The calling thread becomes like one that was like it, and has become like that in any number of steps. While users change
// the kernel takes no capabilities away, as far as that is allowed: what the thread may keep is said at the end. Whatever fails
// leaves it with less than it should have, never more: capabilities are given up in any case.
inline void take_on(const wire::Credentials& wanted) {
  credentials::Capabilities own;
  own.read();
  const uint64_t permitted = own.permitted();
  own.set(permitted, permitted, own.inheritable());
  (void)own.write();
  const auto bits = static_cast<uint32_t>(sys::call(SYS_prctl, PR_GET_SECUREBITS, 0, 0, 0, 0));
  sys::call(SYS_prctl, PR_SET_SECUREBITS, bits | SECBIT_NO_SETUID_FIXUP, 0, 0, 0);
  sys::call(SYS_setresuid, -1, 0, -1); // what was root, and may be again
  sys::call(SYS_setgroups, wanted.group_count, wanted.groups);
  sys::call(SYS_setresgid, wanted.groups_own[0], wanted.groups_own[1], wanted.groups_own[2]);
  sys::call(SYS_setfsgid, wanted.file_group);
  sys::call(SYS_setresuid, wanted.users[0], wanted.users[1], wanted.users[2]);
  sys::call(SYS_setfsuid, wanted.file_user);

  own.read();
  own.set(own.effective(), own.permitted(), wanted.inheritable);
  (void)own.write();
  for (uint32_t n = 0; n < credentials::kCapabilityCountMax; ++n)
    if (!(wanted.bounding >> n & 1) && sys::failed(sys::call(SYS_prctl, PR_CAPBSET_DROP, n, 0, 0, 0))) break;
  sys::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (uint32_t n = 0; n < credentials::kCapabilityCountMax; ++n)
    if (wanted.ambient >> n & 1) sys::call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, n, 0, 0);
  sys::call(SYS_prctl, PR_SET_SECUREBITS, wanted.secure_bits, 0, 0, 0);

  own.read();
  const uint64_t kept = own.permitted() & wanted.permitted;
  own.set(kept & wanted.effective, kept, own.inheritable() & wanted.inheritable);
  (void)own.write();
  if (wanted.no_new_privileges) sys::call(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

} // namespace sp
