// SPDX-License-Identifier: Apache-2.0
// A file that home maps, for the residents of isolated nodes, where home's descriptor means nothing: they open it by its
// path, as far as nodes see a common tree; what has no path any more by its handle (name_to_handle_at(2)), which takes a
// privilege. What neither finds cannot be mapped.
#pragma once
#include <cstdint>

namespace sp::memory {

struct FileElsewhere {
  uint64_t start, bytes, offset;
  int32_t prot, flags; // mmap's
  uint64_t device, inode;
  char path[512];
  struct { // struct file_handle
    uint32_t bytes;
    int32_t type;
    uint8_t text[128]; // MAX_HANDLE_SZ
  } handle;
};

// 0 or -errno. At home: what is to be mapped, of an open descriptor.
long describe_file(FileElsewhere& file, int fd);
// There. -ESTALE: the path leads to another file.
long map_elsewhere(const FileElsewhere& file);
// Is what a line of /proc/self/maps names still in the tree that all nodes have? By the line alone.
bool is_common_mapping(const char* line);
// Does the path that /proc/self/maps has for a mapping lead to its file?
bool is_reachable(const char* line, uint64_t inode);
// Can it be mapped elsewhere? By opening it here as it would be there.
bool has_path(int fd, int prot, int flags);

} // namespace sp::memory
