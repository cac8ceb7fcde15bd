// SPDX-License-Identifier: Apache-2.0
// The shim's start. Who calls it: in libsuperproc.so its constructor (shim/constructor.cpp), in a static program that is
// linked with libsuperproc-shim.a the C library, before the program's own (shim/static_start.cpp).
#pragma once

extern "C" [[gnu::visibility("hidden")]] void sp_shim_start(int count, char** arguments, char** environment);
extern "C" [[gnu::visibility("hidden")]] bool sp_shim_started; // false: a static program that runs natively
