// SPDX-License-Identifier: Apache-2.0
// Memory that several processes of isolated nodes share by mmap: MAP_SHARED|MAP_ANONYMOUS, memfds, and files of /dev/shm, which
// POSIX shared memory and named semaphores are. No node sees another's anonymous memory or tmpfs, so what they hold lies in
// the first node's pool, which every node can map (wire/pool.hpp), at the place of a segment that its spd makes for it and
// keeps: a removed System V segment, of which nobody but us knows the number. Who maps it attaches a witness as for other
// segments (process/shared_memory.hpp): so the kernel counts who has it, through fork, exec and sudden ends.
//
//   made       by spd, which attaches it, too: it outlives a moment in which nobody else does (a child that moves while
//              its parent ends)
//   dropped    by spd, when nobody else has had it for a second, or when its only process says that it lets go
//
// A file's segment has what the file has when it is first mapped, and the file gets that back when the segment is dropped,
// or its only process says so, as it does by munmap and exit, and before it is sealed against writing. Meanwhile read(2) and
// write(2) meet the memory in who has mapped the file (syscalls/mapped_files.hpp), and not elsewhere; and what is behind the
// end of the file is there. A process with threads on several nodes has no witness: spd looks whether it
// is still there, and a fork's child attaches one.
//
// A mapping ends by munmap, in pieces perhaps; of one that mremap has moved in part the segment lasts as long as the process.
// Whatever fails is the kernel's mapping of this node instead, as it was before; a child that has such a one stays here.
//
// Futexes in it are the cluster's (process/shared_futex.hpp).
//
// What if it dies here? The process: its kernel detaches it. The first node: all ends.
#pragma once
#include <cstdint>
#include <optional>

namespace sp {

// mmap's arguments; MAP_SHARED|MAP_ANONYMOUS, in a process of the first node with its threads there. -errno: map it natively.
long map_shared_anonymous_segment(uint64_t address, uint64_t bytes, int prot, int flags);

// mmap's of a file, by the caller's `map`, which gets a descriptor and an offset to use instead. Nothing: it is no such file,
// or cannot be done.
struct SharedFile {
  uint64_t descriptor, offset, bytes;
  int prot;
  bool is_private = false; // in a body: what it has not written to follows the file
};
using MapInstead = long (*)(const void* call, long descriptor, uint64_t offset);
std::optional<long> map_shared_file(const SharedFile& file, MapInstead map, const void* call);
// Has this process ever mapped such files?
bool maps_shared_files();
// The one that it has open and mapped.
struct MappedFile {
  uint64_t place;  // of its first byte in the pool
  bool is_written; // some mapping of it is writable
};
std::optional<MappedFile> find_mapped_file(uint64_t descriptor);
// If this is such a file, and somebody has it mapped, it gets what the memory holds now.
void save_file_of_memory(uint64_t descriptor);

// The program ends.
void shared_files_end();
// In a fork's child of a process that had its threads on several nodes.
void attach_missing_witnesses();

bool is_shared_mapping_there(uint64_t start, uint64_t bytes);
// The program has unmapped this, or moved it to somewhere else.
void shared_mapping_ends(uint64_t start, uint64_t bytes);
bool may_grow(uint64_t start, uint64_t bytes, uint64_t bytes_then); // only a file's may
void shared_mapping_moves(uint64_t start, uint64_t bytes, uint64_t to, uint64_t bytes_then);

// Whoever forks may have passed on what it maps.
void pass_on_shared_mappings();

} // namespace sp
