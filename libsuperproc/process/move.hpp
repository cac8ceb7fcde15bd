// SPDX-License-Identifier: Apache-2.0
// exec on another node. The program begins there under this process's number, and this process becomes its shadow
// (wire/cluster.hpp). Whatever speaks against it leaves everything as it was, and the program begins here.
#pragma once
#include <cstdint>

namespace sp {

struct Departing {
  const char* path;
  const char* const* arguments;
  const char* const* environment; // as the program shall have it, with all of superproc's
  uint64_t mask;
};

// Returns only if the program does not move.
void move_if_it_should(const Departing& program);

// A body's next program, if it is one without the shim (static, setuid), begins where the shadow is, in the shadow's
// process: nobody could pass on what it asks for.
bool must_come_home(const char* path);
long come_home(const Departing& program); // does not return if it succeeds; -errno

} // namespace sp
