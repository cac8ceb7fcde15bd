// SPDX-License-Identifier: Apache-2.0
// A cluster that lasts, as it is written down in the runtime folder: a file of its name.
//
// Protocol: `spctl up` makes the file and locks it; the lock is the open file's (F_OFD_SETLK), so the cluster's guard and
// parent have it too, and the kernel lets it go with the last of them. Once the nodes run the parent writes down who is
// who. The guard removes the file when all processes of the cluster are gone.
//   no file                   there is no such cluster
//   locked, nothing in it     it is being started
//   locked, with its numbers  it runs, or is just ending
//   not locked                stale: guard and parent were killed at one time; the next `up` uses the file again
// A process number in it means that process only while the file is locked, and its start time tells it from another's.
#pragma once
#include <optional>
#include <string>
#include <sys/types.h>
#include <tl/expected.hpp>
#include <vector>

#include "spctl/message.hpp"

namespace sp::spctl {

struct ClusterProcess {
  pid_t pid;
  uint64_t start; // clock ticks since boot
};

struct LastingCluster {
  ClusterProcess guard, parent, first_spd;
  uint64_t space; // pid namespace of the first node
};

enum class ClusterFileState { none, starting, running, stale };

struct ClusterFile {
  std::string name;
  ClusterFileState state;
  LastingCluster cluster; // if it runs
};

ClusterFile read_cluster_file(const std::string& name);
std::vector<ClusterFile> list_cluster_files();

// ---- for who makes the cluster ----
tl::expected<int, Refusal> new_cluster_file(const std::string& name); // locked
bool write_cluster_file(int descriptor, const LastingCluster& cluster);
void remove_cluster_file(const std::string& name, int descriptor); // and the folder with the last one

// ---- a process by its number ----
std::optional<ClusterProcess> process_now(pid_t pid); // nothing: there is none
int open_process(const ClusterProcess& process);      // pidfd, or -1: it is not there any more

} // namespace sp::spctl
