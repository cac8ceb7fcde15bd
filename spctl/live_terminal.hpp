// SPDX-License-Identifier: Apache-2.0
// A plain terminal that shows one picture after the other, and gives keys as they are pressed. It is left as it was found,
// also when a signal ends us.
#pragma once
#include <string>
#include <termios.h>

namespace sp::spctl {

class LiveTerminal {
public:
  LiveTerminal();
  LiveTerminal(const LiveTerminal&) = delete;
  ~LiveTerminal();

  static bool possible(); // standard input and output are terminals

  void show(const std::string& text); // cut to the size of the terminal
  int key(double seconds);            // -1: none was pressed in that time, or we are to end
  static bool ended();                // by a signal

private:
  termios before_{};
};

} // namespace sp::spctl
