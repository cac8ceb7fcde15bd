// SPDX-License-Identifier: Apache-2.0
#include "shim/start.hpp"

[[gnu::constructor]] static void start(int count, char** arguments, char** environment) {
  sp_shim_start(count, arguments, environment);
}
