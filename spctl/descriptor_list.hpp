// SPDX-License-Identifier: Apache-2.0
// The descriptors of a SubProcess, whichever node has them open: its own, and those that its shadow has for it, under the
// same numbers. What they are is asked of /proc, which says it of each process; nothing is opened.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "spctl/subprocess_list.hpp"

namespace sp::spctl {

struct DescriptorLine {
  int32_t number;
  std::string kind; // file, directory, pipe, fifo, tcp, udp, unix, eventfd, epoll, ...
  uint32_t node;    // its owner
  bool at_shadow;
  std::string what;               // a path, an address, the kernel's name for it; printable
  std::string flags;              // as open(2) has them
  std::optional<uint64_t> offset; // where it has one
};

// By number. The error is an errno.
tl::expected<std::vector<DescriptorLine>, int> list_descriptors(const SubProcess& subprocess);

struct DescriptorFacts { // /proc/PID/fdinfo/N
  uint64_t position = 0;
  uint32_t flags = 0;
};
DescriptorFacts parse_fdinfo(const std::string& text);
std::string open_flags_text(uint32_t flags); // "O_RDWR|O_CLOEXEC"

} // namespace sp::spctl
