// SPDX-License-Identifier: Apache-2.0
// sp-xen: spctl with Xen's libraries, which spctl becomes for `run --backend xen` and `join`.
#include <exception>

#include "spctl/commands.hpp"
#include "spctl/domains.hpp"
#include "spctl/message.hpp"
#include "spctl/xen/domain_nodes.hpp"

int main(int argument_count, char** arguments) {
  try {
    sp::spctl::over_domains = {sp::spctl::make_domain_segments, sp::spctl::begin_domains, sp::spctl::be_node_of};
    return sp::spctl::command_line(argument_count, arguments);
  } catch (const std::exception& failure) {
    return sp::spctl::own_error("{}", failure.what());
  }
}
