// SPDX-License-Identifier: Apache-2.0
// One line of JSON about where a SubProcess's threads ran, appended to the file that SUPERPROC_SUMMARY names when the
// SubProcess exits. Tests and demos use it: a run that never left one node proves nothing.
#pragma once

namespace sp {
void write_summary(int status);
void summarize_to(const char* path); // at start; null: no summary
} // namespace sp
