// SPDX-License-Identifier: Apache-2.0
// What `spctl top` makes of two moments.
#include <doctest/doctest.h>

#include "spctl/top_sample.hpp"

using namespace sp::spctl;

namespace {

TopProcess process(int32_t pid, double home_cpu, double other_cpu, uint64_t requests) {
  return {pid,      "1+1", 2,
          "shared", "a",   {{pid, {0, 0, home_cpu, 10, 1, 100}}, {pid + 1, {0, 1, other_cpu, requests, 5, 0}}}};
}

} // namespace

TEST_CASE("rates between two moments") {
  const TopSample before{10, {process(100, 1, 1, 10), process(200, 0, 0, 0)}, {}};
  const TopSample now{12, {process(100, 1, 2, 50), process(200, 2, 1, 0)}, {}};
  const TopView view = compare(before, now);
  REQUIRE(view.processes.size() == 2);
  CHECK(view.processes[0].process->pid == 200); // the busiest
  CHECK(view.processes[0].cpu == doctest::Approx(1.5));
  CHECK(view.processes[1].cpu == doctest::Approx(0.5));
  REQUIRE(view.nodes.size() == 2);
  CHECK(view.nodes[0].cpu == doctest::Approx(1));
  CHECK(view.nodes[1].cpu == doctest::Approx(1));
  CHECK(view.nodes[1].requests == doctest::Approx(20));
  CHECK(view.nodes[1].subprocesses == 2);
  CHECK(view.nodes[0].calls == 0);
}

TEST_CASE("what cannot be: no time, counters that run backwards, one that was not there") {
  const TopSample before{10, {process(100, 5, 5, 50)}, {}};
  CHECK(compare(before, before).processes[0].cpu == 0);
  const TopSample now{11, {process(100, 1, 1, 5), process(300, 1, 0, 7)}, {}};
  const TopView view = compare(before, now);
  CHECK(view.processes[0].process->pid == 300);
  CHECK(view.processes[1].cpu == 0);
  CHECK(view.nodes[1].requests == doctest::Approx(7));
}

TEST_CASE("CPU time in stat") {
  CHECK(cpu_seconds_in_stat("12 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0") == doctest::Approx(2));
  CHECK(cpu_seconds_in_stat("12 (a) S 1") == 0);
  CHECK(cpu_seconds_in_stat("") == 0);
}
