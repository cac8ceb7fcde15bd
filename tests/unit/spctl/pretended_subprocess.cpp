// SPDX-License-Identifier: Apache-2.0
// A library that stands in for libsuperproc.so in tests of spctl: preloaded, it makes the process look like a SubProcess
// from outside, with a control segment whose figures the tests know. It interposes nothing. SUPERPROC_PRETEND chooses:
// "native" (default), "shared" (a second process as resident of node 1), or one of the ways in which a segment can be
// wrong: "version", "size", "nodes", "magic".
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "libsuperproc/memory/vma_map.hpp"
#include "libsuperproc/wire/control_tables.hpp"
#include "libsuperproc/wire/subprocess.hpp"
#include "libsuperproc/wire/version_note.hpp"

namespace {

using namespace sp;

SP_VERSION_NOTE const wire::VersionNote version_note;

void fill_node(wire::NodeRecord& node, int32_t host_pid, uint32_t threads) {
  node.state = wire::NodeState::running;
  node.host_pid = host_pid;
  node.thread_count = threads;
  node.thread_started_count = threads + 10;
  node.cpus.words[0] = 1;
  node.requests_served = 21;
}

// Another process with the same segment, which ends with this one.
pid_t make_resident() {
  const pid_t parent = getpid();
  const pid_t resident = fork();
  if (resident != 0) return resident;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int descriptor = 0; descriptor < 3; ++descriptor) close(descriptor); // nobody waits for its end of a pipe
  while (getppid() == parent) pause();
  _exit(0);
}

// One range in the arena of node 1, whose protection node 0 does not have yet.
void fill_ranges() {
  void* pool = reinterpret_cast<void*>(wire::kVmaArenas + wire::kVmaBytes);
  const uint64_t start = wire::arena_start({1});
  auto map = memory::VmaMap::format(pool, wire::kVmaBytes, start, start + wire::kArenaBytes);
  if (!map) abort();
  memory::VmaAttributes attributes;
  attributes.kind = memory::VmaKind::anonymous;
  attributes.prot = PROT_READ | PROT_WRITE;
  attributes.applied = 2;
  if (!map->assign(start + 0x10000, start + 0x30000, attributes)) abort();
}

void fill(wire::SubProcessControl& control, const char* how) {
  control.magic = wire::kControlMagic;
  control.version = wire::kControlVersion;
  control.bytes = sizeof control;
  control.identity.pid = getpid();
  control.identity.superprocess = getpid();
  const char* nodes = getenv(wire::kEnvNodes);
  control.options.node_count = nodes != nullptr ? static_cast<uint32_t>(atoi(nodes)) : 2;
  control.thread_count = 1;
  strcpy(control.armed_because, "start: /usr/bin/odd\033");
  control.trapped_by_number[39] = 5;  // getpid
  control.refused_by_number[425] = 7; // io_uring_setup
  control.nodes[0].host_pid = getpid();
  if (strcmp(how, "shared") == 0) {
    control.state = wire::SubProcessState::shared;
    control.dispatch = wire::Dispatch::sealed;
    fill_node(control.nodes[0], getpid(), 3);
    fill_node(control.nodes[1], make_resident(), 2);
    fill_ranges();
    control.thread_high = 1;
    control.threads[0].state = wire::ThreadState::running;
    control.threads[0].tid = getpid();
    control.threads[0].node = 0;
    prctl(PR_SET_NAME, "worker\033"); // a name may hold anything
  }
  if (strcmp(how, "version") == 0) control.version = wire::kControlVersion + 1;
  if (strcmp(how, "size") == 0) control.bytes = 64;
  if (strcmp(how, "nodes") == 0) control.options.node_count = 1000;
  if (strcmp(how, "magic") == 0) control.magic = 0;
}

__attribute__((constructor)) void pretend() {
  const char* how = getenv("SUPERPROC_PRETEND");
  void* place = reinterpret_cast<void*>(wire::kControlBase);
  void* segment = mmap(place, wire::kControlBytes, PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
  if (segment != place) abort();
  fill(*new (segment) wire::SubProcessControl, how != nullptr ? how : "native");
}

} // namespace
