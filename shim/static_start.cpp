// SPDX-License-Identifier: Apache-2.0
// In a static program: the C library calls what is in .preinit_array before all constructors, when thread-local storage is
// there. Without `spctl run` or a parent that runs under it, the program stays as it is.
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/wire/subprocess.hpp"
#include "shim/start.hpp"

namespace {

void start(int count, char** arguments, char** environment) {
  if (sp::find_variable(environment, sp::wire::kEnvNodes)) sp_shim_start(count, arguments, environment);
}

} // namespace

[[gnu::section(".preinit_array"), gnu::used]] static void (*const at_start)(int, char**, char**) = start;
