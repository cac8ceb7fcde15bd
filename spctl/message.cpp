// SPDX-License-Identifier: Apache-2.0
// See message.hpp.
#include "spctl/message.hpp"

#include <cstring>
#include <unistd.h>

namespace sp::spctl {

void say(const std::string& text) {
  std::string line = "spctl: " + text + "\n";
  const char* at = line.data();
  for (size_t left = line.size(); left > 0;) {
    const ssize_t written = write(2, at, left);
    if (written <= 0) return;
    at += written;
    left -= static_cast<size_t>(written);
  }
}

std::string errno_text(int errno_value) {
  const char* text = strerrordesc_np(errno_value);
  return text != nullptr ? text : fmt::format("error {}", errno_value);
}

} // namespace sp::spctl
