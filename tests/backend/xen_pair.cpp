// SPDX-License-Identifier: Apache-2.0
// What only two domains can show: xen-pair PEER, started in both at once. The one with the lower number serves, the
// other asks, through rings in granted pages with event channels as doorbells; each then gives the other bad input.
// Prints "ok xen-pair" and what it measured; each line that begins with "bad" is a failure.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <thread>
#include <unistd.h>

#include "gnttab-shm/backend/xen/libraries.hpp"
#include "gnttab-shm/backend/xen/limits.hpp"
#include "gnttab-shm/backend/xen/link.hpp"
#include "gnttab-shm/backend/xen/wire_root.hpp"
#include "gnttab-shm/node_link.hpp"
#include "gnttab-shm/node_queue.hpp"
#include "tests/backend/xen_verdict.hpp"

using namespace sp;
using namespace sp::test;
using xen::DomainBell;
using xen::DomainId;

namespace {

constexpr int64_t kPatienceMs = 60000;
constexpr uint32_t kSlots = 8, kSubProcess = 1, kSource = 1, kTarget = 0;
constexpr uint64_t kCalls = 2000, kFixedAddress = 0x1e7000000000;
constexpr uint64_t kRingOffset = 8192, kSegmentBytes = 1 << 20;
enum Operation : uint32_t { op_double = 1, op_stop = 2 };

// The first page of the segment, before the doorbell and the ring.
struct Shared {
  std::atomic<uint64_t> counter;
  std::atomic<uint32_t> ready[2];
  std::atomic<uint32_t> lying_root; // a page that is no segment's root
  char boot_id[2][40];
};

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

HostTid self_tid() { return {static_cast<int32_t>(gettid())}; }

void read_boot_id(char* out) {
  const int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  const ssize_t count = read(file, out, 36);
  out[count < 0 ? 0 : count] = 0;
  close(file);
}

// A request and its answer between two threads of this domain, each asleep when its turn comes: in ns.
int64_t native_round_trip_ns() {
  auto* const memory = static_cast<char*>(std::aligned_alloc(4096, 64 << 10));
  const auto ring = BasicRing<FutexBell>::create(memory + 4096, 60 << 10, {kSource}, {kTarget}, kSlots);
  const auto bell = BasicEventChannel<FutexBell>::create(reinterpret_cast<wire::EventChannelLine*>(memory));
  std::thread([=] {
    BasicNodeQueue<FutexBell> queue({kTarget}, bell, kSource + 1);
    (void)queue.attach({kSource}, *ring);
    for (;;) {
      (void)queue.wait(WaitPolicy::sleep_at_once());
      while (const auto delivery = queue.take()) queue.complete(*delivery, 0);
    }
  }).detach();
  BasicNodeLink<FutexBell> way(*ring, bell, WaitPolicy::sleep_at_once());
  const int64_t began = now_ns();
  for (uint64_t i = 0; i < kCalls; ++i) check(way.call(Request{}, self_tid()).has_value(), "a native answer");
  return (now_ns() - began) / static_cast<int64_t>(kCalls);
}

class Side {
public:
  Side(DomainId self, DomainId peer)
      : peer_(peer), backend_(peer, xen::Sharing::grants), serves_(self.value < peer.value) {}

  bool meet() {
    auto link = xen::Link::create(peer_, kPatienceMs);
    if (!link) return std::printf("bad: no link: %s\n", strerrorname_np(link.error().value)), false;
    link_ = std::move(*link);
    auto segment = serves_ ? backend_.create("pair", kSegmentBytes) : opened();
    if (!segment) return std::printf("bad: no segment: %s\n", strerrorname_np(segment.error().value)), false;
    segment_ = *segment;
    MapRequest request;
    request.bytes = segment_.bytes;
    request.address_rule = Address::fixed;
    request.address = kFixedAddress;
    const auto mapped = backend_.map(segment_, request);
    if (!mapped) return std::printf("bad: not mapped: %s\n", strerrorname_np(mapped.error().value)), false;
    mapping_ = *mapped;
    check(mapped->start == reinterpret_cast<void*>(kFixedAddress), "the address is the chosen one");
    if (serves_) {
      BasicEventChannel<DomainBell>::create(line());
      check(BasicRing<DomainBell>::create(start() + kRingOffset, ring_room(), {kSource}, {kTarget}, kSlots).has_value(),
            "a ring");
      check(link_->publish(*backend_.name(segment_)).has_value(), "published");
    }
    read_boot_id(shared().boot_id[serves_ ? 0 : 1]);
    meet_again(1);
    check(std::strcmp(shared().boot_id[0], shared().boot_id[1]) != 0, "two kernels");
    return true;
  }

