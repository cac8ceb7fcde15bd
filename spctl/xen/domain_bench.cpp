// SPDX-License-Identifier: Apache-2.0
// See domain_bench.hpp.
#include "spctl/xen/domain_bench.hpp"

#include <unistd.h>
#include <utility>

namespace sp::spctl {

Result<std::unique_ptr<DomainBench>> DomainBench::create(xen::Link& link, xen::DomainId asker, SegmentName desk) {
  std::unique_ptr<DomainBench> bench(new DomainBench(link, asker));
  TRY(bench->desk_segment_, bench->desks_.open(desk));
  MapRequest request;
  request.bytes = kDeskBytes;
  TRY(bench->desk_, bench->desks_.map(bench->desk_segment_, request));
  if (bench->desk().magic != Desk::kMagic) return fail(ENODATA);
  return bench;
}

DomainBench::~DomainBench() {
  give_back();
  if (desk_.start) (void)desks_.unmap(desk_);
  if (desk_segment_.id.value >= 0) (void)desks_.close(desk_segment_);
}

void DomainBench::give_back() {
  if (XenBackend* const maker = std::exchange(maker_, nullptr)) (void)maker->close(made_);
}

void DomainBench::fulfil(Wish wish) {
  give_back();
  XenBackend* const maker = wish == Wish::grants ? &grants_ : wish == Wish::range ? &ranges_ : nullptr;
  int32_t made = 0, error = 0;
  if (maker) {
    const auto segment = maker->create("bench", kBenchBytes);
    const auto name = segment ? maker->name(*segment) : fail(segment.error().value);
    if (segment) maker_ = maker, made_ = *segment;
    if (name)
      made = name->id.value;
    else
      error = name.error().value;
  }
  desk().made.store(made);
  desk().error.store(error);
  desk().done.store(wish);
}

void DomainBench::rung() {
  if (const uint32_t ball = desk().ball.load(); ball % 2) {
    busy_.store(true);
    desk().ball.store(ball + 1);
    link_.ring();
  }
  if (const Wish wish = desk().wish.load(); wish != desk().done.load()) {
    busy_.store(true);
    fulfil(wish);
  }
}

void DomainBench::serve() {
  constexpr int64_t kLookMs = 100;
  for (int64_t idle_ms = 0; idle_ms < kIdleMs; idle_ms += kLookMs) {
    if (desk().done.load() == Wish::end || !link_.alive()) return;
    if (busy_.exchange(false)) idle_ms = 0;
    usleep(kLookMs * 1000);
  }
}

} // namespace sp::spctl
