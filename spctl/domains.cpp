// SPDX-License-Identifier: Apache-2.0
// See domains.hpp.
#include "spctl/domains.hpp"

#include <cerrno>
#include <fstream>
#include <unistd.h>

#include "spctl/library.hpp"

namespace sp::spctl {

OverDomains over_domains;

namespace {
std::vector<std::string> own_words() {
  std::ifstream file("/proc/self/cmdline");
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(word);
  return words;
}
} // namespace

int become_sp_xen() {
  std::vector<std::string> words = own_words();
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::string path = own_folder() + "/sp-xen";
  execv(path.c_str(), arguments.data());
  return own_error("{}: {}; superproc was built without Xen (libxen-dev)", path, errno_text(errno));
}

int join(const JoinOptions& options) { return over_domains.join ? over_domains.join(options) : become_sp_xen(); }

} // namespace sp::spctl
