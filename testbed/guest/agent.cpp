// SPDX-License-Identifier: Apache-2.0
// What a node of the test bed runs as its first process: it performs commands that come over a line and says what came
// of them. Node 0 hands on the lines of the others, whose line is their console.
//
//   testbed-agent NODE LINE [OTHER=LINE ...]
//
// A LINE is a terminal's path; the first may be unix:PATH, a socket that is made there for one asker after the other.
//
// Protocol, both ways: one message a line, "@NODE NUMBER VERB BASE64". Down: run (a shell command), terminal (the same
// with a terminal), in (bytes for its input), kill. Up: ready, out, err, exit STATUS, log (what a guest's kernel said).
// A NUMBER is the asker's and means one command. The asker may vanish at any time: its next command is another NUMBER,
// and a command that nobody asks for any more ends when the next asker kills it. Whatever is not such a line is a log.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <poll.h>
#include <pty.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>
#include <vector>

#include "testbed/guest/base64.hpp"

namespace {

constexpr size_t kLineBytesMax = 1 << 20;
constexpr size_t kChunkBytes = 1024;

struct Line {
  int node = 0;
  int descriptor = -1;
  std::string unread;
};

struct Command {
  pid_t pid = -1;
  int in = -1, out = -1, err = -1;
  int status = -1;
};

int self = 0;
std::vector<Line> lines; // the first leads to whoever asks
int listener = -1;       // if askers connect
std::map<std::string, Command> commands;

void write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR && errno != EAGAIN) return;
    if (written > 0) bytes.remove_prefix(static_cast<size_t>(written));
  }
}

void say(int node, const std::string& number, const char* verb, const std::string& text) {
  write_all(lines[0].descriptor, "@" + std::to_string(node) + " " + number + " " + verb + " " + text + "\n");
}

int open_line(const char* path) {
  const int descriptor = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
  termios settings{};
  if (descriptor < 0 || tcgetattr(descriptor, &settings) != 0) return descriptor;
  cfmakeraw(&settings);
  cfsetspeed(&settings, B115200);
  tcsetattr(descriptor, TCSANOW, &settings);
  return descriptor;
}

int listen_at(const std::string& path) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (path.size() >= sizeof address.sun_path) return -1;
  path.copy(address.sun_path, path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  umask(077);
  if (bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof address) || listen(descriptor, 1)) return -1;
  return descriptor;
}

void part_with_asker() {
  if (lines[0].descriptor >= 0) close(lines[0].descriptor);
  lines[0] = {self, -1, {}};
}

[[noreturn]] void become(const std::string& text) {
  signal(SIGPIPE, SIG_DFL);
  setenv("HOME", "/", 0);
  setenv("TERM", "vt100", 0);
  execl("/bin/sh", "sh", "-c", text.c_str(), nullptr);
  _exit(127);
}

Command begin_piped(const std::string& text) {
  int in[2], out[2], err[2];
  if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) return {};
  const pid_t pid = fork();
  if (pid == 0) {
    setsid();
    dup2(in[0], 0), dup2(out[1], 1), dup2(err[1], 2);
    become(text);
  }
  close(in[0]), close(out[1]), close(err[1]);
  return {pid, in[1], out[0], err[0], -1};
}

Command begin_terminal(const std::string& text) {
  int terminal = -1;
  const pid_t pid = forkpty(&terminal, nullptr, nullptr, nullptr);
  if (pid == 0) become(text);
  if (pid > 0) fcntl(terminal, F_SETFD, FD_CLOEXEC);
  return {pid, terminal, pid > 0 ? dup(terminal) : -1, -1, -1};
}

