// SPDX-License-Identifier: Apache-2.0
// An ELF note by which libsuperproc.so says which version of the control segment it writes, so that spctl can refuse a
// library of another build before it starts a program. The shim defines one object:
//   SP_VERSION_NOTE const sp::wire::VersionNote version_note;
#pragma once
#include <cstdint>

#include "libsuperproc/wire/subprocess.hpp"

#define SP_VERSION_NOTE __attribute__((section(".note.superproc"), used, aligned(4)))

namespace sp::wire {

inline constexpr uint32_t kVersionNoteType = 1;
inline constexpr char kVersionNoteName[] = "superproc";

struct VersionNote { // the layout of Elf64_Nhdr with its name and data
  uint32_t name_bytes = sizeof kVersionNoteName;
  uint32_t data_bytes = sizeof(uint32_t);
  uint32_t type = kVersionNoteType;
  char name[12] = "superproc"; // padded to a multiple of 4
  uint32_t control_version = kControlVersion;
};
static_assert(sizeof(VersionNote) == 28);

} // namespace sp::wire
