// SPDX-License-Identifier: Apache-2.0
// A process of an isolated cluster that is hostile or broken: it writes where it should not, as every process of a cluster
// can. scribbler WHAT [SEED]: requests  well-formed ones to every spd, with random operations, arguments and records
//                             calls     well-formed ones to every shadow: random calls and addresses
//                             records   random bytes over every record but its own
//                             rings     random bytes over the queues of all nodes
//                             header    random bytes over the cluster's description
//                             pipes     random words over the rings of pipes, and now and then well-formed ones
// It prints `scribbled` when it is done.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <unistd.h>

#include "libsuperproc/cluster/node_mesh.hpp"
#include "vpid/lease.hpp"

namespace {

using namespace sp;

std::mt19937_64 random_number;
const HostTid self{static_cast<int32_t>(getpid())};

uint64_t any() {
  switch (random_number() % 4) {
    case 0: return random_number() % 8;
    case 1: return random_number() % wire::kMovedCountMax;
    case 2: return wire::kMovedBase + random_number() % (2 * wire::kMovedBytes);
    default: return random_number() >> random_number() % 64;
  }
}

void overwrite(uint64_t address, uint64_t bytes) {
  auto* const words = reinterpret_cast<volatile uint64_t*>(address);
  for (uint64_t i = 0; i < bytes / 8; ++i) words[i] = random_number() % 3 ? any() : ~0ull;
}

void post(void* memory, uint64_t bytes, wire::EventChannelLine* line, const Request& request) {
  auto ring = Ring::open(memory, bytes);
  const auto bell = EventChannel::open(line);
  if (!ring || !bell) return;
  (void)ring->submit(request, self, Ring::Reply::none);
  bell->notify(wire::kBellLocal);
}

Request random_request(uint32_t operations) {
  Request request{static_cast<uint32_t>(random_number() % operations), 0, 0, {}};
  for (uint64_t& argument : request.arguments) argument = any();
  return request;
}

bool is_signal(uint32_t operation) {
  const auto known = static_cast<wire::NodeOperation>(operation);
  return known == wire::NodeOperation::signal_body || known == wire::NodeOperation::signal_home ||
         known == wire::NodeOperation::signal_first;
}

void send_requests() {
  const NodeId here = vpid::node_of(getpid());
  for (int i = 0; i < 20000; ++i) {
    const NodeId there{static_cast<uint32_t>(random_number() % wire::cluster().node_count)};
    Request request = random_request(static_cast<uint32_t>(wire::NodeOperation::count) + 2);
    if (random_number() % 2) request.arguments[0] = random_number() % 4;
    if (request.operation == static_cast<uint32_t>(wire::NodeOperation::stop_body)) continue;      // it may, for good
    if (is_signal(request.operation)) request.arguments[1] = random_number() % 2 ? 0 : 65 + any(); // those may be sent
    post(node_ring_memory(here, there), kNodeRingStride, node_bell_line(there), request);
    if (i % 64 == 0) usleep(100);
  }
}

// Not those that would end it or take it home, which its body may ask for.
void send_calls() {
  const uint32_t high = wire::cluster().moved_high.load() % (wire::kMovedCountMax + 1);
  for (int i = 0; i < 20000; ++i) {
    const auto record = static_cast<uint32_t>(random_number() % (high ? high : 1));
    Request request = random_request(static_cast<uint32_t>(wire::ShadowOperation::count) + 2);
    if (request.operation == static_cast<uint32_t>(wire::ShadowOperation::come_home)) continue;
    constexpr uint64_t kHarmful[] = {3,  32,  33,  61,  62,
                                     72, 247, 292, 424, 436}; // close, dup, wait, kill and their like
    request.arguments[0] = random_number() % 470;
    for (const uint64_t number : kHarmful)
      if (request.arguments[0] == number) request.arguments[0] = 39;
    if (request.arguments[0] == 1) request.arguments[1] = 99;
    request.arguments[7] = 0; // nor does what they open take the place of what is open
    post(moved_ring_memory(record), kMovedRingBytes, moved_bell_line(record), request);
    if (i % 16 == 0) usleep(100);
  }
}

void overwrite_pipes() {
  for (int i = 0; i < 20000; ++i) {
    const auto index = static_cast<uint32_t>(random_number() % (i % 2 ? 4 : wire::kPipeRingCount));
    wire::PipeRing& ring = wire::pipe_ring(index);
    const wire::PipeWord seen{ring.word.load()};
    ring.word.store(i % 4 ? any() << random_number() % 48 : (seen.bits & ~uint64_t{7}) | random_number() % 8);
    if (i % 8 == 0) ring.reader_sleeps.store(any() << 32 | any()), ring.writer_sleeps.store(any() << 32 | any());
    if (i % 16 == 0) usleep(100);
  }
}

void overwrite_records() {
  for (uint32_t i = 0; i < wire::kMovedCountMax; ++i)
    if (wire::moved(i).pid.load() != getpid() && (i < 64 || i % 16 == 0))
      overwrite(reinterpret_cast<uint64_t>(&wire::moved(i)), wire::kMovedTransfer + 4096);
}

} // namespace

int main(int count, char** arguments) {
  const std::string what = count > 1 ? arguments[1] : "";
  random_number.seed(count > 2 ? strtoull(arguments[2], nullptr, 10) : 1);
  if (what == "requests") send_requests();
  if (what == "calls") send_calls();
  if (what == "records") overwrite_records();
  if (what == "rings") overwrite(wire::kClusterQueues, kNodeCountMax * wire::kClusterQueueBytes / 8);
  if (what == "header") overwrite(wire::kClusterBase, sizeof(wire::ClusterHeader));
  if (what == "pipes") overwrite_pipes();
  puts("scribbled");
}
