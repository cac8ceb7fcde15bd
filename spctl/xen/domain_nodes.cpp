// SPDX-License-Identifier: Apache-2.0
// See domain_nodes.hpp.
#include "spctl/xen/domain_nodes.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <memory>
#include <optional>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "gnttab-shm/backend/xen/link.hpp"
#include "libsuperproc/base/all_blocked.hpp"
#include "libsuperproc/cluster/cluster_memory.hpp"
#include "libsuperproc/cluster/event_log.hpp"
#include "libsuperproc/cluster/node_mesh.hpp"
#include "spctl/node_death.hpp"
#include "spctl/ringer.hpp"
#include "spctl/xen/domain_bench.hpp"
#include "spctl/xen/domain_clocks.hpp"
#include "spctl/xen/domain_range.hpp"

extern char** environ;

namespace sp::spctl {
namespace {

using xen::DomainId;
using xen::Link;

constexpr int64_t kSilenceMs = 5000;
constexpr int kLookMs = 100;

wire::Sleepers& sleepers() { return *reinterpret_cast<wire::Sleepers*>(wire::kClusterSleepers); }
wire::NodeSleepers& sleepers_of(uint32_t node) { return sleepers().nodes[node % kNodeCountMax]; }

// To the other nodes' domains; the first node's alone has all.
std::unique_ptr<Link> links[kNodeCountMax];

// Somebody has rung this domain: it may be for another.
void take_rings(uint32_t self) {
  for (uint32_t n = 0; n < bounded_node_count(); ++n)
    if (n == self)
      ring_lines(*own_board.board, sleepers_of(n).rung.exchange(0));
    else if (links[n] && sleepers_of(n).rung.load() != 0)
      links[n]->ring();
}

void carry(uint32_t node, uint64_t lines) {
  sleepers_of(node).rung.fetch_or(lines);
  if (Link* const link = links[links[node] ? node : 0].get()) link->ring();
}

void begin_ringer() {
  const AllBlocked blocked;
  std::thread([] { ring_others(*own_board.board, carry); }).detach();
}

// Has the node at the other end of its link been silent for too long, or withdrawn? A time in which this domain did not run
// itself (paused, moved, given no processor) is nobody's silence: of what passed since the last look, little counts.
class Listening {
public:
  explicit Listening(uint32_t node) : node_(node) {}
  bool is_dead() {
    const int64_t now = now_ms();
    silence_ms_ += std::min<int64_t>(now - looked_ms_, 2 * kLookMs);
    looked_ms_ = now;
    if (const uint32_t beat = sleepers_of(node_).beat.load(); beat != beat_) beat_ = beat, silence_ms_ = 0;
    return silence_ms_ > kSilenceMs || !links[node_]->alive();
  }

private:
  static int64_t now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  }

  uint32_t node_, beat_ = 0;
  int64_t looked_ms_ = now_ms(), silence_ms_ = 0;
};

Result<> link_with(uint32_t node, DomainId peer, uint32_t self, int64_t timeout_ms) {
  const AllBlocked blocked; // its thread takes none of the signals
  auto link = Link::create(peer, timeout_ms, [self] { take_rings(self); });
  if (!link) return fail(link.error().value);
  links[node] = std::move(*link);
  return {};
}

void ignore_signals() {
  for (int signal : {SIGINT, SIGQUIT, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE}) std::signal(signal, SIG_IGN);
}

Result<> offer_to_all(const DomainRange& range) {
  auto store = xen::Store::open();
  if (!store) return fail(store.error().value);
  for (const int domain : range.domains) TRY_VOID(store->offer(range.self, {domain}, {}));
  return {};
}

Result<> introduce(const DomainRange& range, uint32_t node) {
  constexpr int64_t kPatienceMs = 20'000;
  TRY_VOID(link_with(node, {range.domains[node - 1]}, 0, kPatienceMs));
  return links[node]->publish({{range.self.value}, {static_cast<int32_t>(range.id) | kRangeMark}});
}

// Or ends: without all of them no program begins. All have an offer before the first one is waited for, since of two domains
// the one with the lower number begins.
void link_with_all(const DomainRange& range, const Launch& launch, const std::vector<pid_t>& spds) {
  const auto give_up_unless = [&](const Result<>& done, const std::string& what) {
    if (done) return;
    errno = done.error().value;
    give_up(launch, spds, what.c_str());
  };
  give_up_unless(offer_to_all(range), "xenstore takes no offers");
  for (uint32_t n = 1; n <= range.domains.size(); ++n)
    give_up_unless(introduce(range, n),
                   fmt::format("domain {} offers to be a node and cannot be linked with; look at its `spctl join {}`",
                               range.domains[n - 1], range.self.value));
}

void fence_dead(std::vector<Listening>& others, const std::vector<int>& pools) {
  for (uint32_t n = 1; n <= others.size(); ++n) {
    if (!links[n] || !others[n - 1].is_dead()) continue;
    fence({n}, pools);
    log_event(wire::kNoNode, "node %u is dead and fenced: domain %d has withdrawn or is silent", n,
              wire::cluster().nodes[n].domain);
    links[n].reset();
  }
}

} // namespace

