// SPDX-License-Identifier: Apache-2.0
// What three domains show of ranges: xen-range DOMAIN DOMAIN DOMAIN, started in all three at once. The first owns the
// ranges, the others map them. With --timed they must be mapped twenty times faster than by grants; with --until-gone
// the third and then the first are destroyed meanwhile; with --refused, in a domain whose page tables are not nested, that
// the call says so.
// Prints "ok xen-range" and what it measured; each line that begins with "bad" is a failure.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

#include "gnttab-shm/backend/xen/libraries.hpp"
#include "gnttab-shm/backend/xen/link.hpp"
#include "libsuperproc/base/sys.hpp"
#include "tests/backend/xen_range_input.hpp"

using namespace sp;
using namespace sp::test;
using xen::DomainBell;
using xen::DomainId;
using xen::RangeCall;

namespace {

constexpr int64_t kPatienceMs = 60000;
constexpr uint64_t kDataBytes = 64ull << 20, kControlBytes = 2ull << 20;
constexpr uint32_t kSides = 3, kTurns = 300;
constexpr uint64_t kFixedAddress = 0x1e7000000000;
constexpr uint32_t kTimesFaster = 20;
constexpr int kRounds = 5;

// The first page of the control range.
struct Control {
  std::atomic<uint32_t> ready[kSides];
  std::atomic<uint32_t> turn;
  std::atomic<uint32_t> turns_of[kSides];
  std::atomic<int32_t> granted; // the name of as much memory by grants, for the second side
  std::atomic<int32_t> data;    // of the large range
  std::atomic<uint32_t> readable_id;
};

int64_t now_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000000000ll + now.tv_nsec;
}

MapRequest whole(const Segment& segment, uint64_t address = 0) {
  MapRequest request;
  request.bytes = segment.bytes;
  request.address_rule = address ? Address::fixed : Address::any;
  request.address = address;
  return request;
}

uint64_t pattern(uint64_t offset) { return offset * 0x9e3779b97f4a7c15 ^ 0xabcd; }

// The first page of the data, which the peers' readers look at: their references keep it.
bool give_back_page(uint64_t address) {
  xencall_handle* call = xencall_open(nullptr, 0);
  struct Argument {
    xen_memory_reservation reservation;
    xen_pfn_t frame;
  };
  auto* argument = static_cast<Argument*>(xencall_alloc_buffer(call, sizeof(Argument)));
  *argument = {};
  argument->frame = address / 4096;
  argument->reservation.extent_start = &argument->frame;
  argument->reservation.nr_extents = 1;
  argument->reservation.domid = DOMID_SELF;
  const int done = xencall2(call, __HYPERVISOR_memory_op, XENMEM_decrease_reservation,
                            reinterpret_cast<uintptr_t>(&argument->reservation));
  xencall_free_buffer(call, argument);
  xencall_close(call);
  return done == 1;
}

class Side {
public:
  Side(std::vector<DomainId> all, uint32_t me)
      : all_(std::move(all)), me_(me), backend_(others(), xen::Sharing::best) {}

  bool meet() {
    for (uint32_t other = 0; other < kSides; ++other) {
      if (other == me_) continue;
      auto link = xen::Link::create(all_[other], kPatienceMs);
      if (!link) return fails("no link", link.error().value);
      links_[other] = std::move(*link);
    }
    if (!backend_.capabilities().has(Capability::range_mapping)) return fails("no ranges here", ENOTSUP);
    const auto segment = owner() ? backend_.create("control", kControlBytes) : opened();
    if (!segment) return fails("no range", segment.error().value);
    const auto mapped = backend_.map(*segment, whole(*segment));
    if (!mapped) return fails("not mapped", mapped.error().value);
    control_segment_ = *segment;
    control_ = *mapped;
    if (owner())
      for (uint32_t other = 1; other < kSides; ++other)
        check(links_[other]->publish(*backend_.name(*segment)).has_value(), "published");
    meet_again();
    return true;
  }

