// SPDX-License-Identifier: Apache-2.0
// The sockets of a process's network, by inode, as /proc/PID/net lists them.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace sp::spctl {

struct SocketLine {
  std::string protocol; // tcp, tcp6, udp, udp6, unix
  std::string text;     // "127.0.0.1:80 -> 10.0.0.1:4711", "127.0.0.1:80 listens", a unix socket's path
};

class SocketTable {
public:
  static SocketTable read(int32_t pid);

  const SocketLine* find(uint64_t inode) const; // null: of another kind

private:
  void read_file(int32_t pid, const std::string& protocol);
  std::map<uint64_t, SocketLine> lines_;
};

// One line of /proc/net/tcp, tcp6, udp, udp6, or unix; nothing where it is the title or cannot be understood.
struct NumberedSocket {
  uint64_t inode;
  SocketLine line;
};
std::optional<NumberedSocket> parse_socket(const std::string& protocol, const std::string& line);

} // namespace sp::spctl
