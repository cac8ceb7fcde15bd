// SPDX-License-Identifier: Apache-2.0
// See kinship.hpp.
#include "spctl/kinship.hpp"

#include <fmt/core.h>
#include <fstream>
#include <map>
#include <sstream>

namespace sp::spctl {
namespace {

constexpr int kGenerationsMax = 1000; // between two SubProcesses

int32_t parent_of(int32_t pid) {
  std::ifstream file(fmt::format("/proc/{}/stat", pid));
  std::ostringstream text;
  text << file.rdbuf();
  return parent_in_stat(text.str());
}

class Forest {
public:
  explicit Forest(const std::vector<int32_t>& parents) : parents_(parents), seen_(parents.size(), false) {}

  std::vector<Branch> grow() {
    for (size_t i = 0; i < parents_.size(); ++i)
      if (!has_parent(i)) add(i, {}, 0, true);
    for (size_t i = 0; i < parents_.size(); ++i) add(i, {}, 0, true); // what hangs in a circle
    return std::move(branches_);
  }

private:
  bool has_parent(size_t i) const {
    return parents_[i] >= 0 && static_cast<size_t>(parents_[i]) < parents_.size() &&
           static_cast<size_t>(parents_[i]) != i;
  }

  void add(size_t i, const std::string& prefix, uint32_t depth, bool last) {
    if (seen_[i]) return;
    seen_[i] = true;
    branches_.push_back({i, depth == 0 ? "" : prefix + " \\_ ", depth});
    std::vector<size_t> children;
    for (size_t c = 0; c < parents_.size(); ++c)
      if (!seen_[c] && has_parent(c) && static_cast<size_t>(parents_[c]) == i) children.push_back(c);
    const std::string below = depth == 0 ? "" : prefix + (last ? "    " : " |  ");
    for (const size_t child : children) add(child, below, depth + 1, child == children.back());
  }

  const std::vector<int32_t>& parents_;
  std::vector<bool> seen_;
  std::vector<Branch> branches_;
};

} // namespace

int32_t parent_in_stat(const std::string& stat) {
  const size_t name_end = stat.rfind(')'); // the name may hold anything
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(stat.substr(name_end + 1));
  char state = 0;
  int32_t parent = 0;
  return rest >> state >> parent && parent > 0 ? parent : 0;
}

std::vector<int32_t> parents_of(const std::vector<SubProcess>& subprocesses) {
  std::map<int32_t, int32_t> index_of; // of all processes that stand for a SubProcess
  for (size_t i = 0; i < subprocesses.size(); ++i) {
    const auto& isolated = subprocesses[i].isolated;
    for (const int32_t pid : subprocesses[i].resident_pids) index_of[pid] = static_cast<int32_t>(i);
    if (isolated && isolated->shadow) index_of[isolated->shadow->pid] = static_cast<int32_t>(i);
  }
  std::vector<int32_t> parents;
  for (size_t i = 0; i < subprocesses.size(); ++i) {
    const auto& isolated = subprocesses[i].isolated;
    const bool moved = isolated && isolated->shadow && isolated->shadow->pid > 0;
    int32_t at = moved ? isolated->shadow->pid : subprocesses[i].control.identity.pid;
    auto found = index_of.end();
    for (int n = 0; n < kGenerationsMax && at > 1 && found == index_of.end(); ++n) {
      at = parent_of(at);
      found = index_of.find(at);
    }
    parents.push_back(found != index_of.end() ? found->second : -1);
  }
  return parents;
}

std::vector<Branch> forest(const std::vector<int32_t>& parents) { return Forest(parents).grow(); }

} // namespace sp::spctl
