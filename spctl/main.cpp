// SPDX-License-Identifier: Apache-2.0
// spctl, the command of superproc.
#include <exception>

#include "spctl/commands.hpp"
#include "spctl/message.hpp"

int main(int argument_count, char** arguments) {
  try {
    return sp::spctl::command_line(argument_count, arguments);
  } catch (const std::exception& failure) {
    return sp::spctl::own_error("{}", failure.what());
  }
}
