// SPDX-License-Identifier: Apache-2.0
// What this node tells the launcher (wire/launch_report.hpp): that it cannot be, or how the first program has ended.
#pragma once
namespace sp::spd {

void report_to(int descriptor);
void report_end(int wait_status);
void close_report();

// Ends the process as well. `what` is what cannot be done; `error` says why, if it is one of the kernel's.
[[noreturn]] void give_up(int exit_code, const char* what, int error = 0);

} // namespace sp::spd
