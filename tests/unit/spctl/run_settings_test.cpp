// SPDX-License-Identifier: Apache-2.0
// The options of `spctl run` and the environment they become.
#include <doctest/doctest.h>

#include <algorithm>

#include "spctl/run_settings.hpp"

using namespace sp;
using namespace sp::spctl;

namespace {

constexpr uint32_t kCpus = 4;

RunOptions with_nodes(const char* nodes) {
  RunOptions options;
  options.nodes = nodes;
  return options;
}

std::vector<std::string> environment_of(std::vector<std::string> own, const RunSettings& settings = {}) {
  std::vector<char*> pointers;
  for (std::string& text : own) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return superproc_environment(pointers.data(), settings, "/opt/lib/libsuperproc.so");
}

bool has(const std::vector<std::string>& all, const std::string& one) {
  return std::count(all.begin(), all.end(), one) == 1;
}

size_t count_of(const std::vector<std::string>& all, const std::string& name) {
  return static_cast<size_t>(
      std::count_if(all.begin(), all.end(), [&](const std::string& v) { return v.starts_with(name + "="); }));
}

} // namespace

TEST_CASE("the number of nodes") {
  CHECK(check_settings(with_nodes("1"), nullptr, kCpus)->node_count == 1);
  CHECK(check_settings(with_nodes("16"), nullptr, kCpus)->node_count == 16);
  CHECK(check_settings(with_nodes(""), nullptr, kCpus)->node_count == kNodesDefault);
  CHECK(check_settings(with_nodes(""), "5", kCpus)->node_count == 5);
  CHECK(check_settings(with_nodes("3"), "nonsense", kCpus)->node_count == 3);
  for (const char* wrong : {"0", "17", "1000", "-1", "2x", "x", " 2", "99999999999999999999", "+2"}) {
    const auto refused = check_settings(with_nodes(wrong), nullptr, kCpus);
    REQUIRE_MESSAGE(!refused, wrong);
    CHECK(refused.error().exit_code == kExitOwnError);
    CHECK(refused.error().text.find("1 to 16") != std::string::npos);
  }
  const auto inherited = check_settings(with_nodes(""), "1000", kCpus);
  REQUIRE(!inherited);
  CHECK(inherited.error().text.starts_with("SUPERPROC_NODES 1000"));
}

TEST_CASE("placement and CPUs per node") {
  RunOptions options;
  options.placement = "alternate";
  options.cores_per_node = "4";
  const auto settings = check_settings(options, nullptr, kCpus);
  REQUIRE(settings);
  CHECK(settings->placement == wire::Placement::round_robin);
  CHECK(settings->cores_per_node == 4);
  options.placement = "least-loaded";
  CHECK(check_settings(options, nullptr, kCpus)->placement == wire::Placement::least_loaded);
  options.cores_per_node = "5";
  CHECK_FALSE(check_settings(options, nullptr, kCpus));
  options.cores_per_node = "0";
  CHECK_FALSE(check_settings(options, nullptr, kCpus));
  options.cores_per_node = "";
  options.placement = "everywhere";
  CHECK_FALSE(check_settings(options, nullptr, kCpus));
}

TEST_CASE("the environment carries the settings and keeps the rest") {
  RunSettings settings;
  settings.node_count = 7;
  settings.placement = wire::Placement::fill;
  settings.cores_per_node = 2;
  settings.trace = true;
  const auto all = environment_of({"HOME=/home/a", "EMPTY=", "SUPERPROC_NODESX=1"}, settings);
  for (const char* wanted :
       {"HOME=/home/a", "EMPTY=", "SUPERPROC_NODESX=1", "SUPERPROC_NODES=7", "SUPERPROC_PLACEMENT=fill",
        "SUPERPROC_CORES_PER_NODE=2", "SUPERPROC_TRACE=1", "LD_PRELOAD=/opt/lib/libsuperproc.so"})
    CHECK_MESSAGE(has(all, wanted), wanted);
}

TEST_CASE("inside another superproc the old settings and identity are gone") {
  const auto all = environment_of({"SUPERPROC_ID=12:34", "SUPERPROC_NODES=9", "SUPERPROC_TRACE=1",
                                   "SUPERPROC_CORES_PER_NODE=3", "LD_PRELOAD=/usr/lib/libsuperproc.so:/lib/libx.so"});
  CHECK(count_of(all, "SUPERPROC_ID") == 0);
  CHECK(count_of(all, "SUPERPROC_TRACE") == 0);
  CHECK(count_of(all, "SUPERPROC_CORES_PER_NODE") == 0);
  CHECK(has(all, "SUPERPROC_NODES=2"));
  CHECK(has(all, "LD_PRELOAD=/opt/lib/libsuperproc.so:/lib/libx.so"));
}

TEST_CASE("other preloads stay, behind ours") {
  CHECK(has(environment_of({"LD_PRELOAD=/a.so /b.so"}), "LD_PRELOAD=/opt/lib/libsuperproc.so:/a.so:/b.so"));
  CHECK(has(environment_of({"LD_PRELOAD="}), "LD_PRELOAD=/opt/lib/libsuperproc.so"));
  CHECK(has(environment_of({"LD_PRELOADED=1"}), "LD_PRELOADED=1"));
}

TEST_CASE("a native program sees nothing of superproc") {
  std::string id = "SUPERPROC_ID=1:2", preload = "LD_PRELOAD=/x/libsuperproc.so", home = "HOME=/";
  char* own[] = {id.data(), preload.data(), home.data(), nullptr};
  CHECK(native_environment(own) == std::vector<std::string>{"HOME=/"});
}
