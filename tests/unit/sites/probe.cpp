// SPDX-License-Identifier: Apache-2.0
// A preload library that puts the tables to the proof: it patches every site of libc and the loader in a real program.
// Each stub destroys the flags, stops the program (ud2) when eax is not the number that the table claims, counts, makes
// the call and goes back. A program that runs as ever has shown that the runs it used are right. At the end the
// descriptor named by SP_PROBE_FD is told how many sites were passed.
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <link.h>
#include <sys/mman.h>

#include "shim/sites/site_table.hpp"

namespace {

using sp::shim::SiteRecord;
using sp::shim::SiteTable;

constexpr size_t kSlotBytes = 128;
constexpr uint32_t kSitesMax = 2048;
constexpr uintptr_t kPageBytes = 4096;

struct Probe {
  uint32_t site_count = 0;
  uint8_t* slots = nullptr; // near libc
  uint32_t* counts = nullptr;
  bool wrong = false;
};
Probe probe;

uint8_t* map_near(uintptr_t address, size_t bytes) {
  for (uintptr_t distance = 1 << 24; distance < (uintptr_t{1} << 30); distance += 1 << 20) {
    void* wanted = reinterpret_cast<void*>((address - distance) & ~(kPageBytes - 1));
    void* got = mmap(wanted, bytes, PROT_READ | PROT_WRITE | PROT_EXEC,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == wanted) return static_cast<uint8_t*>(got);
    if (got != MAP_FAILED) munmap(got, bytes);
  }
  return nullptr;
}

class Stub {
public:
  explicit Stub(uint8_t* at) : at_(at) {}
  void bytes(const void* from, size_t count) {
    std::memcpy(at_, from, count);
    at_ += count;
  }
  template <class T>
  void value(T number) {
    bytes(&number, sizeof number);
  }
  void relative(const void* target) {
    value(static_cast<int32_t>(reinterpret_cast<intptr_t>(target) - reinterpret_cast<intptr_t>(at_ + 4)));
  }

private:
  uint8_t* at_;
};

void patch_site(uintptr_t base, const SiteRecord& site) {
  auto* run = reinterpret_cast<uint8_t*>(base + site.address);
  if (!sp::shim::is_intact(run, site) || probe.site_count == kSitesMax) {
    probe.wrong = true;
    return;
  }
  uint8_t* slot = probe.slots + probe.site_count * kSlotBytes;
  Stub stub(slot);
  stub.bytes(run, site.before);
  if (site.number >= 0) {
    stub.bytes("\x3d", 1); // cmp $number, %eax
    stub.value<int32_t>(site.number);
    stub.bytes("\x74\x02\x0f\x0b", 4); // je over; ud2
  }
  stub.bytes("\xf0\xff\x05", 3); // lock incl count(%rip)
  stub.relative(&probe.counts[probe.site_count]);
  stub.bytes("\x83\x3d\x00\x00\x00\x00\x7f", 7); // cmpl, for other flags than before
  stub.bytes("\x0f\x05", 2);
  stub.bytes(run + site.before + 2, site.after);
  stub.bytes("\xe9", 1);
  stub.relative(run + site.length);

  if (site.island != 0) {
    Stub short_jump(run);
    short_jump.bytes("\xeb", 1);
    short_jump.value<int8_t>(site.island);
  }
  Stub patch(site.island != 0 ? run + sp::shim::kSyscallBytes + site.island : run);
  patch.bytes("\xe9", 1);
  patch.relative(slot);
  for (uint32_t i = sp::shim::kJumpBytes; i < site.overwrite; i++) run[i] = 0xcc;
  probe.site_count++;
}

bool has_build_id(const dl_phdr_info* loaded, const SiteTable& table) {
  for (int i = 0; i < loaded->dlpi_phnum; i++) {
    const auto& segment = loaded->dlpi_phdr[i];
    if (segment.p_type != PT_NOTE) continue;
    const auto* bytes = reinterpret_cast<const uint8_t*>(loaded->dlpi_addr + segment.p_vaddr);
    if (memmem(bytes, segment.p_memsz, table.build_id, table.build_id_bytes) != nullptr) return true;
  }
  return false;
}

void patch_library(const dl_phdr_info* loaded, const SiteTable& table) {
  if (probe.slots == nullptr) {
    probe.slots = map_near(loaded->dlpi_addr, kSitesMax * (kSlotBytes + sizeof(uint32_t)));
    if (probe.slots == nullptr) return;
    probe.counts = reinterpret_cast<uint32_t*>(probe.slots + kSitesMax * kSlotBytes);
  }
  for (int i = 0; i < loaded->dlpi_phnum; i++) {
    const auto& segment = loaded->dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0) continue;
    const uintptr_t begin = (loaded->dlpi_addr + segment.p_vaddr) & ~(kPageBytes - 1);
    const size_t bytes = loaded->dlpi_addr + segment.p_vaddr + segment.p_memsz - begin;
    mprotect(reinterpret_cast<void*>(begin), bytes, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (uint32_t n = 0; n < table.count; n++)
      if (table.sites[n].address - segment.p_vaddr < segment.p_memsz) patch_site(loaded->dlpi_addr, table.sites[n]);
    mprotect(reinterpret_cast<void*>(begin), bytes, PROT_READ | PROT_EXEC);
  }
}

__attribute__((constructor)) void patch_all() {
  dl_iterate_phdr(
      [](dl_phdr_info* loaded, size_t, void*) {
        for (const auto& table : sp::shim::site_tables())
          if (table.count != 0 && table.build_id_bytes != 0 && has_build_id(loaded, table))
            patch_library(loaded, table);
        return 0;
      },
      nullptr);
}

__attribute__((destructor)) void report() {
  const char* text = getenv("SP_PROBE_FD");
  if (text == nullptr || probe.counts == nullptr) return;
  uint32_t passed = 0;
  for (uint32_t i = 0; i < probe.site_count; i++) passed += probe.counts[i] != 0;
  dprintf(atoi(text), "%s sites=%u passed=%u\n", probe.wrong ? "wrong" : "right", probe.site_count, passed);
}

} // namespace
