// SPDX-License-Identifier: Apache-2.0
// Copies from and to memory of the program that may not be there. The kernel does it, so that a bad pointer is an error
// here as it would be in a call, whatever handler of faults the program has. That costs ten times what a copy does, so a
// body with one thread only asks the kernel whether the memory is there, and copies by itself.
#pragma once
#include <cstdint>

namespace sp::vfd {

// Whose memory: 0, this very process's, or another one's on this node, for which the caller performs a call.
extern thread_local constinit int32_t program_tid;

// Of this very process, at this moment.
bool can_read_program(const void* from, uint64_t bytes);

// False: EFAULT.
bool read_program(void* to, const void* from, uint64_t bytes);
bool write_program(void* to, const void* from, uint64_t bytes);

// How much of it, from its start, can be written to; whole pages of it are made, as by writing. Of another process: all.
uint64_t writable_bytes(uint64_t at, uint64_t bytes);

// Reads up to and with the zero byte; the count of bytes, 0: EFAULT or more than `room`.
uint64_t read_text(char* to, const char* from, uint64_t room);

} // namespace sp::vfd