  // 64 MiB, opened and mapped at an address of choice.
  void share_data() {
    if (owner()) {
      const auto made = backend_.create("data", kDataBytes);
      if (!made) exit(fails("no 64 MiB", made.error().value) + 1);
      data_segment_ = *made;
      data_ = *backend_.map(data_segment_, whole(data_segment_, kFixedAddress));
      for (uint64_t at = 0; at < kDataBytes; at += 4096) word(at) = pattern(at);
      control().data.store(backend_.name(data_segment_)->id.value);
    }
    meet_again();
    if (!owner()) join_data();
    check(data_.start == reinterpret_cast<void*>(kFixedAddress), "the address is the chosen one");
    meet_again();
    if (owner()) {
      uint64_t wrong = 0;
      for (uint64_t at = 0; at < kDataBytes; at += 4096)
        for (uint32_t other = 1; other < kSides; ++other) wrong += word(at + 8 * other) != pattern(at + other);
      check(wrong == 0, "the owner sees what each peer wrote");
    }
    meet_again();
  }

  // As much memory by grants, beside the range: how long the second side takes to open and map each, alternately. The
  // best of several is compared, because one emulated processor has other things to do.
  void compare_with_grants(bool timed) {
    XenBackend grants(me_ == 0 ? all_[1] : all_[0], xen::Sharing::grants);
    const auto granted = owner() ? grants.create("data", kDataBytes) : fail(ENODATA);
    if (owner() && !granted) exit(fails("no grants", granted.error().value) + 1);
    if (owner()) control().granted.store(grants.name(*granted)->id.value);
    meet_again();
    if (me_ == 1) compare(grants, timed);
    meet_again();
    if (owner()) check(grants.close(*granted).has_value(), "closed");
  }

  // A token that goes round: whose turn it is sleeps on the word until then.
  void take_turns() {
    auto* word = reinterpret_cast<volatile uint32_t*>(&control().turn);
    const int64_t began = now_ns();
    for (;;) {
      const uint32_t turn = control().turn.load();
      if (turn >= kTurns) break;
      if (turn % kSides != me_) {
        DomainBell::sleep(word, turn, 1000000000);
        continue;
      }
      control().turns_of[me_].fetch_add(1);
      control().turn.store(turn + 1);
      DomainBell::wake(word, 1);
    }
    meet_again();
    check(control().turns_of[me_].load() == kTurns / kSides, "each had its turns");
    if (owner())
      std::printf("%u doorbells round three domains, %lu us each\n", kTurns,
                  static_cast<uint64_t>(now_ns() - began) / kTurns / 1000);
  }

  void give_bad_input() {
    if (owner()) {
      refuse_bad_registrations(all_[0], all_[1]);
      const auto readable = register_readable(all_[1]);
      check(readable.has_value(), "a range that one peer may read");
      if (readable) control().readable_id.store(readable->value);
    }
    meet_again();
    const xen::RangeName readable{all_[0], {control().readable_id.load()}};
    const xen::RangeName data{all_[0], {static_cast<uint32_t>(control().data.load()) & 0x3fffffff}};
    if (me_ == 1) refuse_bad_mappings(data, readable);
    if (me_ == 2) refuse_without_consent(readable);
    refused(backend_.open({{4000}, {1 << 30 | 1}}), EPERM, "a name of a fourth domain");
    meet_again();
    if (owner()) check(RangeCall::release(readable.id).has_value(), "nobody has mapped it: it ends");
    meet_again();
  }

  // The second side's mapping is taken away while a process of it reads there.
  void revoke() {
    pid_t reader = -1;
    if (me_ == 1) reader = start_reader();
    meet_again();
    if (owner()) {
      check(backend_.revoke(data_segment_, all_[1]).has_value(), "revoked");
      refused(backend_.revoke(data_segment_, all_[1]), ENOENT, "revoked twice");
    }
    meet_again();
    if (me_ == 1) {
      check(ended_by_fault(reader), "an access after the revocation faults");
      refused(backend_.open({{all_[0].value}, {control().data.load()}}), EACCES, "opened after the revocation");
    } else {
      check(word(4096) == pattern(4096), "the others still have it");
    }
    meet_again();
  }

  void part() {
    const xen::RangeId id{static_cast<uint32_t>(control().data.load()) & 0x3fffffff};
    if (owner()) {
      refused(RangeCall::release(id), EBUSY, "released while the third has it mapped");
      check(RangeCall::query({all_[0], id})->mapped_units == kDataBytes / xen::kUnitBytes, "by the third alone");
    }
    meet_again();
    close_data();
    meet_again();
    if (owner()) {
      xen::RangePlace::sweep(all_[0]);
      refused(RangeCall::query({all_[0], id}), ENOENT, "a range that nobody has");
    }
    meet_again();
    (void)backend_.unmap(control_);
    (void)backend_.close(control_segment_);
    // The peers let go first.
    if (owner()) sleep(2);
    xen::RangePlace::sweep(all_[me_]);
  }

