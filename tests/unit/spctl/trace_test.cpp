// SPDX-License-Identifier: Apache-2.0
// Traced calls: what is read from a ring, and how it is printed.
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <memory>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "spctl/trace_reader.hpp"
#include "spctl/trace_text.hpp"

using namespace sp;
using namespace sp::spctl;

namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& object) {
  return std::as_bytes(std::span(&object, 1));
}

std::unique_ptr<wire::TraceEvent> event(uint16_t number, std::initializer_list<uint64_t> arguments, int64_t result) {
  auto made = std::make_unique<wire::TraceEvent>();
  made->sequence.store(8);
  made->tid = 12;
  made->number = number;
  made->result = result;
  std::copy(arguments.begin(), arguments.end(), made->arguments);
  return made;
}

void put(wire::TraceEvent& event, uint8_t argument, const std::string& text, bool whole = true) {
  size_t used = 0;
  for (uint32_t i = 0; i < event.piece_count; ++i) used += event.pieces[i].bytes;
  std::memcpy(event.text + used, text.data(), text.size());
  event.pieces[event.piece_count++] = {argument, whole, static_cast<uint16_t>(text.size())};
}

std::string shown(const wire::TraceEvent& event) {
  TracedCall call{};
  REQUIRE(parse_event(bytes_of(event), 7, call) == Slot::whole);
  return call_text(call) + " = " + result_text(call);
}

} // namespace

TEST_CASE("calls as strace prints them") {
  auto open = event(SYS_openat, {static_cast<uint64_t>(AT_FDCWD), 4096, O_RDONLY | O_CLOEXEC, 0}, -2);
  put(*open, 1, "/etc/\"a\"");
  CHECK(shown(*open) ==
        R"(openat(AT_FDCWD, "/etc/\"a\"", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory))");
  auto made = event(SYS_openat, {3, 0, O_WRONLY | O_CREAT | O_TRUNC, 0644}, 4);
  CHECK(shown(*made) == "openat(3, NULL, O_WRONLY|O_CREAT|O_TRUNC, 0644) = 4");
  auto read = event(SYS_read, {3, 4096, 100}, 40);
  put(*read, 1, std::string("a\n\0001", 4), false);
  CHECK(shown(*read) == R"(read(3, "a\n\0001"..., 100) = 40)");
  CHECK(shown(*event(SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull, 0}, 0x7f0000)) ==
        "mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000");
  CHECK(shown(*event(SYS_kill, {12, 15}, 0)) == "kill(12, SIGTERM) = 0");
  auto mask = event(SYS_rt_sigprocmask, {0, 4096, 0, 8}, 0);
  put(*mask, 1, std::string("\x02\x40\0\0\0\0\0\0", 8));
  CHECK(shown(*mask) == "rt_sigprocmask(SIG_BLOCK, [INT TERM], NULL, 8) = 0");
  auto end = event(SYS_exit_group, {3}, 0);
  end->flags = wire::kTraceBegun;
  CHECK(shown(*end) == "exit_group(3) = ?");
  CHECK(shown(*event(500, {1, 2, 3, 4, 5, 6}, 0)) == "syscall_500(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = 0");
}

TEST_CASE("slots") {
  TracedCall call{};
  auto some = event(SYS_getpid, {}, 12);
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::whole);
  CHECK(parse_event(bytes_of(*some), 6, call) == Slot::overwritten);
  CHECK(parse_event(bytes_of(*some), 8, call) == Slot::unfinished);
  CHECK(parse_event(bytes_of(*some).first(100), 7, call) == Slot::unfinished);
  some->tid = -1;
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::damaged);
  some = event(600, {}, 0);
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::damaged);
  some = event(SYS_read, {}, 0);
  some->piece_count = 5;
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::damaged);
  some->piece_count = 2;
  some->pieces[0] = {0, 1, 200};
  some->pieces[1] = {1, 1, 60'000};
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::damaged);
  some->pieces[1] = {6, 1, 1};
  CHECK(parse_event(bytes_of(*some), 7, call) == Slot::damaged);
}

TEST_CASE("the header") {
  auto header = std::make_unique<wire::TraceHeader>();
  CHECK(!parse_trace(bytes_of(*header)));
  header->magic = wire::kTraceMagic;
  header->version = wire::kTraceVersion;
  header->bytes = sizeof *header;
  CHECK(!parse_trace(bytes_of(*header)));
  header->interest = 0x7f00'0000'1000;
  CHECK(parse_trace(bytes_of(*header)));
  CHECK(!parse_trace(bytes_of(*header).first(20)));
  header->interest = 1ull << 47;
  CHECK(!parse_trace(bytes_of(*header)));
  header->interest = 0x1001;
  CHECK(!parse_trace(bytes_of(*header)));
  header->interest = 0x1000;
  header->version = 9;
  CHECK(!parse_trace(bytes_of(*header)));
}
