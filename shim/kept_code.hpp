// SPDX-License-Identifier: Apache-2.0
// Kept code: a library's text as it is when it is patched, with its stubs, in a file that all programs of this user map
// in place of the library's own. Patching writes to some hundred pages, and each process that begins would copy them
// (a quarter of a millisecond), as would each that is forked to another node.
//
//   RUNTIME/superproc-code/NAME   the library's file with the patched text in it (so that perf finds its symbols there),
//                                 then the stubs, whole pages, then a KeptCode
// The folder and its files are this user's alone. A file is written without a name and linked when it is whole, so whoever
// finds it finds all of it, and a writer's death leaves nothing; nobody writes to it again. What it holds depends on the
// library, the shim and the distance between the two, which are its name, and are compared; programs that load large
// libraries, where the distance is another one each time, patch for themselves. So does a program in whose text somebody
// has written before, as debuggers do: breakpoints would be lost, or kept. There are at most kKeptFilesMax files; then the
// oldest goes, which harms nobody who has it mapped. `spctl gc --code` removes the folder.
#pragma once
#include <cstdint>

#include "shim/sites/site_table.hpp"

namespace sp::shim {

inline constexpr uint32_t kKeptFilesMax = 32;

struct LibraryCode {
  const SiteTable& table;
  const char* file; // its name, as the loader has it
  uint64_t bias;
  uint64_t start, end; // of its text in memory
  uint64_t offset;     // of its text in the file
};

class KeptCodes {
public:
  KeptCodes(const char* const* environment, const uint8_t* own_build_id, uint32_t build_id_bytes);
  KeptCodes(const KeptCodes&) = delete;
  ~KeptCodes();

  // Nobody has written to its text, so it may be taken and kept; else the two below must not be called.
  bool is_for(const LibraryCode& library) const;
  // Maps what is kept of a library; its stubs from `stubs` on, the bytes of them are returned, 0: nothing is kept.
  uint64_t take(const LibraryCode& library, uint64_t stubs, uint32_t& sites) const;
  // Keeps what has been patched, for the next.
  void keep(const LibraryCode& library, uint64_t stubs, uint64_t stubs_end, uint32_t sites) const;

private:
  long folder_ = -1, pagemap_ = -1;
  const uint8_t* own_id_;
  uint32_t own_id_bytes_;
};

} // namespace sp::shim
