// SPDX-License-Identifier: Apache-2.0
// Stubs: what a patched system-call site jumps to. They fill the gate behind its first page, one 64-byte slot each:
//
//   number known:    [moved instructions] cmpl $0, sp_interest[number]; jne 1f; syscall; [moved]; jmp site
//                 1: lea after_syscall, rcx; jmp sp_entry
//   number unknown:  [moved instructions] lea 1f, rcx; jmp sp_entry; 1: [moved]; jmp site
//
// So a call of no interest costs two jumps and a compare. Behind the code, at fixed places, each slot tells its number
// (for beginning an interrupted call again) and the address that it stands for (for unwinding, see gate.S).
#pragma once
#include <cstdint>

#include "shim/sites/site_table.hpp"

namespace sp::shim {

inline constexpr uint64_t kSlotBytes = 64;
inline constexpr uint64_t kSlotNumberOffset = 52;  // int32, -1: unknown
inline constexpr uint64_t kSlotAddressOffset = 56; // int64, from the slot

// The stubs of an object that can be kept (kept_code.hpp) have pages of their own.
uint64_t next_page_of_stubs();
void take_stubs(uint64_t bytes); // they are there already

// Patches the sites of one loaded object. Its text is writable meanwhile; the process has one thread. Sites whose bytes
// differ from the table, that are out of a jump's reach, or that find no room are left to Syscall User Dispatch.
// Returns how many were patched.
uint32_t patch_sites(const SiteTable& table, uint64_t load_bias, uint64_t text_start, uint64_t text_end);

// The same for an object that no table knows, by the one form that needs no decoder: `mov $number, %eax; syscall`, seven
// bytes of which only the number varies.
uint32_t patch_plain_sites(uint64_t text_start, uint64_t text_end);

// Where a thread is, if `address` is behind the `syscall` of a stub: the call's number, else -1.
int32_t number_behind(uint64_t address);

} // namespace sp::shim
