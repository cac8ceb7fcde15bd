// SPDX-License-Identifier: Apache-2.0
// Files of /proc whose content speaks of one resident where the program means its whole process:
//   status          a copy, made when it is opened for reading, with the process's number, parent and count of threads
//   task            the directory of home's threads; reading it leaves out our service threads and adds the other nodes'
//   task/TID/comm   may be written by threads of the same resident only, so the thread's node does it
// The last two need later calls on the descriptor (getdents64, write). These are watched only while there is such a
// descriptor; it is recognised by its number and, before it is believed, by where the kernel says that it leads. A
// duplicate of it, or one inherited by a child, is not recognised.
#pragma once
#include "libsuperproc/syscalls/proc_path.hpp"

namespace sp {

// The descriptor that open gave for the path, or the one that takes its place. open_flags as in open(2).
long opened_proc_file(const ProcPath& path, long fd, int open_flags);

} // namespace sp
