// SPDX-License-Identifier: Apache-2.0
// What every backend's segments must do.
#include <cstring>

#include "gnttab-shm/view/segment_view.hpp"
#include "tests/backend/cluster.hpp"

using namespace sp;
using namespace sp::test;

namespace {

MapRequest whole(const Segment& segment) {
  MapRequest request;
  request.bytes = segment.bytes;
  return request;
}

} // namespace

TEST_CASE_TEMPLATE("a segment is zeroed, shared between its mappings, and keeps its contents while it is mapped", B,
                   SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("test", 3 * 4096 - 100);
  REQUIRE(segment.has_value());
  CHECK(segment->bytes == 3 * 4096);
  const auto one = backend.map(*segment, whole(*segment));
  const auto two = backend.map(*segment, whole(*segment));
  REQUIRE(one.has_value());
  REQUIRE(two.has_value());
  CHECK(backend.close(*segment).has_value());
  auto* first = static_cast<char*>(one->start);
  auto* second = static_cast<char*>(two->start);
  CHECK(first != second);
  for (uint64_t i = 0; i < segment->bytes; ++i) REQUIRE(first[i] == 0);
  std::strcpy(first + 5000, "seen twice");
  CHECK(std::strcmp(second + 5000, "seen twice") == 0);
  CHECK(backend.unmap(*one).has_value());
  CHECK(std::strcmp(second + 5000, "seen twice") == 0);
  CHECK(backend.unmap(*two).has_value());
}

TEST_CASE_TEMPLATE("another process opens a segment by its name and learns its true size", B, SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("test", 8192);
  const auto name = backend.name(*segment);
  REQUIRE(name.has_value());
  const auto mapping = backend.map(*segment, whole(*segment));
  Child other([&] {
    const auto opened = backend.open(*name);
    if (!opened || opened->bytes != 8192) return 1;
    const auto mapped = backend.map(*opened, whole(*opened));
    if (!mapped) return 2;
    static_cast<volatile char*>(mapped->start)[4097] = 'x';
    return 0;
  });
  CHECK(other.exit_status() == 0);
  CHECK(static_cast<volatile char*>(mapping->start)[4097] == 'x');
  CHECK(backend.unmap(*mapping).has_value());
  CHECK(backend.close(*segment).has_value());
  CHECK_FALSE(backend.open(*name).has_value());
}

