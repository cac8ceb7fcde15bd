// SPDX-License-Identifier: Apache-2.0
// sp-bench-domains WHAT [--native] [--quick]: one number, as sp-bench-probe does. With another domain (domain_bench.hpp),
// or, natively, what comes next to it within this one: two threads and an eventfd, a memfd's pages.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

#include "bench/windows.h"
#include "gnttab-shm/backend/xen/range_place.hpp"
#include "spctl/xen/domain_bench.hpp"
#include "spctl/message.hpp"
#include "spctl/xen/domain_range.hpp"

namespace {

using namespace sp;
using namespace sp::spctl;

constexpr int64_t kPatienceMs = 20'000;
constexpr uint32_t kTripsAWindow = 50;
constexpr double kBenchMiB = kBenchBytes >> 20;
Windows windows;

[[noreturn]] void end(const std::string& why) { exit(own_error("sp-bench-domains: {}", why)); }

template <typename T>
T must(Result<T>&& result, const char* what) {
  if (!result) end(fmt::format("{}: {}", what, errno_text(result.error().value)));
  return std::move(*result);
}

template <typename Turn>
double measured(int64_t run_ns, Turn turn) {
  windows_open(&windows, run_ns);
  while (windows_go_on(&windows)) windows_add(&windows, turn());
  return windows_median(&windows);
}

double us_since(int64_t begin_ns) { return static_cast<double>(now_ns() - begin_ns) * 1e-3; }

// ---- within this domain ----

double wake_thread_us(int64_t run_ns) {
  const int there = eventfd(0, EFD_CLOEXEC), back = eventfd(0, EFD_CLOEXEC);
  const auto pass = [](int from, int to) {
    uint64_t count = 0;
    if (read(from, &count, sizeof count) != sizeof count || write(to, &count, sizeof count) != sizeof count) exit(1);
  };
  std::thread([=] {
    for (;;) pass(there, back);
  }).detach();
  eventfd_write(back, 1);
  return measured(run_ns, [&] {
    const int64_t begin_ns = now_ns();
    for (uint32_t i = 0; i < kTripsAWindow; ++i) pass(back, there);
    return us_since(begin_ns) / kTripsAWindow;
  });
}

double map_memfd_us(int64_t run_ns) {
  const int file = memfd_create("native", MFD_CLOEXEC);
  if (ftruncate(file, kBenchBytes) != 0 || fallocate(file, 0, 0, kBenchBytes) != 0) end("no memory");
  return measured(run_ns, [&] {
    const int64_t begin_ns = now_ns();
    void* const at = mmap(nullptr, kBenchBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, file, 0);
    const double took_us = us_since(begin_ns);
    if (at == MAP_FAILED) end("no mapping");
    munmap(at, kBenchBytes);
    return took_us / kBenchMiB;
  });
}

// ---- with another one ----

class Asker {
public:
  Asker() {
    if (const auto lack = lack_of_this_domain()) end(lack->text);
    const auto domains = willing_domains(1);
    if (!domains) end(domains.error().text);
    self_ = must(xen::Store::own_domain(), "no domain");
    other_ = {domains->front()};
    desks_.emplace(other_, xen::Sharing::grants);
    desk_segment_ = must(desks_->create("desk", kDeskBytes), "no page for the other domain");
    MapRequest request;
    request.bytes = kDeskBytes;
    desk_ = must(desks_->map(desk_segment_, request), "no page for the other domain");
    desk().magic = Desk::kMagic;
    link_ = must(xen::Link::create(other_, kPatienceMs, [this] { rung(); }), "no link with the other domain");
    must_done(link_->publish(must(desks_->name(desk_segment_), "no page")), "xenstore");
  }

  // It is ready for the next asker then.
  ~Asker() {
    wish(Wish::end);
    for (int64_t waited = 0; link_->alive() && waited < kPatienceMs; waited += kLookMs) usleep(kLookMs * 1000);
    link_.reset(); // its thread has the desk
    (void)desks_->unmap(desk_);
    (void)desks_->close(desk_segment_);
  }