  void count_together() {
    for (int i = 0; i < 200000; ++i) shared().counter.fetch_add(1);
    meet_again(2);
    check(shared().counter.load() == 400000, "no addition is lost");
  }

  void exchange() {
    if (serves_) return serve();
    const WaitPolicy policy = WaitPolicy::sleep_at_once();
    BasicNodeLink<DomainBell> way(ring(), channel(), policy);
    const int64_t began = now_ns();
    for (uint64_t i = 0; i <= kCalls; ++i) {
      const Request request{
          .operation = i == kCalls ? op_stop : op_double, .subprocess = kSubProcess, .flags = 0, .arguments = {i}};
      const auto result = way.call(request, self_tid());
      if (!result || *result != static_cast<int64_t>(2 * i)) return check(false, "an answer");
    }
    const int64_t took = (now_ns() - began) / static_cast<int64_t>(kCalls), natively = native_round_trip_ns();
    std::printf(
        "%lu requests by event channels, %ld us each, the target slept %lu times; %ld us between two threads here: "
        "%.1f times that\n",
        kCalls, took / 1000, channel().sleep_count(), natively / 1000,
        static_cast<double>(took) / static_cast<double>(natively));
  }

  // Each side is the other's bad neighbour.
  void give_bad_input() {
    refused(backend_.open({{peer_.value}, {0x7ffff}}), EINVAL, "a reference that nobody gave");
    refused(backend_.open({{4000}, {8}}), EPERM, "a name of a third domain");
    refused(backend_.create("huge", 4ull << 40), ENOSPC, "more than the limits");
    MapRequest request;
    request.offset = 100;
    request.bytes = 4096;
    refused(backend_.map(segment_, request), EINVAL, "an offset inside a page");
    refused(backend_.map({{9999}, 4096}, request), EBADF, "a segment that is not open");
    refused(xen::Link::create(DomainId{4000}, 100), ETIMEDOUT, "a peer that does not consent");
    lie_in_root();
    lie_in_store();
  }

  // A segment as large as three quarters of the limit, again and again: nothing of the one before may be left.
  void release() {
    const uint64_t bytes = xen::Limits::read().grant_count_max() / 4 * 3 * 4096;
    for (int i = 0; i < 3; ++i) {
      const auto large = backend_.create("large", bytes);
      if (!large) return check(false, "all grants of a closed segment are free again");
      refused(backend_.create("larger", bytes), ENOSPC, "two of three quarters");
      check(backend_.close(*large).has_value(), "closed");
    }
  }

  // Until the peer's domain is destroyed. What it granted stays mapped; what is granted to it can be given back.
  void outlive() {
    std::printf("waiting for the end of the peer\n");
    int64_t waited = 0;
    for (; link_->alive() && waited < kPatienceMs; waited += 10) usleep(10000);
    check(waited < kPatienceMs, "the end of the peer is noticed");
    shared().counter.fetch_add(1);
    if (serves_) check(backend_.create("after", 4096).has_value(), "memory can still be made");
    const BasicEventChannel<DomainBell> nobody = channel();
    nobody.notify(wire::kBellLocal);
    std::printf("the end of the peer was noticed\n");
    (void)backend_.unmap(mapping_);
    check(backend_.close(segment_).has_value(), "closed");
    link_.reset();
  }

  void part() {
    meet_again(4);
    check(link_->alive(), "the peer is there");
    // The lower side withdraws first, which the other one sees.
    if (!serves_) {
      int64_t waited = 0;
      for (; link_->alive() && waited < kPatienceMs; waited += 10) usleep(10000);
      check(waited < kPatienceMs, "a peer that withdraws is noticed");
    }
    (void)backend_.unmap(mapping_);
    check(backend_.close(segment_).has_value(), "closed");
    link_.reset();
  }

private:
  Result<Segment> opened() {
    TRY(const SegmentName name, link_->await_segment(kPatienceMs));
    return backend_.open(name);
  }

  void meet_again(uint32_t stage) {
    shared().ready[serves_ ? 0 : 1].store(stage);
    for (int64_t waited = 0; shared().ready[serves_ ? 1 : 0].load() < stage; waited += 1) {
      if (waited > kPatienceMs) {
        std::printf("bad: the peer does not come\n");
        exit(1);
      }
      usleep(1000);
    }
  }

