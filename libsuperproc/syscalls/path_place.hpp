// SPDX-License-Identifier: Apache-2.0
// Where a moved program's path leads: on its own node, or at home, where its shadow is. Nodes of one machine have their
// files in common, but not
//   /proc       it shows the processes of the node that mounted it. Home's has all, each by its body or shadow; so there is
//               what does not name a process of this node, and who somebody's parent, group and terminal are
//   /proc/self/fd, /dev/fd, /dev/stdin
//               what is behind a descriptor of the shadow's is there
//   /dev/tty    the terminal is home's
//   /dev/shm    so is what is shared as memory (process/shared_mapping.hpp)
// Where they have the cluster's image only (cluster/common_files.hpp), whatever else has a name is home's: files outside the
// image, and all that is to be changed; what a path is relative to; terminals and shared memory below /dev. The working
// folder is the shadow's then, and new pipes are made there, since a program that must run at home inherits them.
#pragma once
#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/call.hpp"

namespace sp {

enum class PathPlace : uint32_t {
  here,
  own_process, // the same, below /proc; files.cpp has more to say
  home,
  image, // here; but a symbolic link in it may lead to where only home has something
};

// Of argument i, which is a path, the one before it perhaps a folder's descriptor.
PathPlace place_of_path(const Call& call, const Arguments& row, uint32_t i);

} // namespace sp
