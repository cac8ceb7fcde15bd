// SPDX-License-Identifier: Apache-2.0
#include "shim/vdso.hpp"

#include <sys/mman.h>

#include "libsuperproc/base/code_scan.hpp"
#include "libsuperproc/base/gate.hpp"
#include "libsuperproc/syscalls/dispatch.hpp"

namespace sp::shim {

namespace {

constexpr uint32_t kMoveBytes = 5, kSiteBytes = 7, kJumpBytes = 5;

template <class T>
T load(const uint8_t* at) {
  T value;
  __builtin_memcpy(&value, at, sizeof value);
  return value;
}

// What a site jumps to: does what the site did, through the gate, and goes on behind it.
struct [[gnu::packed]] Stub {
  uint8_t move[kMoveBytes];                    // mov $number, %eax
  uint8_t load_return[3] = {0x48, 0x8d, 0x0d}; // lea behind(%rip), %rcx
  int32_t behind;
  uint8_t jump[2] = {0xff, 0x25}; // jmp *entry(%rip)
  int32_t entry_distance = 0;
  uint64_t entry;
};

// Zeros behind the code: room for stubs, down to `low`.
struct Room {
  uint8_t* low;
  uint8_t* high;
  Stub* take() {
    if (high - low < static_cast<long>(sizeof(Stub))) return nullptr;
    high -= sizeof(Stub);
    return reinterpret_cast<Stub*>(high);
  }
};

Room room_at_end(uint8_t* start, uint8_t* end) {
  uint8_t* low = end;
  while (low > start && low[-1] == 0) --low;
  constexpr int kMargin = 16; // the last zeros may belong to the code
  return {low + kMargin, end};
}

// The number that the `syscall` at `at` is for, or -1.
int32_t number_at(const uint8_t* start, const uint8_t* at) {
  constexpr int kLookBack = 32;
  for (const uint8_t* p = at - kMoveBytes; p >= start && p >= at - kLookBack; --p)
    if (*p == 0xb8 && load<uint32_t>(p + 1) < 512) return load<int32_t>(p + 1);
  return -1;
}

// What is to be patched. A site is entered if any bytes could be a branch to what lies behind its first one.
struct Sites {
  static constexpr uint32_t kMax = 16;
  uint8_t* at[kMax];
  bool is_entered[kMax] = {};
  uint32_t count = 0;

  bool add(uint8_t* site) { return count < kMax && (at[count++] = site, true); }
  void note_branch(const uint8_t* target) {
    for (uint32_t i = 0; i < count; ++i) is_entered[i] |= target > at[i] && target < at[i] + kSiteBytes;
  }
};

void look_for_near_branches(const uint8_t* start, const uint8_t* end, Sites& sites) {
  for (const uint8_t* p = start; p + 6 <= end; ++p) {
    if ((*p & 0xfe) == 0xe8) sites.note_branch(p + 5 + load<int32_t>(p + 1)); // call, jmp
    if (*p == 0x0f && (p[1] & 0xf0) == 0x80) sites.note_branch(p + 6 + load<int32_t>(p + 2));
  }
}

void look_for_short_branches(const uint8_t* start, const uint8_t* end, Sites& sites) {
  constexpr int kReach = 128 + 2;
  for (uint32_t i = 0; i < sites.count; ++i)
    for (const uint8_t* p = sites.at[i] - kReach; p < sites.at[i] + kSiteBytes + kReach; ++p) {
      if (p < start || p + 2 > end) continue;
      const bool is_short = *p == 0xeb || (*p & 0xf0) == 0x70 || (*p & 0xfc) == 0xe0; // jmp, jcc, loop
      if (is_short) sites.note_branch(p + 2 + static_cast<int8_t>(p[1]));
    }
}

bool patch_at(uint8_t* site, Room& room) {
  Stub* stub = room.take();
  if (!stub) return false;
  *stub = {};
  __builtin_memcpy(stub->move, site, kMoveBytes);
  stub->behind = static_cast<int32_t>(site + kSiteBytes - (stub->load_return + 7));
  stub->entry = address_of(sp_entry);
  const auto distance = static_cast<int32_t>(stub->move - (site + kJumpBytes));
  site[0] = 0xe9;
  __builtin_memcpy(site + 1, &distance, sizeof distance);
  site[5] = site[6] = 0xcc;
  return true;
}

// False: there is something that is no site.
bool find_sites(uint8_t* start, uint8_t* end, Sites& sites) {
  bool understood = true;
  const auto pair_from = [&](const uint8_t* at) { return start + (CodeScan::find_pair(at, end) - start); };
  for (uint8_t* p = pair_from(start); p != end; p = pair_from(p + 1)) {
    const int32_t number = p[0] == 0x0f && p[1] == 0x05 ? number_at(start, p) : -1;
    if (number >= 0 && !has_handler(static_cast<uint32_t>(number))) continue;
    uint8_t* const site = p - kMoveBytes;
    understood &= number >= 0 && site >= start && *site == 0xb8 && load<int32_t>(site + 1) == number && sites.add(site);
  }
  return understood;
}

} // namespace

bool patch_vdso(uint64_t start, uint64_t end) {
  auto* code = pointer_to<uint8_t>(start);
  auto* code_end = pointer_to<uint8_t>(end);
  Sites sites;
  bool understood = find_sites(code, code_end, sites);
  if (sites.count == 0) return understood;
  look_for_near_branches(code, code_end, sites);
  look_for_short_branches(code, code_end, sites);
  Room room = room_at_end(code, code_end);
  if (sys::failed(sys::call(SYS_mprotect, start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC))) return false;
  for (uint32_t i = 0; i < sites.count; ++i) understood &= !sites.is_entered[i] && patch_at(sites.at[i], room);
  sys::call(SYS_mprotect, start, end - start, PROT_READ | PROT_EXEC);
  return understood;
}

} // namespace sp::shim
