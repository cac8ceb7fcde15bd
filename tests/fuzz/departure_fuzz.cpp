// SPDX-License-Identifier: Apache-2.0
// rooms: spd
// A program handed over by a hostile node: impossible counts, texts without an end, more text than a record has. What is
// accepted must be lists of texts that lie in the copy, and must stay as they are when the original is overwritten.
#include "spd/departure.hpp"
#include "tests/fuzz/cluster_segment.hpp"

namespace {
using namespace sp;
using fuzz::insist;

constexpr uint32_t kRecord = wire::kMovedCountMax - 1; // behind it nothing is mapped

bool lies_in(const spd::Departed& program, const char* text) {
  const char* const start = program.text.data();
  return text >= start && text + strlen(text) < start + program.text.size();
}

void check_list(const spd::Departed& program, const std::vector<char*>& list, uint32_t count) {
  insist(list.size() == uint64_t{count} + 1 && list.back() == nullptr, "a list without an end");
  for (uint32_t i = 0; i < count; ++i) insist(lies_in(program, list[i]), "a text that is not in the copy");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Bytes bytes{data, size};
  fuzz::map_segment();
  wire::Departure& d = wire::moved(kRecord).departure;
  const auto kind = bytes.next<uint8_t>();
  std::memset(static_cast<void*>(&d), 0, sizeof d);
  if (kind % 4 == 0) bytes.fill(&d, sizeof d);
  if (kind % 4 != 0) {
    d.argument_count = kind % 8 < 6 ? bytes.next<uint8_t>() % 8 : bytes.next<uint32_t>();
    d.environment_count = bytes.next<uint8_t>() % 4;
    d.text_bytes = kind % 16 == 1 ? wire::kDepartureTextMax + kind % 3 - 1 : bytes.next<uint16_t>();
  }
  char* const text = reinterpret_cast<char*>(wire::transfer_area(kRecord, 0));
  std::memset(text, kind & 32 ? 'x' : 0, d.text_bytes < wire::kDepartureTextMax ? d.text_bytes + 1 : 1);
  bytes.fill(text, wire::kDepartureTextMax);
  spd::Departed program;
  if (!spd::read_departure(kRecord, program)) return 0;
  std::memset(text, 'y', 64);
  insist(program.text.size() <= wire::kDepartureTextMax, "more text than a record has");
  insist(lies_in(program, program.path) && lies_in(program, program.folder), "a name that is not in the copy");
  check_list(program, program.arguments, program.departure.argument_count);
  check_list(program, program.environment, program.departure.environment_count);
  return 0;
}
