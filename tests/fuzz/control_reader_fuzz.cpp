// SPDX-License-Identifier: Apache-2.0
// rooms: spctl
// The bytes of a control segment from a hostile process: first as they are, then behind a stamp that is in order so that
// what follows is reached, then as thread records, as an ELF file and as a line of a list of mappings.
#include <algorithm>
#include <cstring>
#include <vector>

#include "spctl/control_reader.hpp"
#include "spctl/elf.hpp"
#include "spctl/mapping_list.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using sp::fuzz::insist;

void read(std::span<const std::byte> bytes) {
  const auto view = sp::spctl::parse_control(bytes);
  if (!view) {
    insist(!view.error().empty(), "refused without a reason");
    return;
  }
  insist(view->nodes.size() == view->node_count && view->node_count <= sp::kNodeCountMax, "too many nodes");
  insist(view->thread_high <= sp::wire::kThreadCountMax, "too many threads");
  for (const auto& node : view->nodes) insist(!sp::spctl::cpu_list(node.cpus).empty(), "no text");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto input = std::as_bytes(std::span(data, size));
  read(input);
  static std::vector<std::byte> segment;
  segment.assign(sp::spctl::kControlHeadBytes, std::byte{});
  struct {
    uint64_t magic = sp::wire::kControlMagic;
    uint32_t version = sp::wire::kControlVersion;
    uint32_t bytes = sizeof(sp::wire::SubProcessControl);
  } const stamp;
  std::copy_n(input.begin(), std::min(size, segment.size()), segment.begin());
  std::memcpy(segment.data(), &stamp, sizeof stamp);
  read(segment);
  for (const auto& thread : sp::spctl::parse_threads(input))
    insist(thread.node < sp::kNodeCountMax, "a thread of no node");
  sp::spctl::inspect_elf(input);
  if (const auto mapping = sp::spctl::parse_mapping({reinterpret_cast<const char*>(data), size}))
    insist(mapping->start < mapping->end, "an empty mapping");
  return 0;
}
