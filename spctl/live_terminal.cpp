// SPDX-License-Identifier: Apache-2.0
// See live_terminal.hpp.
#include "spctl/live_terminal.hpp"

#include <csignal>
#include <poll.h>
#include <sstream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "spctl/table.hpp"

namespace sp::spctl {
namespace {

volatile std::sig_atomic_t told_to_end = 0;

// Columns, not bytes, of UTF-8.
std::string cut(const std::string& line, size_t columns) {
  size_t seen = 0, at = 0;
  for (; at < line.size(); ++at)
    if ((line[at] & 0xc0) != 0x80 && ++seen > columns) break;
  return line.substr(0, at);
}

} // namespace

bool LiveTerminal::possible() { return isatty(0) == 1 && isatty(1) == 1; }
bool LiveTerminal::ended() { return told_to_end != 0; }

LiveTerminal::LiveTerminal() {
  tcgetattr(0, &before_);
  termios raw = before_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  tcsetattr(0, TCSANOW, &raw);
  struct sigaction action {};
  action.sa_handler = [](int) { told_to_end = 1; }; // without SA_RESTART: poll shall return
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT}) sigaction(signal, &action, nullptr);
  action.sa_handler = [](int) {};
  sigaction(SIGWINCH, &action, nullptr);
}

LiveTerminal::~LiveTerminal() {
  tcsetattr(0, TCSANOW, &before_);
  print("\n");
}

void LiveTerminal::show(const std::string& text) {
  winsize size{};
  if (ioctl(1, TIOCGWINSZ, &size) != 0 || size.ws_row < 2 || size.ws_col == 0) size = {24, 80, 0, 0};
  std::string picture = "\033[H";
  std::istringstream lines(text);
  std::string line;
  for (int row = 1; row < size.ws_row && std::getline(lines, line); ++row)
    picture += cut(line, size.ws_col) + "\033[K\n";
  print(picture + "\033[J");
}

int LiveTerminal::key(double seconds) {
  pollfd input{0, POLLIN, 0};
  char pressed = 0;
  if (poll(&input, 1, static_cast<int>(seconds * 1000)) <= 0) return -1;
  return read(0, &pressed, 1) == 1 ? static_cast<unsigned char>(pressed) : 'q';
}

} // namespace sp::spctl
