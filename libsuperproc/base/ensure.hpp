// SPDX-License-Identifier: Apache-2.0
// Assertions that stay on in release. EXPECT guards what our own code promises to itself; what another node or a program
// may do wrong is an error value, never an assertion.
#pragma once
#include <cstdint>

namespace sp {
// Writes "superproc: file:line: expression" to descriptor 2 and ends the process with SIGABRT.
[[noreturn]] void ensure_failed(const char* file, int line, const char* expression);
} // namespace sp

#define ENSURE(expression)                                                                                             \
  do {                                                                                                                 \
    if (!(expression)) [[unlikely]]                                                                                    \
      ::sp::ensure_failed(__FILE__, __LINE__, #expression);                                                            \
  } while (false)
#define EXPECT(expression) ENSURE(expression)
