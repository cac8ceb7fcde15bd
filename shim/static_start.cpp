// SPDX-License-Identifier: Apache-2.0
// In a static program: the C library calls what is in .preinit_array before all constructors, when thread-local storage is
// there. Without `spctl run` or a parent that runs under it, the program stays as it is.
#include "libsuperproc/process/exec.hpp"
#include "libsuperproc/wire/subprocess.hpp"
#include "shim/loaded_objects.hpp"
#include "shim/start.hpp"

namespace {

[[gnu::section(".superproc.sites"), gnu::used, gnu::retain]] const sp::shim::OwnTable own_sites = {
    sp::shim::kOwnTableVersion, 0, {}};

void start(int count, char** arguments, char** environment) {
  if (!sp::find_variable(environment, sp::wire::kEnvNodes)) return;
  sp::shim::own_table = &own_sites;
  sp_shim_start(count, arguments, environment);
}

} // namespace

[[gnu::section(".preinit_array"), gnu::used]] static void (*const at_start)(int, char**, char**) = start;
