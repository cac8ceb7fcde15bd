// SPDX-License-Identifier: Apache-2.0
// See process_numbers.hpp.
#include "spctl/process_numbers.hpp"

#include <algorithm>
#include <charconv>
#include <dirent.h>
#include <fmt/core.h>
#include <fstream>
#include <optional>
#include <sstream>
#include <string_view>
#include <sys/stat.h>

namespace sp::spctl {
namespace {

std::vector<int32_t> numbered_entries(const std::string& path) {
  std::vector<int32_t> numbers;
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return numbers;
  while (const dirent* entry = readdir(folder)) {
    const std::string_view name = entry->d_name;
    int32_t number = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + name.size(), number);
    if (parsed.ec == std::errc() && parsed.ptr == name.data() + name.size()) numbers.push_back(number);
  }
  closedir(folder);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string whole_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Numbers read_numbers(const std::string& folder, int32_t outside) {
  const InnermostNumber own = innermost_number(whole_text(folder + "/status"), outside);
  struct stat space {};
  if (!own.nested || stat((folder + "/ns/pid").c_str(), &space) != 0) return {outside, own.number, 0};
  return {outside, own.number, space.st_ino};
}

} // namespace

InnermostNumber innermost_number(const std::string& status, int32_t otherwise) {
  constexpr std::string_view kTitle = "\nNSpid:";
  const size_t at = status.find(kTitle);
  if (at == std::string::npos) return {otherwise, false};
  const size_t begin = at + kTitle.size();
  std::istringstream line(status.substr(begin, status.find('\n', begin) - begin));
  int32_t number = otherwise, count = 0;
  for (int32_t next = 0; line >> next; ++count) number = next;
  return {number, count > 1};
}

NumberTable NumberTable::read() {
  NumberTable table;
  for (const int32_t pid : numbered_entries("/proc"))
    table.all_.push_back(read_numbers(fmt::format("/proc/{}", pid), pid));
  return table;
}

Numbers NumberTable::of(int32_t outside) const {
  const auto found = std::lower_bound(all_.begin(), all_.end(), outside,
                                      [](const Numbers& n, int32_t pid) { return n.outside < pid; });
  return found != all_.end() && found->outside == outside ? *found : Numbers{outside, outside, 0};
}

int32_t NumberTable::outside(uint64_t space, int32_t inside) const {
  if (space == 0 || inside <= 0) return inside;
  const auto found =
      std::find_if(all_.begin(), all_.end(), [&](const Numbers& n) { return n.space == space && n.inside == inside; });
  return found != all_.end() ? found->outside : 0;
}

int32_t thread_outside(int32_t process, uint64_t space, int32_t inside) {
  if (space == 0 || inside <= 0) return inside;
  const std::string folder = fmt::format("/proc/{}/task", process);
  for (const int32_t tid : numbered_entries(folder))
    if (innermost_number(whole_text(fmt::format("{}/{}/status", folder, tid)), tid).number == inside) return tid;
  return 0;
}

} // namespace sp::spctl
