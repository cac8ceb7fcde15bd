// SPDX-License-Identifier: Apache-2.0
// Who of this node has a pipe open, as /proc shows it.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <sys/types.h>

namespace sp::spd {

struct PipeHolder {
  pid_t pid;
  int descriptor;
};
struct PipeHolders {
  PipeHolder reader, writer;
};

// The number of the pipe, 0: it is none.
uint64_t pipe_number(pid_t pid, uint64_t descriptor);

// If each end is one descriptor of one process that waits for what it reads and writes, and no epoll has it. Nothing: there
// are others, or it cannot be known.
std::optional<PipeHolders> sole_holders(uint64_t number);

// The pipe by another open file of ours, without waiting; -errno.
int open_pipe(const PipeHolder& holder, uint64_t number, int mode);

} // namespace sp::spd
