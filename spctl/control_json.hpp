// SPDX-License-Identifier: Apache-2.0
// A SubProcess as JSON, the same in ps, nodes, stats and run --summary.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "spctl/thread_list.hpp"

namespace sp::spctl {

nlohmann::ordered_json node_json(const NodeView& node);
nlohmann::ordered_json control_json(const ControlView& control); // with its nodes
nlohmann::ordered_json thread_json(const ThreadLine& thread);
nlohmann::ordered_json subprocess_json(const SubProcess& subprocess); // and where it is in an isolated cluster
nlohmann::ordered_json cluster_json(const IsolatedCluster& cluster);

} // namespace sp::spctl