  void serve() {
    BasicNodeQueue<DomainBell> queue({kTarget}, channel(), 3);
    bool stop = false;
    check(queue.attach({kSource}, ring()).has_value(), "attached");
    const BasicNodeQueue<DomainBell>::Target target{receive, &stop};
    check(queue.add_target(kSubProcess, target).has_value(), "a target");
    const int64_t end = now_ns() + kPatienceMs * 1000000;
    while (!stop && now_ns() < end) {
      (void)queue.wait(WaitPolicy::sleep_at_once());
      while (queue.deliver_next()) {
      }
    }
    check(stop, "all requests came");
  }
  static std::optional<int64_t> receive(void* stop, const BasicNodeQueue<DomainBell>::Delivery& delivery) {
    if (delivery.taken.request.operation == op_stop) *static_cast<bool*>(stop) = true;
    return static_cast<int64_t>(2 * delivery.taken.request.arguments[0]);
  }

  void lie_in_root() {
    if (serves_) {
      const auto file = xen::open_device("/dev/xen/gntalloc");
      std::vector<xen::GrantRef> refs;
      check(file && xen::allocate_grants(file->get(), peer_, 1, refs).has_value(), "a page");
      auto* root =
          static_cast<wire::GrantRoot*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file->get(), 0));
      *root = {wire::kGrantRootMagic, wire::kGrantRootVersion, 1ull << 40, 3, 0, {}};
      shared().lying_root.store(refs[0]);
      meet_again(3);
      munmap(root, 4096);
      return;
    }
    while (shared().lying_root.load() == 0) usleep(1000);
    refused(backend_.open({{peer_.value}, {static_cast<int32_t>(shared().lying_root.load())}}), EPROTO,
            "a root that promises more than it lists");
    meet_again(3);
  }

  static void lie_in_store() {
    const DomainId self = *xen::Store::own_domain();
    const std::string path = "/local/domain/" + std::to_string(self.value) + "/data/superproc/77";
    xs_handle* connection = xs_open(0);
    auto store = xen::Store::open();
    for (const char* lie : {"", "2 1 1", "1 -1 5", "1 99999999999 1", "1 2 3 4", "one two three", "1 2"}) {
      check(xs_write(connection, 0, path.c_str(), lie, static_cast<unsigned>(std::strlen(lie))), "written");
      refused(store->offer_of(self, {77}), EPROTO, lie);
    }
    check(store->withdraw(self, {77}).has_value(), "withdrawn");
    refused(store->offer_of(self, {77}), ENOENT, "an offer that is gone");
    xs_close(connection);
  }

  char* start() const { return static_cast<char*>(mapping_.start); }
  Shared& shared() const { return *reinterpret_cast<Shared*>(start()); }
  wire::EventChannelLine* line() const { return reinterpret_cast<wire::EventChannelLine*>(start() + 4096); }
  static uint64_t ring_room() { return kSegmentBytes - kRingOffset; }
  BasicRing<DomainBell> ring() { return *BasicRing<DomainBell>::open(start() + kRingOffset, ring_room()); }
  BasicEventChannel<DomainBell> channel() { return *BasicEventChannel<DomainBell>::open(line()); }

  DomainId peer_;
  XenBackend backend_;
  bool serves_;
  std::unique_ptr<xen::Link> link_;
  Segment segment_;
  Mapping mapping_;
};

} // namespace

int main(int count, char** words) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const auto self = xen::Store::own_domain();
  const bool until_gone = count == 3 && std::strcmp(words[2], "--until-gone") == 0;
  if ((count != 2 && !until_gone) || !self) {
    std::fprintf(stderr, "xen-pair PEER [--until-gone], in a Xen domain\n");
    return 2;
  }
  utsname name{};
  uname(&name);
  const xen::Limits limits = xen::Limits::read();
  std::printf("domain %d: Linux %s; may grant %lu pages, %lu grant frames, map %lu pages a request\n", self->value,
              name.release, limits.gntalloc_pages, limits.grant_frames, limits.map_pages);
  Side side(*self, {std::atoi(words[1])});
  if (!side.meet()) return 1;
  if (until_gone) {
    side.outlive();
  } else {
    side.count_together();
    side.exchange();
    side.give_bad_input();
    side.release();
    side.part();
  }
  return ended("xen-pair");
}
