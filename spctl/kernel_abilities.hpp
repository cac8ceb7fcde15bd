// SPDX-License-Identifier: Apache-2.0
// What this kernel lets an ordinary user do, found by trying it in this process without a lasting effect.
#pragma once
#include <cstdint>
#include <optional>
#include <string>

namespace sp::spctl {

bool inside_superproc(); // this process is itself a SubProcess

// 0, or the errno that says why not.
int dispatch_errno();          // Syscall User Dispatch
int memfd_errno();             // memory files, and that they can be grown and mapped
int user_fault_errno();        // userfaultfd for faults in user mode
int user_notification_errno(); // seccomp user notification
int open_errno(const char* path, int flags);

uint32_t usable_cpu_count(); // by this process's affinity

std::string read_line(const char* path); // the first line of a file, empty when it cannot be read
std::optional<int64_t> read_number(const char* path);

} // namespace sp::spctl