  // The third side is destroyed, then the first.
  void outlive() {
    const xen::RangeId id{static_cast<uint32_t>(control().data.load()) & 0x3fffffff};
    const pid_t reader = start_reader();
    const uint32_t units = kDataBytes / xen::kUnitBytes;
    if (owner()) {
      check(give_back_page(xen::RangePlace::reserved()->start + kControlBytes), "the owner gives a page back to Xen");
      for (int64_t waited = 0; RangeCall::query({all_[0], id})->mapped_units > units; waited += 10)
        if (usleep(10000); waited > kPatienceMs) return check(false, "the end of a peer gives its units back");
      std::printf("the end of a peer was noticed\n");
      control().turn.store(~0u);
      pause();
    }
    while (me_ == 2) pause();
    int status = 0;
    waitpid(reader, &status, 0);
    check(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS),
          "an access of a dead owner's memory faults");
    check(xen::RangePlace::create(all_[me_], kControlBytes, {}).error().value == EINVAL, "a range for nobody");
    std::printf("the end of the owner was noticed\n");
  }

private:
  bool owner() const { return me_ == 0; }
  std::vector<DomainId> others() const {
    std::vector<DomainId> peers = all_;
    peers.erase(peers.begin() + me_);
    return peers;
  }
  static bool fails(const char* what, int error) {
    std::printf("bad: %s: %s\n", what, strerrorname_np(error));
    return false;
  }

  Result<Segment> opened() {
    TRY(const SegmentName name, links_[0]->await_segment(kPatienceMs));
    return backend_.open(name);
  }

  void join_data() {
    open_data();
    uint64_t wrong = 0;
    for (uint64_t at = 0; at < kDataBytes; at += 4096) {
      wrong += word(at) != pattern(at);
      word(at + 8 * me_) = pattern(at + me_);
    }
    check(wrong == 0, "a peer sees what the owner wrote");
  }

  void compare(XenBackend& grants, bool timed) {
    int64_t by_range = INT64_MAX, by_grants = INT64_MAX, natively = INT64_MAX;
    for (int i = 0; i < kRounds; ++i) {
      close_data();
      by_range = std::min(by_range, open_data());
      by_grants = std::min(by_grants, time_grants(grants));
      natively = std::min(natively, time_native());
    }
    std::printf("64 MiB mapped by grants in %ld us, by a range in %ld us: %.1f times faster\n", by_grants / 1000,
                by_range / 1000, static_cast<double>(by_grants) / static_cast<double>(by_range));
    for (const auto& [kind, took] : {std::pair("grants", by_grants), std::pair("a range", by_range)})
      std::printf("by %s %.2f us each MiB, %.2f times what mapping a memfd's pages takes in this guest\n", kind,
                  static_cast<double>(took) / 1000 / (kDataBytes >> 20),
                  static_cast<double>(took) / static_cast<double>(natively));
    check(!timed || by_grants > by_range * kTimesFaster, "twenty times faster");
  }

  // The time that it takes, with a look at each unit: the kernel maps one when it is needed.
  int64_t open_data() {
    const int64_t began = now_ns();
    const auto segment = backend_.open({{all_[0].value}, {control().data.load()}});
    const auto mapped = segment ? backend_.map(*segment, whole(*segment, kFixedAddress)) : fail(segment.error().value);
    if (!mapped) exit(fails("not mapped", mapped.error().value) + 1);
    check(segment->bytes == kDataBytes, "its size");
    data_segment_ = *segment;
    data_ = *mapped;
    for (uint64_t at = 0; at < kDataBytes; at += xen::kUnitBytes) (void)static_cast<uint64_t>(word(at));
    return now_ns() - began;
  }

  void close_data() {
    check(backend_.unmap(data_).has_value() && backend_.close(data_segment_).has_value(), "closed");
    xen::RangePlace::sweep(all_[me_]);
  }

  int64_t time_grants(XenBackend& grants) const {
    const int64_t began = now_ns();
    const auto segment = grants.open({{all_[0].value}, {control().granted.load()}});
    const auto mapped = segment ? grants.map(*segment, whole(*segment)) : fail(segment.error().value);
    const int64_t took = now_ns() - began;
    if (!mapped) exit(fails("no grants", mapped.error().value) + 1);
    (void)grants.unmap(*mapped);
    (void)grants.close(*segment);
    return took;
  }

  // As much memory of one kernel's own, all of it mapped at once.
  static int64_t time_native() {
    const int file = memfd_create("native", MFD_CLOEXEC);
    if (ftruncate(file, kDataBytes) != 0 || fallocate(file, 0, 0, kDataBytes) != 0) exit(fails("no memfd", errno) + 1);
    const int64_t began = now_ns();
    void* const at = mmap(nullptr, kDataBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    const int64_t took = now_ns() - began;
    if (at == MAP_FAILED) exit(fails("not mapped natively", errno) + 1);
    munmap(at, kDataBytes);
    close(file);
    return took;
  }

  pid_t start_reader() {
    const pid_t reader = fork();
    if (reader) return reader;
    for (const int64_t end = now_ns() + 2 * kPatienceMs * 1000000; now_ns() < end; usleep(1000))
      if (word(0) != pattern(0)) _exit(3); // neither the data nor a fault
    _exit(2);
  }

  static bool ended_by_fault(pid_t reader) {
    int status = 0;
    for (int64_t waited = 0; waitpid(reader, &status, WNOHANG) == 0; waited += 10) {
      if (waited > 5000) {
        kill(reader, SIGKILL);
        waitpid(reader, &status, 0);
        return false;
      }
      usleep(10000);
    }
    if (WIFEXITED(status)) std::printf("the reader ended with %d\n", WEXITSTATUS(status));
    return WIFSIGNALED(status) && (WTERMSIG(status) == SIGSEGV || WTERMSIG(status) == SIGBUS);
  }

  // One processor runs all of them, so who waits looks seldom.
  void meet_again() {
    constexpr int64_t kLookMs = 5;
    const uint32_t stage = control().ready[me_].fetch_add(1) + 1;
    for (const auto& other : control().ready)
      for (int64_t waited = 0; other.load() < stage; waited += kLookMs) {
        if (waited > kPatienceMs) {
          std::printf("bad: a peer does not come to stage %u\n", stage);
          exit(1);
        }
        usleep(kLookMs * 1000);
      }
  }

  Control& control() const { return *static_cast<Control*>(control_.start); }
  volatile uint64_t& word(uint64_t at) const {
    return *reinterpret_cast<volatile uint64_t*>(static_cast<char*>(data_.start) + at);
  }

  std::vector<DomainId> all_;
  uint32_t me_;
  XenBackend backend_;
  std::unique_ptr<xen::Link> links_[kSides];
  Segment control_segment_, data_segment_;
  Mapping control_, data_;
};