void close_end(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

void perform(const std::string& number, const std::string& verb, const std::string& bytes) {
  const auto found = commands.find(number);
  if (verb == "run" || verb == "terminal") {
    const Command begun = verb == "run" ? begin_piped(bytes) : begin_terminal(bytes);
    if (begun.pid > 0) commands[number] = begun;
    else say(self, number, "exit", "126");
  } else if (found != commands.end() && verb == "in") {
    if (bytes.empty()) close_end(found->second.in);
    else write_all(found->second.in, bytes);
  } else if (verb == "ping") {
    say(self, number, "ready", "");
  } else if (found != commands.end() && verb == "kill") {
    kill(-found->second.pid, SIGKILL);
  }
}

// "@NODE NUMBER VERB BASE64" from the asker: for us or for another node.
void take(const std::string& line) {
  char number[32] = "", verb[16] = "";
  int node = -1, rest = 0;
  if (sscanf(line.c_str(), "@%d %31s %15s %n", &node, number, verb, &rest) < 3) return;
  if (node == self) return perform(number, verb, testbed::from_base64(std::string_view(line).substr(rest)));
  for (const Line& other : lines)
    if (other.node == node) return write_all(other.descriptor, line + "\n");
  say(node, number, "exit", "125");
}

void hand_up(const Line& from, const std::string& line) {
  if (line.starts_with('@')) write_all(lines[0].descriptor, line + "\n");
  else say(from.node, "0", "log", testbed::to_base64(line));
}

// False when the line has ended.
bool read_line(size_t index) {
  char bytes[4096];
  Line& line = lines[index];
  const ssize_t count = read(line.descriptor, bytes, sizeof bytes);
  if (count <= 0) return count < 0 && (errno == EINTR || errno == EAGAIN);
  line.unread.append(bytes, static_cast<size_t>(count));
  for (size_t end; (end = line.unread.find('\n')) != std::string::npos;) {
    std::string one = line.unread.substr(0, end);
    line.unread.erase(0, end + 1);
    while (one.ends_with('\r')) one.pop_back();
    if (one.empty()) continue;
    if (const size_t at = one.rfind('@'); at != std::string::npos) one.erase(0, at); // an echo of before our start
    if (index == 0) take(one);
    else hand_up(line, one);
  }
  if (line.unread.size() > kLineBytesMax) line.unread.clear();
  return true;
}

void report(const std::string& number, int& descriptor, const char* verb) {
  char bytes[kChunkBytes];
  const ssize_t count = read(descriptor, bytes, sizeof bytes);
  if (count > 0) say(self, number, verb, testbed::to_base64({bytes, static_cast<size_t>(count)}));
  else if (count == 0 || (errno != EINTR && errno != EAGAIN)) close_end(descriptor);
}

// Children of children may hold the pipes for ever: what has come by the end of the command is all that is reported.
void reap() {
  int status = 0;
  for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
    for (auto& [number, command] : commands)
      if (command.pid == pid) command.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  for (auto next = commands.begin(); next != commands.end();) {
    auto& [number, command] = *next;
    if (command.status < 0) {
      ++next;
      continue;
    }
    for (int* end : {&command.out, &command.err}) {
      pollfd readable{*end, POLLIN, 0};
      while (*end >= 0 && poll(&readable, 1, 0) > 0) report(number, *end, end == &command.out ? "out" : "err");
      close_end(*end);
    }
    close_end(command.in);
    say(self, number, "exit", std::to_string(command.status));
    next = commands.erase(next);
  }
}

void turn() {
  std::vector<pollfd> waited{{lines[0].descriptor < 0 ? listener : -1, POLLIN, 0}};
  for (const Line& line : lines) waited.push_back({line.descriptor, POLLIN, 0});
  for (auto& [number, command] : commands) {
    waited.push_back({command.out, POLLIN, 0});
    waited.push_back({command.err, POLLIN, 0});
  }
  poll(waited.data(), waited.size(), commands.empty() ? 1000 : 50);
  if (waited[0].revents) lines[0].descriptor = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  size_t next = 1 + lines.size();
  for (auto& [number, command] : commands) {
    if (waited[next++].revents) report(number, command.out, "out");
    if (waited[next++].revents) report(number, command.err, "err");
  }
  for (size_t i = 0; i < lines.size(); ++i)
    if (waited[1 + i].revents && !read_line(i)) {
      if (i > 0) lines[i].descriptor = -1; // a guest that is gone
      else if (listener >= 0) part_with_asker();
    }
  reap();
}

} // namespace

int main(int count, char** words) {
  if (count < 3) return 2;
  signal(SIGPIPE, SIG_IGN);
  self = atoi(words[1]);
  const std::string first = words[2];
  if (first.starts_with("unix:")) listener = listen_at(first.substr(5));
  lines.push_back({self, first.starts_with("unix:") ? -1 : open_line(words[2]), {}});
  for (int i = 3; i < count; ++i) {
    char* path = strchr(words[i], '=');
    if (path) lines.push_back({atoi(words[i]), open_line(path + 1), {}});
  }
  if (lines[0].descriptor < 0 && listener < 0) return 1;
  say(self, "0", "ready", "");
  for (;;) turn();
}
