// SPDX-License-Identifier: Apache-2.0
// `spctl maps PID`: what the address ranges of a SubProcess are. Two lists: what the kernel has mapped at home, each
// line with the region it belongs to; and, once converted, superproc's own list of ranges, which holds on every node,
// with the nodes where the kernel has caught up.
#include <nlohmann/json.hpp>

#include "libsuperproc/memory/vma_reader.hpp"
#include "libsuperproc/wire/control_tables.hpp"
#include "spctl/commands.hpp"
#include "spctl/mapping_list.hpp"
#include "spctl/message.hpp"
#include "spctl/subprocess_list.hpp"
#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

const char* kind_name(wire::VmaKind kind) {
  switch (kind) {
    case wire::VmaKind::free: return "free";
    case wire::VmaKind::anonymous: return "anonymous";
    case wire::VmaKind::file_private: return "file, private";
    case wire::VmaKind::file_shared: return "file, shared";
    case wire::VmaKind::shared_anonymous: return "anonymous, shared";
    case wire::VmaKind::reserved: return "reserved";
  }
  return "unknown";
}

std::string protection_text(uint8_t prot) {
  return {(prot & 1) != 0 ? 'r' : '-', (prot & 2) != 0 ? 'w' : '-', (prot & 4) != 0 ? 'x' : '-'};
}

std::string applied_text(uint16_t applied, uint32_t node_count) {
  std::string text;
  for (uint32_t node = 0; node < node_count; ++node)
    if ((applied >> node & 1) != 0) text += fmt::format("{}{}", text.empty() ? "" : ",", node);
  return text.empty() ? "-" : text;
}

// One range list, whole; nothing where there is none or it changes all the time.
std::vector<wire::Vma> read_ranges(int32_t pid, uint64_t table) {
  constexpr int kAttemptCount = 16;
  constexpr size_t kHeadBytes = wire::kVmaRecordsOffset;
  for (int attempt = 0; attempt < kAttemptCount; ++attempt) {
    const auto head = read_memory(pid, table, kHeadBytes);
    if (!head) return {};
    const auto bytes = memory::vma_image_bytes(*head);
    if (!bytes && bytes.error().value == EAGAIN) continue;
    if (!bytes || *bytes > wire::kVmaBytes) return {};
    const auto image = read_memory(pid, table, *bytes);
    const auto after = read_memory(pid, table, kHeadBytes);
    if (!image || !after) return {};
    const auto before_generation = memory::vma_generation(*head);
    const auto after_generation = memory::vma_generation(*after);
    if (!before_generation || !after_generation || *before_generation != *after_generation) continue;
    auto ranges = memory::read_vmas(*image);
    if (ranges) return std::move(*ranges);
  }
  return {};
}

std::vector<wire::Vma> all_ranges(const SubProcess& subprocess) {
  if (subprocess.control.state == wire::SubProcessState::native) return {};
  std::vector<uint64_t> tables{wire::kVmaImage};
  for (uint32_t node = 0; node < subprocess.control.node_count; ++node) {
    tables.push_back(wire::kVmaArenas + node * wire::kVmaBytes);
    tables.push_back(wire::kVmaFiles + node * wire::kVmaBytes);
  }
  std::vector<wire::Vma> all;
  for (const uint64_t table : tables)
    for (const wire::Vma& range : read_ranges(subprocess.reader_pid, table))
      if (range.kind != wire::VmaKind::free) all.push_back(range);
  return all;
}

std::string span_text(uint64_t start, uint64_t end) { return fmt::format("{:012x}-{:012x}", start, end); }

int maps_json(const SubProcess& subprocess, const std::vector<Mapping>& mappings,
              const std::vector<wire::Vma>& ranges) {
  nlohmann::ordered_json kernel = nlohmann::ordered_json::array();
  for (const Mapping& m : mappings)
    kernel.push_back({{"start", m.start},
                      {"end", m.end},
                      {"permissions", m.permissions},
                      {"region", region_name(m.start)},
                      {"offset", m.offset},
                      {"name", m.name}});
  nlohmann::ordered_json own = nlohmann::ordered_json::array();
  for (const wire::Vma& r : ranges)
    own.push_back({{"start", r.start},
                   {"end", r.end},
                   {"protection", protection_text(r.prot)},
                   {"region", region_name(r.start)},
                   {"kind", kind_name(r.kind)},
                   {"applied", r.applied},
                   {"file_id", r.file_id},
                   {"file_offset", r.file_offset}});
  const nlohmann::ordered_json all = {{"pid", subprocess.control.identity.pid},
                                      {"state", state_name(subprocess.control.state)},
                                      {"mappings", std::move(kernel)},
                                      {"ranges", std::move(own)}};
  print(all.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  return 0;
}

} // namespace

int maps(const SubProcessOptions& options) {
  const auto found = find_subprocess(options.pid.value_or(0));
  if (!found) return own_error("{}", found.error());
  const auto mappings = read_mappings(found->reader_pid);
  if (mappings.empty()) return own_error("process {}: its mappings cannot be read; has it ended?", found->reader_pid);
  const auto ranges = all_ranges(*found);
  if (options.output == Output::json) return maps_json(*found, mappings, ranges);

  Table kernel({{"MAPPED AT HOME"}, {"PERM"}, {"SIZE", Align::right}, {"REGION"}, {"NAME"}});
  for (const Mapping& m : mappings)
    kernel.row({span_text(m.start, m.end), m.permissions, bytes_text(m.end - m.start), region_name(m.start), m.name});
  kernel.print();
  if (ranges.empty()) return 0;
  print("\n");
  Table own({{"SHARED RANGE"}, {"PROT"}, {"SIZE", Align::right}, {"REGION"}, {"APPLIED"}, {"KIND"}});
  for (const wire::Vma& r : ranges)
    own.row({span_text(r.start, r.end), protection_text(r.prot), bytes_text(r.bytes()), region_name(r.start),
             applied_text(r.applied, found->control.node_count), kind_name(r.kind)});
  own.print();
  return 0;
}

} // namespace sp::spctl