TEST_CASE_TEMPLATE("a fixed address is respected and never taken from somebody else", B, SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("test", 2 * kHugePageBytes);
  MapRequest request = whole(*segment);
  request.address_rule = Address::fixed;
  request.address = 0x1e7000000000;
  const auto mapped = backend.map(*segment, request);
  REQUIRE(mapped.has_value());
  CHECK(mapped->start == reinterpret_cast<void*>(request.address));
  CHECK(backend.map(*segment, request).error().value == EEXIST);
  static_cast<char*>(mapped->start)[0] = 1;
  request.address_rule = Address::fixed_replacing;
  request.offset = kHugePageBytes;
  request.bytes = 4096;
  const auto replaced = backend.map(*segment, request);
  REQUIRE(replaced.has_value());
  CHECK(static_cast<char*>(replaced->start)[0] == 0);
  CHECK(backend.unmap(*mapped).has_value());
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE_TEMPLATE("huge-page alignment is on 2 MiB, anywhere", B, SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("test", kHugePageBytes + 4096);
  MapRequest request = whole(*segment);
  request.alignment = Alignment::huge_page;
  for (int i = 0; i < 3; ++i) {
    const auto mapped = backend.map(*segment, request);
    REQUIRE(mapped.has_value());
    CHECK(reinterpret_cast<uintptr_t>(mapped->start) % kHugePageBytes == 0);
    static_cast<char*>(mapped->start)[segment->bytes - 1] = 1;
    if (i) CHECK(backend.unmap(*mapped).has_value());
  }
  request.address_rule = Address::fixed;
  request.address = 0x1e7000001000;
  CHECK(backend.map(*segment, request).error().value == EINVAL);
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE_TEMPLATE("discarded pages read as zeros everywhere", B, SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("test", 4 * 4096);
  const auto one = backend.map(*segment, whole(*segment));
  const auto two = backend.map(*segment, whole(*segment));
  std::memset(one->start, 7, segment->bytes);
  CHECK(backend.discard(*segment, 4096, 4096).has_value());
  const auto* seen = static_cast<const volatile char*>(two->start);
  CHECK(seen[4095] == 7);
  CHECK(seen[4096] == 0);
  CHECK(seen[8191] == 0);
  CHECK(seen[8192] == 7);
  CHECK(backend.discard(*segment, 4 * 4096, 4096).error().value == EINVAL);
  CHECK(backend.unmap(*one).has_value());
  CHECK(backend.unmap(*two).has_value());
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE_TEMPLATE("what cannot be is an error", B, SP_BACKENDS) {
  B backend;
  CHECK(backend.create("test", 0).error().value == EINVAL);
  CHECK(backend.create("test", ~0ull).error().value == EINVAL);
  CHECK_FALSE(backend.open(SegmentName{}).has_value());
  CHECK_FALSE(backend.open(SegmentName{{getpid()}, {12345}}).has_value());
  CHECK_FALSE(backend.name(Segment{}).has_value());
  CHECK_FALSE(backend.close(Segment{}).has_value());
  const auto segment = backend.create("test", 4096);
  MapRequest request;
  for (const auto& [offset, bytes] :
       {std::pair<uint64_t, uint64_t>{0, 0}, {0, 8192}, {4096, 4096}, {0, 100}, {1, 4096}, {~0ull & ~4095ull, 8192}}) {
    request.offset = offset;
    request.bytes = bytes;
    CHECK(backend.map(*segment, request).error().value == EINVAL);
  }
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE_TEMPLATE("a segment of terabytes costs nothing until it is touched, or is refused", B, SP_BACKENDS) {
  B backend;
  const auto segment = backend.create("arena", 4ull << 40);
  if (!kPagesAtFirstTouch<B>) {
    CHECK(segment.error().value == ENOSPC);
    return;
  }
  REQUIRE(segment.has_value());
  MapRequest request;
  request.offset = 3ull << 40;
  request.bytes = 1ull << 40;
  const auto mapped = backend.map(*segment, request);
  REQUIRE(mapped.has_value());
  static_cast<volatile char*>(mapped->start)[(1ull << 40) - 1] = 1;
  CHECK(backend.unmap(*mapped).has_value());
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE("embedded: only a sealed segment of this user is opened, and it cannot shrink under its mappings") {
  EmbeddedBackend backend;
  const auto segment = backend.create("test", 8192);
  CHECK(ftruncate(segment->id.value, 4096) == -1);
  CHECK(ftruncate(segment->id.value, 16384) == -1);
  const int unsealed = static_cast<int>(sys::call(SYS_memfd_create, "unsealed", 2));
  CHECK(backend.open({{getpid()}, {unsealed}}).error().value == EPROTO);
  CHECK(backend.open({{getpid()}, {0}}).has_value() == false);
  close(unsealed);
  CHECK(backend.close(*segment).has_value());
}

TEST_CASE("embedded: capabilities are on, and all off when isolated") {
  EmbeddedBackend plain;
  for (Capability c : {Capability::shared_descriptor_table, Capability::shared_pids, Capability::kernel_futex,
                       Capability::descriptor_passing, Capability::range_mapping}) {
    CHECK(plain.capabilities().has(c));
    CHECK_FALSE(IsolatedBackend().capabilities().has(c));
  }
}

TEST_CASE("embedded: a tool's view is read-only and bounded") {
  EmbeddedBackend backend;
  const auto segment = backend.create("test", 8192);
  const auto mapped = backend.map(*segment, whole(*segment));
  static_cast<char*>(mapped->start)[4096 + 7] = 'v';
  const auto view = SegmentView::create(*segment, 4096, 4096);
  REQUIRE(view.has_value());
  CHECK(view->bytes().size() == 4096);
  CHECK(view->bytes()[7] == std::byte{'v'});
  CHECK(SegmentView::create(*segment, 4096, 8192).error().value == EINVAL);
  CHECK_FALSE(SegmentView::create(Segment{{-1}, 8192}, 0, 4096).has_value());
  Child writer([&] {
    const_cast<volatile std::byte&>(view->bytes()[0]) = std::byte{1};
    return 0;
  });
  CHECK(writer.exit_status() == -1);
  CHECK(backend.unmap(*mapped).has_value());
  CHECK(backend.close(*segment).has_value());
}
