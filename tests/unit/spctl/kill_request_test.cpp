// SPDX-License-Identifier: Apache-2.0
// The arguments of `spctl kill`, which are kill(1)'s.
#include <csignal>
#include <doctest/doctest.h>

#include "spctl/kill_request.hpp"

using namespace sp::spctl;
using Words = std::vector<std::string>;

TEST_CASE("the signal, however it is given") {
  for (const Words& words :
       {Words{"-9", "12"}, Words{"-KILL", "12"}, Words{"-s", "KILL", "12"}, Words{"-s", "9", "12"},
        Words{"--signal=SIGKILL", "12"}, Words{"--signal", "kill", "12"}, Words{"12", "-9"}, Words{"-9", "--", "12"}}) {
    const auto request = parse_kill(words);
    REQUIRE(request);
    CHECK(request->signal == SIGKILL);
    CHECK(request->targets == std::vector<int32_t>{12});
  }
  CHECK(parse_kill({"12", "13"})->signal == SIGTERM);
  CHECK(parse_kill({"-0", "12"})->signal == 0);
}

TEST_CASE("groups") {
  CHECK(parse_kill({"-9", "-12", "7"})->targets == std::vector<int32_t>{-12, 7});
  CHECK(parse_kill({"--", "-12"})->targets == std::vector<int32_t>{-12});
  CHECK(parse_kill({"--", "-12"})->signal == SIGTERM);
}

TEST_CASE("a value to queue") {
  CHECK(parse_kill({"-q", "-7", "-s", "USR1", "12"})->value == -7);
  CHECK(!parse_kill({"-q", "x", "12"}));
}

TEST_CASE("what is wrong") {
  for (const Words& words : {Words{}, Words{"-9"}, Words{"x"}, Words{"0"}, Words{"12x"}, Words{"-s"},
                             Words{"-s", "NO", "12"}, Words{"-65", "12"}, Words{"-99999999999", "12"},
                             Words{"99999999999"}, Words{"--signal", "", "12"}, Words{"-RTMIN+99", "12"}}) {
    const auto request = parse_kill(words);
    REQUIRE(!request);
    CHECK(!request.error().empty());
  }
}

TEST_CASE("names of signals and back") {
  for (int signal = 1; signal <= SIGRTMAX; ++signal)
    if (const std::string name = signal_name(signal); !name.empty()) CHECK(signal_number(name) == signal);
  CHECK(signal_number("rtmax-1") == SIGRTMAX - 1);
  CHECK(signal_name(SIGRTMIN + 3) == "RTMIN+3");
  CHECK(signal_name(0).empty());
  CHECK(signal_name(-4).empty());
  CHECK(signal_name(32).empty());
}
