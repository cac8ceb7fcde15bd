// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/link.hpp"

#include <poll.h>
#include <unistd.h>

#include "gnttab-shm/backend/xen/libraries.hpp"

namespace sp::xen {

static constexpr uint64_t kPageBytes = 4096;
static constexpr int kLookAgainMs = 100; // at whether to end, and at bits whose ringer was killed before it rang

// A mask for each side: [0] is rung for the domain with the lower number.
struct LinkPage {
  std::atomic<uint64_t> masks[2];
};

static LinkPage* layout(const Mapping& page) { return static_cast<LinkPage*>(page.start); }

Result<std::unique_ptr<Link>> Link::create(DomainId peer, int64_t timeout_ms, std::function<void()> rung) {
  auto store = Store::open();
  if (!store) return fail(store.error().value);
  TRY(const DomainId self, Store::own_domain());
  if (self.value == peer.value || peer.value < 0) return fail(EINVAL);
  std::unique_ptr<Link> link(new Link(self, peer, std::move(*store)));
  link->rung_ = std::move(rung);
  link->events_ = xenevtchn_open(nullptr, 0);
  if (!link->events_) return fail(errno);
  TRY_VOID(self.value < peer.value ? link->offer_first(timeout_ms) : link->answer(timeout_ms));
  link->begin_ringing();
  return link;
}

Result<void> Link::make_page(Offer& mine) {
  auto made = pages_.create("link", kPageBytes);
  if (!made) return fail(made.error().value);
  segment_ = *made;
  MapRequest request;
  request.bytes = kPageBytes;
  TRY(page_, pages_.map(segment_, request));
  TRY(const SegmentName name, pages_.name(segment_));
  mine.root = static_cast<GrantRef>(name.id.value);
  const int port = xenevtchn_bind_unbound_port(events_, static_cast<uint32_t>(peer_.value));
  if (port < 0) return fail(errno);
  mine.port = static_cast<uint32_t>(port);
  return {};
}

Result<void> Link::join_page(const Offer& theirs) {
  const int port = xenevtchn_bind_interdomain(events_, static_cast<uint32_t>(peer_.value), theirs.port);
  if (port < 0) return fail(errno);
  mine_.port = static_cast<uint32_t>(port);
  link_root_ = theirs.root;
  TRY(segment_, pages_.open({{peer_.value}, {static_cast<int32_t>(theirs.root)}}));
  if (segment_.bytes != kPageBytes) return fail(EPROTO);
  MapRequest request;
  request.bytes = kPageBytes;
  TRY(page_, pages_.map(segment_, request));
  return {};
}

Result<void> Link::offer_first(int64_t timeout_ms) {
  TRY_VOID(make_page(mine_));
  TRY_VOID(store_.offer(self_, peer_, mine_));
  TRY_VOID(store_.await_offer(peer_, self_, timeout_ms));
  return {};
}

Result<void> Link::answer(int64_t timeout_ms) {
  TRY(const Offer theirs, store_.await_offer(peer_, self_, timeout_ms));
  TRY_VOID(join_page(theirs));
  return store_.offer(self_, peer_, {mine_.port, 0});
}

void Link::begin_ringing() {
  const int other_side = self_.value < peer_.value ? 1 : 0;
  DomainBell::add_ring({&layout(page_)->masks[other_side], xenevtchn_fd(events_), mine_.port});
  ringer_ = std::thread([this] { serve(); });
}

void Link::serve() {
  std::atomic<uint64_t>& mask = layout(page_)->masks[self_.value < peer_.value ? 0 : 1];
  while (!ending_.load(std::memory_order_relaxed)) {
    pollfd rung{xenevtchn_fd(events_), POLLIN, 0};
    if (poll(&rung, 1, kLookAgainMs) > 0) {
      const auto port = xenevtchn_pending(events_);
      // Unmasked first: a ring after the exchange is another event.
      if (port >= 0) xenevtchn_unmask(events_, static_cast<evtchn_port_t>(port));
    }
    DomainBell::wake_lines(mask.exchange(0, std::memory_order_seq_cst));
    if (rung_) rung_();
  }
}

Link::~Link() {
  ending_ = true;
  if (ringer_.joinable()) ringer_.join();
  if (page_.start) {
    for (std::atomic<uint64_t>& mask : layout(page_)->masks) DomainBell::remove_ring(&mask);
    (void)pages_.unmap(page_);
  }
  if (segment_.id.value >= 0) (void)pages_.close(segment_);
  if (events_) xenevtchn_close(events_);
  (void)store_.withdraw(self_, peer_);
}

void Link::ring() { xenevtchn_notify(events_, mine_.port); }

Result<void> Link::publish(SegmentName name) {
  return store_.offer(self_, peer_, {mine_.port, static_cast<GrantRef>(name.id.value)});
}

Result<SegmentName> Link::await_segment(int64_t timeout_ms) {
  for (; timeout_ms > 0; timeout_ms -= kLookAgainMs) {
    TRY(const Offer theirs, store_.offer_of(peer_, self_));
    if (theirs.root && theirs.root != link_root_)
      return SegmentName{{peer_.value}, {static_cast<int32_t>(theirs.root)}};
    usleep(kLookAgainMs * 1000);
  }
  return fail(ETIMEDOUT);
}

bool Link::alive() { return store_.offer_of(peer_, self_).has_value(); }

} // namespace sp::xen