Begun begin_domains(const Launch& launch, const std::vector<int>& kept) {
  const DomainRange& range = domain_range();
  Begun begun{start_nodes({0}, 1, launch)};
  have_nothing_open(kept);
  ignore_signals();
  link_with_all(range, launch, begun.spds);
  begin_ringer();
  std::vector<Listening> others;
  for (uint32_t n = 1; n <= range.domains.size(); ++n) others.emplace_back(n);
  begun.every_ms = kLookMs;
  begun.look = [others, pools = pools_of(launch)]() mutable { fence_dead(others, pools); };
  begun.part = [] {
    for (auto& link : links) link.reset();
  };
  return begun;
}

namespace {

// Which node is this domain? 0: none.
uint32_t own_node(DomainId self) {
  for (uint32_t n = 1; n < bounded_node_count(); ++n)
    if (wire::cluster().nodes[n].domain == self.value) return n;
  return 0;
}

int failed(const char* what, int error) { return own_error("{}: {}", what, errno_text(error)); }

// What the link with the first domain calls, once there is something to do: as a node, or as one that is measured.
std::atomic<uint32_t> ringing_node{wire::kNoNode};
std::atomic<DomainBench*> measured{nullptr};

void take_rings_of_first() {
  if (const uint32_t node = ringing_node.load(); node != wire::kNoNode) take_rings(node);
  if (DomainBench* const bench = measured.load()) bench->rung();
}

// When the first domain begins something. An offer that leads nowhere is of a process that was killed there, and stands until
// the next one begins: this domain stays willing meanwhile.
Result<> link_with_first(DomainId self, DomainId first, int64_t timeout_ms) {
  auto store = xen::Store::open();
  if (!store) return fail(store.error().value);
  for (std::optional<xen::Offer> stale;;) {
    TRY_VOID(store->offer(self, first, {}));
    auto offer = store->offer_of(first, self);
    for (; !offer || (stale && *offer == *stale); offer = store->offer_of(first, self)) usleep(kLookMs * 1000);
    const AllBlocked blocked;
    auto link = Link::create(first, timeout_ms, take_rings_of_first);
    if (link) links[0] = std::move(*link);
    if (link || !offer->port) return link ? Result<>{} : fail(link.error().value);
    failed("the first domain cannot be linked with", link.error().value);
    stale = *offer;
  }
}

int serve_bench(DomainId first, SegmentName desk) {
  const auto bench = DomainBench::create(*links[0], first, desk);
  if (!bench) return failed("the first domain's page", bench.error().value);
  measured.store(bench->get());
  (*bench)->serve();
  links[0].reset(); // its thread has the bench
  return 0;
}

int serve_cluster(DomainId self, DomainId first, SegmentName range) {
  const auto placed = xen::RangePlace::open(self, {first, {static_cast<uint32_t>(range.id.value & ~kRangeMark)}});
  if (!placed) return failed("the first domain's range", placed.error().value);
  const auto node_count = node_count_of(*placed);
  if (!node_count) return refuse(node_count.error());
  auto segments = open_range(*placed, *node_count);
  if (!segments) return refuse(segments.error());
  const uint32_t node = own_node(self);
  if (node == 0) return own_error("the first domain's cluster is not of this one");
  if (!add_board(*segments, node)) return failed("the node's board", ENOMEM);
  ringing_node.store(node);
  begin_ringer();
  auto variables = cluster_environment(native_environment(environ));
  if (!variables) return refuse(variables.error());
  const Launch launch{std::move(*segments), open("/dev/null", O_RDWR | O_CLOEXEC), {}, std::move(*variables)};
  if (!follow_clocks(sleepers())) return failed("no time namespace", errno); // no threads from here on
  const std::vector<pid_t> spds = start_nodes({node}, 1, launch);
  for (Listening first_node(0); waitpid(spds[0], nullptr, WNOHANG) == 0; usleep(kLookMs * 1000))
    if (first_node.is_dead()) break;
  kill(spds[0], SIGKILL);
  waitpid(spds[0], nullptr, 0);
  links[0].reset();
  return 0;
}

// What the first domain begins next: a cluster, or measurements.
int serve_one(DomainId self, DomainId first) {
  constexpr int64_t kPatienceMs = 20'000;
  if (const auto linked = link_with_first(self, first, kPatienceMs); !linked)
    return failed("the first domain cannot be linked with", linked.error().value);
  const auto name = links[0]->await_segment(kPatienceMs);
  if (!name) return failed("the first domain tells of no memory", name.error().value);
  return name->id.value & kRangeMark ? serve_cluster(self, first, *name) : serve_bench(first, *name);
}

} // namespace

int be_node_of(const JoinOptions& options) {
  if (const auto lack = lack_of_this_domain()) return own_error("{}; see spctl doctor", lack->text);
  const auto self = xen::Store::own_domain();
  const DomainId first{options.first_domain};
  if (first.value < 0 || first.value == self->value) return own_error("{}: no other domain", options.first_domain);
  ignore_signals();
  constexpr useconds_t kBetweenUs = 200'000, kAfterFailureUs = 2'000'000;
  for (int status = 0;; usleep(status == 0 ? kBetweenUs : kAfterFailureUs)) {
    const pid_t child = fork();
    if (child < 0) return failed("no process", errno);
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      _exit(serve_one(*self, first));
    }
    waitpid(child, &status, 0);
    xen::RangePlace::sweep(*self);
  }
}

} // namespace sp::spctl