  double ring_us(int64_t run_ns) {
    wish(Wish::ball);
    return measured(run_ns, [this] {
      const int64_t begin_ns = now_ns();
      throw_ball();
      left_.store(kTripsAWindow);
      link_->ring();
      for (uint32_t left = left_.load(); left; left = left_.load()) left_.wait(left);
      return us_since(begin_ns) / kTripsAWindow;
    });
  }

  double map_us(int64_t run_ns, Wish what) {
    XenBackend backend(other_, what == Wish::grants ? xen::Sharing::grants : xen::Sharing::ranges);
    const SegmentName name{{other_.value}, {wish(what)}};
    return measured(run_ns, [&] {
      MapRequest request;
      request.bytes = kBenchBytes;
      const int64_t begin_ns = now_ns();
      const Segment segment = must(backend.open(name), "the other domain's memory");
      const Mapping mapped = must(backend.map(segment, request), "the other domain's memory");
      for (uint64_t at = 0; at < kBenchBytes; at += xen::kUnitBytes) look_at(mapped, at);
      const double took_us = us_since(begin_ns);
      must_done(backend.unmap(mapped), "unmapped");
      must_done(backend.close(segment), "closed");
      xen::RangePlace::sweep(self_);
      return took_us / kBenchMiB;
    });
  }

private:
  static constexpr int64_t kLookMs = 5;

  // The kernel maps a unit when it is needed.
  static void look_at(const Mapping& mapped, uint64_t at) {
    (void)*(static_cast<const volatile char*>(mapped.start) + at);
  }

  Desk& desk() const { return *static_cast<Desk*>(desk_.start); }
  static void must_done(const Result<>& result, const char* what) {
    if (!result) end(fmt::format("{}: {}", what, errno_text(result.error().value)));
  }

  // The name of what the other domain made.
  int32_t wish(Wish what) {
    desk().wish.store(what);
    link_->ring();
    for (int64_t waited = 0; desk().done.load() != what; waited += kLookMs) {
      if (waited > kPatienceMs) end(fmt::format("domain {} does not answer", other_.value));
      usleep(kLookMs * 1000);
    }
    if (const int error = desk().error.load())
      end(fmt::format("domain {} cannot make {} MiB: {}", other_.value, kBenchMiB, errno_text(error)));
    return desk().made.load();
  }

  void throw_ball() { desk().ball.store(desk().ball.load() | 1); }

  // If the ball is back a trip is done, and maybe another one begins.
  void rung() {
    const uint32_t left = left_.load();
    if (desk().ball.load() % 2 || left == 0) return;
    left_.store(left - 1);
    if (left == 1) return left_.notify_one();
    throw_ball();
    link_->ring();
  }

  xen::DomainId self_{-1}, other_{-1};
  std::optional<XenBackend> desks_;
  Segment desk_segment_;
  Mapping desk_;
  std::unique_ptr<xen::Link> link_;
  std::atomic<uint32_t> left_{0}; // trips of this window
};

double measure(std::string_view what, bool natively, int64_t run_ns) {
  if (what == "event-channel") return natively ? wake_thread_us(run_ns) : Asker().ring_us(run_ns);
  if (what == "map-grants") return natively ? map_memfd_us(run_ns) : Asker().map_us(run_ns, Wish::grants);
  if (what == "map-range") return natively ? map_memfd_us(run_ns) : Asker().map_us(run_ns, Wish::range);
  end("event-channel, map-grants or map-range [--native] [--quick]");
}

} // namespace

int main(int count, char** words) {
  bool natively = false, quick = false;
  for (int i = 2; i < count; ++i) {
    natively |= strcmp(words[i], "--native") == 0;
    quick |= strcmp(words[i], "--quick") == 0;
  }
  std::printf("%.3f\n", measure(count > 1 ? words[1] : "", natively, quick ? 200'000'000 : 800'000'000));
  std::fflush(stdout);
  _Exit(0);
}