int refused_everything() {
  xen_address_range probe{};
  probe.op = XEN_ADDRESS_RANGE_probe;
  check(RangeCall::raw(probe) == XEN_ADDRESS_RANGE_VERSION, "the hypervisor has the call");
  check(probe.gfn != 0 && *RangeCall::system_time_ns() > probe.gfn, "and tells the time");
  refused(RangeCall::query({{0}, {1}}), EOPNOTSUPP, "asked");
  const xen_address_range_peer peer{1, XEN_ADDRESS_RANGE_READ};
  refused(RangeCall::create(64ull << 20, xen::kUnitBytes, {&peer, 1}), EOPNOTSUPP, "registered");
  check(!RangeCall::there(), "the backend uses grants here");
  return ended("xen-range");
}

} // namespace

int main(int count, char** words) {
  setvbuf(stdout, nullptr, _IOLBF, 0);
  const std::string last = count > 1 ? words[count - 1] : "";
  if (last == "--refused") return refused_everything();
  const auto self = xen::Store::own_domain();
  std::vector<DomainId> all;
  uint32_t me = kSides;
  for (int i = 1; i <= static_cast<int>(kSides) && i < count; ++i) {
    if (self && self->value == std::atoi(words[i])) me = static_cast<uint32_t>(i - 1);
    all.push_back({std::atoi(words[i])});
  }
  if (me == kSides || all.size() != kSides) {
    std::fprintf(stderr,
                 "xen-range DOMAIN DOMAIN DOMAIN [--timed | --until-gone], in each of them; xen-range --refused\n");
    return 2;
  }
  Side side(all, me);
  if (!side.meet()) return 1;
  side.share_data();
  if (last == "--until-gone") {
    side.outlive();
    return ended("xen-range");
  }
  side.compare_with_grants(last == "--timed");
  side.take_turns();
  side.give_bad_input();
  side.revoke();
  side.part();
  return ended("xen-range");
}
