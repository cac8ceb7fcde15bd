// SPDX-License-Identifier: Apache-2.0
// `spctl gc`: removes what clusters have left that were killed with all that looks after them: files of clusters that last
// (lasting_cluster.hpp), their folder, and an event log that nobody can read; if asked to, the code that the shim has kept
// (shim/kept_code.hpp). Namespaces, mounts, memory and sockets of a node go with its last process, so nothing is left of
// them. What somebody uses is locked, and not touched.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "spctl/event_log.hpp"
#include "spctl/lasting_cluster.hpp"
#include "spctl/message.hpp"
#include "spctl/runtime_folder.hpp"
#include "spctl/table.hpp"
#include "spctl/tool_options.hpp"

namespace sp::spctl {
namespace {

struct Leftover {
  std::string path, what;
  int error; // errno; 0: it is gone, or would be
};

class Collection {
public:
  explicit Collection(bool dry_run) : dry_run_(dry_run) {}

  void cluster_file(const ClusterFile& file) {
    Leftover left{runtime_folder() + "/" + file.name, fmt::format("cluster {}, of which nothing runs", file.name), 0};
    if (!dry_run_) {
      const auto taken = new_cluster_file(file.name); // locked: nobody begins it now
      if (!taken) return;                             // somebody has begun it meanwhile
      remove_cluster_file(file.name, *taken);
      close(*taken);
      left.error = access(left.path.c_str(), F_OK) == 0 ? EBUSY : 0;
    }
    all_.push_back(left);
  }

  void folder() {
    if (!dry_run_ && rmdir(runtime_folder().c_str()) == 0) all_.push_back({runtime_folder(), "an empty folder", 0});
  }

  void event_log() {
    if (access(event_log_path().c_str(), F_OK) != 0 || is_readable_event_log()) return;
    Leftover left{event_log_path(), "an event log of another version, or damaged", 0};
    if (!dry_run_ && unlink(left.path.c_str()) != 0) left.error = errno;
    all_.push_back(left);
  }

  // Who has it mapped keeps it.
  void kept_code() {
    const std::string folder = runtime_folder() + "-code";
    if (access(folder.c_str(), F_OK) != 0) return;
    Leftover left{folder, "libraries' code, kept patched", 0};
    std::error_code error;
    if (!dry_run_) std::filesystem::remove_all(folder, error);
    left.error = error.value();
    all_.push_back(left);
  }

  const std::vector<Leftover>& all() const { return all_; }

private:
  bool dry_run_;
  std::vector<Leftover> all_;
};

std::string line_of(const Leftover& left, bool dry_run) {
  if (left.error != 0) return fmt::format("{}: {}: {}\n", left.path, left.what, errno_text(left.error));
  return fmt::format("{} {}: {}\n", dry_run ? "would remove" : "removed", left.path, left.what);
}

void print_json(const std::vector<Leftover>& all, bool dry_run) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Leftover& left : all)
    list.push_back({{"path", left.path}, {"what", left.what}, {"removed", !dry_run && left.error == 0}});
  print(list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
}

} // namespace

int gc(const GcOptions& options) {
  const auto there = check_runtime_folder();
  if (!there) return refuse(there.error());
  Collection collection(options.dry_run);
  for (const ClusterFile& file : list_cluster_files())
    if (file.state == ClusterFileState::stale) collection.cluster_file(file);
  collection.folder();
  collection.event_log();
  if (options.code) collection.kept_code();
  if (options.output == Output::json)
    print_json(collection.all(), options.dry_run);
  else
    for (const Leftover& left : collection.all()) print(line_of(left, options.dry_run));
  for (const Leftover& left : collection.all())
    if (left.error != 0) return 1;
  return 0;
}

} // namespace sp::spctl
