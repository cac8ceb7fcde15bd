// SPDX-License-Identifier: Apache-2.0
// A program that exec shall begin on another node, or in the shadow's process: what kind it is, and what is handed over
// with it (wire::Departure).
#pragma once
#include <cstdint>

namespace sp {

struct Departing {
  const char* path;
  const char* const* arguments;
  const char* const* environment; // as the program shall have it, with all of superproc's
  uint64_t mask;
};

enum class ProgramKind {
  not_executable, // or something exec will have an errno for
  with_shim,
  without_shim, // static, or with a privilege that shuts LD_PRELOAD out: nothing in it knows of a shadow's descriptors
  of_home,      // not all nodes have its file, or the libraries that it says (cluster/common_files.hpp)
};
ProgramKind kind_of(const Departing& program);

// Why exec cannot run a file of home that is not_executable.
long error_at_home(const char* path);

// Writes it into the record. `own_name`: one more variable of its environment, or null. False: it is too long.
bool describe(uint32_t record, const Departing& program, const char* own_name);

} // namespace sp
