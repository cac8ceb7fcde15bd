// SPDX-License-Identifier: Apache-2.0
// Who of this node has a pipe open, or a pair of stream sockets, which is a pipe for each direction; as /proc shows it.
#pragma once
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

// Which file: its inode, and the bit of sockets, whose inodes are counted by themselves. 0: none.
using EndName = uint64_t;
inline constexpr EndName kSocket = 1ull << 63;

// What is read from and what is written to: of a pipe the same.
struct PipeName {
  EndName reader, writer;
  explicit operator bool() const { return reader != 0; }
  bool operator==(const PipeName&) const = default;
  bool is_pair() const { return reader & kSocket; }
};

PipeName pipe_name(pid_t pid, uint64_t descriptor, bool writes);

// If each end is one descriptor of one process that waits for what it reads and writes, and no epoll has it. Nothing: there
// are others, or it cannot be known.
std::optional<PipeHolders> sole_holders(PipeName name);

// Its socket, or the pipe by another open file of ours, without waiting; -errno. Sockets are closed by close_end, too:
// those that are open here do not count as held.
int open_end(const PipeHolder& holder, EndName name, int mode);
void close_end(int end);

} // namespace sp::spd
