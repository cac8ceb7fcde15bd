// SPDX-License-Identifier: Apache-2.0
#include "shim/stubs.hpp"

#include <sys/mman.h>

#include "libsuperproc/base/sys.hpp"
#include "libsuperproc/syscalls/interest.hpp"
#include "libsuperproc/wire/address_map.hpp"
#include "libsuperproc/base/gate.hpp"

namespace sp::shim {

namespace {

constinit uint64_t used_bytes = 0;

uint64_t next_slot() {
  const uint64_t slot = address_of(sp_stubs_start) + used_bytes;
  if (slot + kSlotBytes > address_of(sp_gate_end)) return 0;
  used_bytes += kSlotBytes;
  return slot;
}

void copy_bytes(uint8_t* to, const uint8_t* from, size_t count) {
  for (size_t i = 0; i < count; ++i) to[i] = from[i];
}

// Writes one instruction after the other into a slot.
class Assembler {
public:
  explicit Assembler(uint64_t at) : at_(reinterpret_cast<uint8_t*>(at)) {}
  uint64_t here() const { return reinterpret_cast<uint64_t>(at_); }
  void bytes(std::initializer_list<uint8_t> list) {
    for (uint8_t b : list) *at_++ = b;
  }
  void copy(const uint8_t* from, size_t count) {
    copy_bytes(at_, from, count);
    at_ += count;
  }
  // A displacement that counts from the end of the instruction, `more` bytes behind the displacement itself.
  void relative(uint64_t target, uint64_t more = 0) {
    const auto distance = static_cast<int32_t>(target - (here() + 4 + more));
    copy(reinterpret_cast<const uint8_t*>(&distance), 4);
  }
  void jump(uint64_t target) { bytes({0xe9}), relative(target); }
  void load_rcx(uint64_t target) { bytes({0x48, 0x8d, 0x0d}), relative(target); }

private:
  uint8_t* at_;
};

template <class T>
void store(uint64_t address, T value) {
  copy_bytes(reinterpret_cast<uint8_t*>(address), reinterpret_cast<const uint8_t*>(&value), sizeof value);
}

void write_stub(uint64_t slot, const uint8_t* run, const SiteRecord& site) {
  Assembler code(slot);
  const uint64_t site_end = reinterpret_cast<uint64_t>(run) + site.length;
  const uint8_t* after = run + site.before + kSyscallBytes;
  code.copy(run, site.before);
  if (site.number >= 0 && site.number < static_cast<int>(kInterestCount)) {
    constexpr uint8_t kSyscallAndTail = kSyscallBytes;
    code.bytes({0x83, 0x3d}), code.relative(address_of(&sp_interest[site.number]), 1), code.bytes({0x00});
    code.bytes({0x75, static_cast<uint8_t>(kSyscallAndTail + site.after + kJumpBytes)});
    code.bytes({0x0f, 0x05});
    const uint64_t behind = code.here();
    code.copy(after, site.after);
    code.jump(site_end);
    code.load_rcx(behind);
    code.jump(address_of(sp_entry));
  } else {
    constexpr uint64_t kLoadBytes = 7;
    code.load_rcx(code.here() + kLoadBytes + kJumpBytes);
    code.jump(address_of(sp_entry));
    code.copy(after, site.after);
    code.jump(site_end);
  }
  store<int32_t>(slot + kSlotNumberOffset, site.number);
  store<uint64_t>(slot + kSlotAddressOffset, reinterpret_cast<uint64_t>(run) + site.before + kSyscallBytes - slot);
}

bool patch_site(uint8_t* run, const SiteRecord& site) {
  const auto distance = static_cast<int64_t>(address_of(sp_stubs_start)) - reinterpret_cast<int64_t>(run);
  if (distance > INT32_MAX - (1 << 20) || distance < INT32_MIN + (1 << 20)) return false;
  const uint64_t slot = next_slot();
  if (slot == 0) return false;
  write_stub(slot, run, site);
  if (site.island) {
    Assembler(reinterpret_cast<uint64_t>(run + kSyscallBytes + site.island)).jump(slot);
    Assembler(reinterpret_cast<uint64_t>(run)).bytes({0xeb, static_cast<uint8_t>(site.island)});
    return true;
  }
  Assembler patch(reinterpret_cast<uint64_t>(run));
  patch.jump(slot);
  for (uint32_t i = kJumpBytes; i < site.overwrite; ++i) patch.bytes({0xcc});
  return true;
}

// Text and stubs are writable for as long as this lives.
class Writable {
public:
  Writable(uint64_t start, uint64_t end) : start_(wire::page_down(start)), end_(wire::page_up(end)) {
    protect(PROT_READ | PROT_WRITE | PROT_EXEC);
  }
  Writable(const Writable&) = delete;
  ~Writable() { protect(PROT_READ | PROT_EXEC); }
  bool granted() const { return granted_; }

private:
  void protect(int prot) {
    const uint64_t stubs = address_of(sp_stubs_start);
    granted_ = !sys::failed(sys::call(SYS_mprotect, start_, end_ - start_, prot)) &&
               !sys::failed(sys::call(SYS_mprotect, stubs, address_of(sp_gate_end) - stubs, prot));
  }
  uint64_t start_, end_;
  bool granted_ = false;
};

} // namespace

uint64_t next_page_of_stubs() {
  used_bytes = wire::page_up(used_bytes);
  return address_of(sp_stubs_start) + used_bytes;
}

void take_stubs(uint64_t bytes) { used_bytes += bytes; }

uint32_t patch_sites(const SiteTable& table, uint64_t load_bias, uint64_t text_start, uint64_t text_end) {
  Writable text(text_start, text_end);
  if (!text.granted()) return 0;
  uint32_t count = 0;
  for (uint32_t i = 0; i < table.count; ++i) {
    const SiteRecord& site = table.sites[i];
    const uint64_t start = load_bias + site.address;
    if (start < text_start || start + site.length > text_end) continue;
    auto* run = reinterpret_cast<uint8_t*>(start);
    if (is_intact(run, site) && patch_site(run, site)) ++count;
  }
  return count;
}

uint32_t patch_plain_sites(uint64_t text_start, uint64_t text_end) {
  Writable text(text_start, text_end);
  if (!text.granted()) return 0;
  uint32_t count = 0;
  constexpr uint64_t kRunBytes = 7;
  for (auto* p = reinterpret_cast<uint8_t*>(text_start); p + kRunBytes <= reinterpret_cast<uint8_t*>(text_end); ++p) {
    if (p[5] != 0x0f || p[6] != 0x05 || p[0] != 0xb8 || p[3] != 0 || p[4] != 0 || p[2] > 1) continue;
    const auto number = static_cast<int16_t>(p[1] | p[2] << 8);
    const SiteRecord site{0, kRunBytes, kJumpBytes, 0, kJumpBytes, number, 0, 0, 0};
    if (patch_site(p, site)) ++count;
    p += kRunBytes - 1;
  }
  return count;
}

int32_t number_behind(uint64_t address) {
  if (address < address_of(sp_stubs_start) || address >= address_of(sp_gate_end)) return -1;
  const uint64_t slot = address & ~(kSlotBytes - 1);
  const auto* code = reinterpret_cast<const uint8_t*>(address);
  if (address - slot < kSyscallBytes || code[-2] != 0x0f || code[-1] != 0x05) return -1;
  return *reinterpret_cast<const int32_t*>(slot + kSlotNumberOffset);
}

} // namespace sp::shim
