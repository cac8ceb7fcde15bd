// SPDX-License-Identifier: Apache-2.0
#include "vpid/lease.hpp"

#include <doctest/doctest.h>
#include <memory>

using namespace sp;

TEST_CASE("leases are disjoint, in order, and below the end") {
  for (const uint32_t nodes : {1u, 2u, 3u, 16u}) {
    auto cluster = std::make_unique<wire::ClusterHeader>();
    cluster->node_count = nodes;
    REQUIRE(vpid::lease_out(*cluster, 32768));
    CHECK(cluster->nodes[0].first_pid == vpid::kReservedPids);
    for (uint32_t n = 0; n < nodes; ++n) {
      CHECK(cluster->nodes[n].end_pid - cluster->nodes[n].first_pid >= vpid::kLeaseMin);
      if (n > 0) CHECK(cluster->nodes[n].first_pid == cluster->nodes[n - 1].end_pid);
    }
    CHECK(cluster->nodes[nodes - 1].end_pid <= 32768);
  }
}

TEST_CASE("too few numbers for all are refused") {
  auto cluster = std::make_unique<wire::ClusterHeader>();
  cluster->node_count = 16;
  CHECK_FALSE(vpid::lease_out(*cluster, 1000));
}
