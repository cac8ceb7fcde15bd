// SPDX-License-Identifier: Apache-2.0
// A cluster for the suite: one segment with a doorbell for the target node and a ring from each source to it. Every
// process opens the segment by its name and maps it where it likes, so that nothing depends on inherited mappings.
#pragma once
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <vector>

#include "gnttab-shm/node_link.hpp"
#include "gnttab-shm/node_queue.hpp"
#include "tests/backend/backends.hpp"

namespace sp::test {

inline HostTid self() { return {static_cast<int32_t>(sys::call(SYS_gettid))}; }

// A process of the test, killed at the latest when the test ends.
class Child {
public:
  template <class F>
  explicit Child(F body) : pid_(fork()) {
    if (pid_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int s : {SIGSEGV, SIGBUS, SIGABRT}) signal(s, SIG_DFL); // a crash here is not the test program's
    _exit(body());
  }
  Child(Child&& other) noexcept : pid_(other.pid_) { other.pid_ = -1; }
  ~Child() { end(); }

  int exit_status() { // -1: killed
    if (pid_ <= 0) return -1;
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  void end() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    exit_status();
  }

private:
  pid_t pid_;
};

template <Backend B>
class Cluster {
public:
  using Bell = typename B::BellType;
  static constexpr uint32_t kTarget = 15;
  static constexpr uint32_t kSubProcess = 4711;
  static constexpr uint32_t kOperationCount = 4;
  enum Operation : uint32_t { op_double = 1, op_never = 2, op_stop = 3 };

  Cluster(uint32_t source_count, uint32_t slot_count) : source_count_(source_count), slot_count_(slot_count) {
    policy_ = WaitPolicy::from_cycles_per_us(measure_cycles_per_us());
    const auto made = backend_.create("suite", ring_offset(source_count));
    REQUIRE(made.has_value());
    segment_ = *made;
    const auto name = backend_.name(segment_);
    REQUIRE(name.has_value());
    name_ = *name;
    start_ = map(segment_);
    REQUIRE(start_ != nullptr);
    BasicEventChannel<Bell>::create(line(start_));
    for (uint32_t i = 0; i < source_count; ++i)
      REQUIRE(BasicRing<Bell>::create(start_ + ring_offset(i), ring_room(), {i}, {kTarget}, slot_count).has_value());
  }
  ~Cluster() {
    CHECK(backend_.unmap({start_, segment_.bytes}).has_value());
    CHECK(backend_.close(segment_).has_value());
  }

  BasicRing<Bell> ring(uint32_t source) { return *BasicRing<Bell>::open(start_ + ring_offset(source), ring_room()); }
  BasicEventChannel<Bell> channel() { return *BasicEventChannel<Bell>::open(line(start_)); }
  BasicNodeLink<Bell> link(uint32_t source) { return {ring(source), channel(), policy_}; }

  // To be called in a process of its own: this process's way to the segment from now on is by its name.
  bool join() {
    const auto opened = backend_.open(name_);
    if (!opened || opened->bytes != segment_.bytes) return false;
    char* mine = map(*opened);
    if (!mine || mine == start_) return false;
    if (!backend_.unmap({start_, segment_.bytes})) return false;
    start_ = mine;
    return true;
  }

  Child agent() {
    return Child([this] { return join() ? serve() : 99; });
  }
  // `calls` requests one after the other, each checked. Exit status 0: all were right.
  Child requester(uint32_t source, uint64_t calls) {
    return Child([=, this] { return join() ? ask(source, calls) : 99; });
  }

  int ask(uint32_t source, uint64_t calls) {
    auto way = link(source);
    const HostTid me = self();
    for (uint64_t i = 0; i < calls; ++i) {
      Request request{.operation = op_double, .subprocess = kSubProcess, .flags = 0, .arguments = {i}};
      const auto result = way.call(request, me);
      if (!result || *result != static_cast<int64_t>(2 * i)) return 1;
    }
    return 0;
  }

  uint32_t free_count(uint32_t source) {
    auto* slots = reinterpret_cast<wire::Slot*>(start_ + ring_offset(source) + sizeof(wire::RingHeader));
    uint32_t count = 0;
    for (uint32_t i = 0; i < slot_count_; ++i) count += slots[i].owner_tid.load() == 0;
    return count;
  }

private:
  // The target node: doubles numbers until it is told to stop.
  int serve() {
    BasicNodeQueue<Bell> queue({kTarget}, channel(), kOperationCount);
    for (uint32_t i = 0; i < source_count_; ++i)
      if (!queue.attach({i}, ring(i))) return 98;
    bool stop = false;
    const typename BasicNodeQueue<Bell>::Target target{receive, &stop};
    if (!queue.add_target(kSubProcess, target)) return 97;
    while (!stop) {
      if (auto woken = queue.wait(policy_); !woken && woken.error().value != EINTR) return 96;
      while (queue.deliver_next()) {
      }
    }
    return 0;
  }
  static std::optional<int64_t> receive(void* stop, const typename BasicNodeQueue<Bell>::Delivery& delivery) {
    const Request& request = delivery.taken.request;
    if (request.operation == op_never) return std::nullopt;
    if (request.operation == op_stop) *static_cast<bool*>(stop) = true;
    return static_cast<int64_t>(2 * request.arguments[0]);
  }

  char* map(Segment segment) {
    MapRequest request;
    request.bytes = segment.bytes;
    const auto mapped = backend_.map(segment, request);
    return mapped ? static_cast<char*>(mapped->start) : nullptr;
  }
  static wire::EventChannelLine* line(char* start) { return reinterpret_cast<wire::EventChannelLine*>(start); }
  uint64_t ring_room() const { return (wire::ring_bytes(slot_count_) + 4095) / 4096 * 4096; }
  uint64_t ring_offset(uint32_t source) const { return 4096 + source * ring_room(); }

  B backend_;
  uint32_t source_count_, slot_count_;
  WaitPolicy policy_;
  Segment segment_;
  SegmentName name_;
  char* start_ = nullptr;
};

} // namespace sp::test
