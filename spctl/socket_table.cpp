// SPDX-License-Identifier: Apache-2.0
// See socket_table.hpp.
#include "spctl/socket_table.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <vector>

namespace sp::spctl {
namespace {

template <class T>
bool read_hex(std::string_view text, T& value) {
  constexpr int kHex = 16;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, kHex);
  return !text.empty() && parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}

struct Endpoint {
  std::string text;
  bool any; // no address and no port
};

// "0100007F:1F90", an IPv6 address as four words; each word in this machine's order of bytes.
std::optional<Endpoint> parse_endpoint(const std::string& text) {
  constexpr size_t kWordDigits = 8;
  const size_t colon = text.find(':');
  uint16_t port = 0;
  if (colon == std::string::npos || (colon != kWordDigits && colon != 4 * kWordDigits) ||
      !read_hex(std::string_view(text).substr(colon + 1), port))
    return std::nullopt;
  uint32_t words[4] = {};
  bool any = port == 0;
  for (size_t n = 0; n < colon / kWordDigits; ++n) {
    if (!read_hex(std::string_view(text).substr(n * kWordDigits, kWordDigits), words[n])) return std::nullopt;
    any = any && words[n] == 0;
  }
  char name[INET6_ADDRSTRLEN];
  const bool v4 = colon == kWordDigits;
  if (inet_ntop(v4 ? AF_INET : AF_INET6, words, name, sizeof name) == nullptr) return std::nullopt;
  return Endpoint{v4 ? fmt::format("{}:{}", name, port) : fmt::format("[{}]:{}", name, port), any};
}

std::optional<NumberedSocket> parse_unix(const std::string& line) { // Num RefCount Protocol Flags Type St Inode Path
  constexpr uint32_t kAccepts = 1 << 16;
  std::istringstream fields(line);
  std::string address, references, protocol, flags, type, state, path;
  uint64_t inode = 0;
  uint32_t bits = 0;
  if (!(fields >> address >> references >> protocol >> flags >> type >> state >> inode)) return std::nullopt;
  if (!read_hex(std::string_view(flags), bits)) return std::nullopt;
  std::getline(fields >> std::ws, path);
  const char* kind = type == "0001" ? "stream" : type == "0002" ? "datagram" : type == "0005" ? "packets" : "other";
  std::string text = path.empty() ? std::string(kind) : fmt::format("{} {}", kind, path);
  return NumberedSocket{inode, {"unix", text + ((bits & kAccepts) != 0 ? " listens" : "")}};
}

} // namespace

std::optional<NumberedSocket> parse_socket(const std::string& protocol, const std::string& line) {
  if (protocol == "unix") return parse_unix(line);
  std::istringstream fields(line);
  std::string number, local, remote, state, queues, timer, retransmit, user, timeout;
  uint64_t inode = 0;
  if (!(fields >> number >> local >> remote >> state >> queues >> timer >> retransmit >> user >> timeout >> inode))
    return std::nullopt;
  const auto here = parse_endpoint(local), there = parse_endpoint(remote);
  if (!here || !there) return std::nullopt;
  std::string text = here->text;
  if (!there->any) text += " -> " + there->text;
  if (protocol.starts_with("tcp") && state == "0A") text += " listens";
  return NumberedSocket{inode, {protocol, text}};
}

SocketTable SocketTable::read(int32_t pid) {
  SocketTable table;
  for (const char* protocol : {"tcp", "tcp6", "udp", "udp6", "unix"}) table.read_file(pid, protocol);
  return table;
}

void SocketTable::read_file(int32_t pid, const std::string& protocol) {
  std::ifstream file(fmt::format("/proc/{}/net/{}", pid, protocol));
  for (std::string line; std::getline(file, line);)
    if (auto socket = parse_socket(protocol, line)) lines_.emplace(socket->inode, std::move(socket->line));
}

const SocketLine* SocketTable::find(uint64_t inode) const {
  const auto found = lines_.find(inode);
  return found != lines_.end() ? &found->second : nullptr;
}

} // namespace sp::spctl
