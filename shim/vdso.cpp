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

// Could any bytes be a branch into what lies behind the site's first byte?
bool is_entered(const uint8_t* start, const uint8_t* end, const uint8_t* site) {
  const auto leads_in = [&](const uint8_t* target) { return target > site && target < site + kSiteBytes; };
  for (const uint8_t* p = start; p + 6 <= end; ++p) {
    const bool is_short = *p == 0xeb || (*p & 0xf0) == 0x70 || (*p & 0xfc) == 0xe0; // jmp, jcc, loop
    const bool is_near = *p == 0xe9 || *p == 0xe8 || (p[0] == 0x0f && (p[1] & 0xf0) == 0x80);
    if (is_short && leads_in(p + 2 + static_cast<int8_t>(p[1]))) return true;
    const uint8_t* distance = p + (*p == 0x0f ? 2 : 1);
    if (is_near && leads_in(distance + 4 + load<int32_t>(distance))) return true;
  }
  return false;
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

} // namespace

bool patch_vdso(uint64_t start, uint64_t end) {
  auto* code = pointer_to<uint8_t>(start);
  auto* code_end = pointer_to<uint8_t>(end);
  Room room = room_at_end(code, code_end);
  bool open = false, understood = true;
  for (uint8_t* p = code; p + 1 < code_end; ++p) {
    if (p[0] != 0x0f && p[0] != 0xcd) continue; // with which every call begins
    CodeScan scan;
    const uint8_t pair[] = {0, p[0], p[1], 0};
    scan.add(pair, sizeof pair);
    if (scan.is_clean()) continue;
    const int32_t number = p[0] == 0x0f && p[1] == 0x05 ? number_at(code, p) : -1;
    if (number >= 0 && !has_handler(static_cast<uint32_t>(number))) continue;
    uint8_t* site = p - kMoveBytes;
    if (number < 0 || site < code || *site != 0xb8 || load<int32_t>(site + 1) != number ||
        is_entered(code, code_end, site)) {
      understood = false;
      continue;
    }
    if (!open && sys::failed(sys::call(SYS_mprotect, start, end - start, PROT_READ | PROT_WRITE | PROT_EXEC)))
      return false;
    open = true;
    understood &= patch_at(site, room);
  }
  if (open) sys::call(SYS_mprotect, start, end - start, PROT_READ | PROT_EXEC);
  return understood;
}

} // namespace sp::shim
