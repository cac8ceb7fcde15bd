// SPDX-License-Identifier: Apache-2.0
// See control_json.hpp.
#include "spctl/control_json.hpp"

#include <nlohmann/json.hpp>

#include "spctl/run_settings.hpp"

namespace sp::spctl {

using nlohmann::ordered_json;

ordered_json node_json(const NodeView& node) {
  return {{"node", node.index},
          {"state", state_name(node.state)},
          {"host_pid", node.host_pid},
          {"agent_tid", node.agent_tid},
          {"cpus", node.cpus},
          {"threads_alive", node.thread_count},
          {"threads_started", node.thread_started_count},
          {"requests_served", node.requests_served},
          {"requests_sent", node.requests_sent},
          {"dispatched", node.dispatched},
          {"trapped", node.trapped},
          {"signals_forwarded", node.signals_forwarded},
          {"forks", node.forks},
          {"execs", node.execs},
          {"pipe_transfers", node.pipe_transfers},
          {"pipe_bytes", node.pipe_bytes},
          {"doorbells", node.doorbells}};
}

ordered_json control_json(const ControlView& control) {
  ordered_json nodes = ordered_json::array();
  for (const NodeView& node : control.nodes) nodes.push_back(node_json(node));
  return {{"pid", control.identity.pid},
          {"superprocess", control.identity.superprocess},
          {"state", state_name(control.state)},
          {"home_node", control.identity.home_node},
          {"node_count", control.node_count},
          {"placement", placement_name(control.placement)},
          {"cores_per_node", control.cores_per_node},
          {"cpus", control.logical_cpus},
          {"threads_alive", control.thread_count},
          {"patched_sites", control.patched_sites},
          {"dispatch", dispatch_name(control.dispatch)},
          {"armed_because", control.armed_because},
          {"conversion_us", control.conversion_us},
          {"segment_bytes_reserved", control.segment_bytes_reserved},
          {"nodes", std::move(nodes)}};
}

ordered_json thread_json(const ThreadLine& thread) {
  return {{"tid", thread.tid},
          {"node", thread.node},
          {"state", std::string(1, thread.state)},
          {"cpu_seconds", thread.cpu_seconds},
          {"name", thread.name}};
}

namespace {

ordered_json isolated_json(const Isolated& isolated) {
  ordered_json one = {{"cluster", isolated.cluster},
                      {"node", isolated.node},
                      {"inside", isolated.inside},
                      {"moved", isolated.shadow.has_value()}};
  if (isolated.shadow) one["shadow"] = {{"node", isolated.shadow->node}, {"pid", isolated.shadow->pid}};
  return one;
}

} // namespace

ordered_json subprocess_json(const SubProcess& subprocess) {
  ordered_json one = control_json(subprocess.control);
  if (subprocess.isolated) one["isolated"] = isolated_json(*subprocess.isolated);
  return one;
}

ordered_json cluster_json(const IsolatedCluster& cluster) {
  ordered_json nodes = ordered_json::array();
  for (uint32_t n = 0; n < cluster.nodes.size(); ++n) {
    const ClusterNodeView& node = cluster.view.nodes[n];
    nodes.push_back({{"node", n},
                     {"state", state_name(node.state)},
                     {"spd", cluster.nodes[n].spd},
                     {"domain", node.domain},
                     {"memory", memory_name(node)},
                     {"first_number", node.first_pid},
                     {"end_number", node.end_pid},
                     {"bodies", node.body_count},
                     {"bodies_begun", node.bodies_begun},
                     {"dead_since", node.dead_since}});
  }
  return {{"cluster", cluster.number()},
          {"name", cluster.view.name},
          {"epoch", cluster.view.epoch},
          {"placement", placement_name(cluster.view.placement)},
          {"nodes", std::move(nodes)}};
}

} // namespace sp::spctl
