// SPDX-License-Identifier: Apache-2.0
// See trace_text.hpp.
#include "spctl/trace_text.hpp"

#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>

#include "libsuperproc/syscalls/arguments.hpp"
#include "libsuperproc/syscalls/table.hpp"
#include "spctl/kill_request.hpp"
#include "spctl/trace_names.hpp"

namespace sp::spctl {
namespace {

constexpr int64_t kErrnoMax = 4095;
constexpr int kRestartFirst = 512, kRestartLast = 516; // a signal came; nobody but the kernel sees these

std::string address_text(uint64_t address) { return address == 0 ? "NULL" : fmt::format("{:#x}", address); }

template <class T>
bool take(const TracedText& text, T& value) {
  if (text.bytes.size() != sizeof value) return false;
  std::memcpy(&value, text.bytes.data(), sizeof value);
  return true;
}

std::string set_text(uint64_t set) {
  std::string names;
  int count = 0;
  for (int signal = 1; signal <= 64; ++signal) {
    if (((set >> (signal - 1)) & 1) == 0) continue;
    const std::string name = signal_name(signal);
    names += (names.empty() ? "" : " ") + (name.empty() ? fmt::format("{}", signal) : name);
    ++count;
  }
  return count == 64 ? "~[]" : "[" + names + "]";
}

std::string pointed_text(ArgumentKind kind, uint64_t value, const TracedText& text) {
  uint64_t set = 0;
  timespec time{};
  switch (kind) {
    case ArgumentKind::sigset: return take(text, set) ? set_text(set) : address_text(value);
    case ArgumentKind::timespec:
      return take(text, time) ? fmt::format("{{tv_sec={}, tv_nsec={}}}", time.tv_sec, time.tv_nsec)
                              : address_text(value);
    default: return quoted(text.bytes, text.whole);
  }
}

std::string number_text(ArgumentKind kind, uint64_t value) {
  const auto low = static_cast<int32_t>(value);
  switch (kind) {
    case ArgumentKind::int_:
    case ArgumentKind::id:
    case ArgumentKind::fd:
    case ArgumentKind::pid:
    case ArgumentKind::tid: return fmt::format("{}", low);
    case ArgumentKind::dirfd: return low == AT_FDCWD ? "AT_FDCWD" : fmt::format("{}", low);
    case ArgumentKind::uint: return fmt::format("{}", static_cast<uint32_t>(value));
    case ArgumentKind::long_:
    case ArgumentKind::offset: return fmt::format("{}", static_cast<int64_t>(value));
    case ArgumentKind::ulong:
    case ArgumentKind::size: return fmt::format("{}", value);
    case ArgumentKind::hex: return value == 0 ? "0" : fmt::format("{:#x}", value);
    case ArgumentKind::mode: return value == 0 ? "0" : fmt::format("0{:o}", static_cast<uint32_t>(value));
    default: return address_text(value);
  }
}

std::string argument_text(const TracedCall& call, uint32_t i, const Argument& argument) {
  const uint64_t value = call.arguments[i];
  if (const TracedText* text = call.text_of(i)) return pointed_text(argument.kind, value, *text);
  const std::string constant = constant_text(argument.kind, value);
  return constant.empty() ? number_text(argument.kind, value) : constant;
}

// open's mode is there only when a file may be made.
bool is_absent(const TracedCall& call, const Arguments& row, uint32_t i) {
  return row.at[i].kind == ArgumentKind::mode && i > 0 && row.at[i - 1].kind == ArgumentKind::openflags &&
         (call.arguments[i - 1] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) == 0;
}

} // namespace

std::string quoted(const std::string& bytes, bool whole) {
  std::string text = "\"";
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const bool digit_follows = i + 1 < bytes.size() && bytes[i + 1] >= '0' && bytes[i + 1] <= '9';
    constexpr const char* kEscaped = "\n\t\r\v\f\"\\";
    constexpr const char* kEscapes = "ntrvf\"\\";
    if (const char* found = c == 0 ? nullptr : std::strchr(kEscaped, c))
      text += fmt::format("\\{}", kEscapes[found - kEscaped]);
    else if (c >= 0x20 && c < 0x7f)
      text += static_cast<char>(c);
    else
      text += digit_follows ? fmt::format("\\{:03o}", c) : fmt::format("\\{:o}", c);
  }
  return text + (whole ? "\"" : "\"...");
}

std::string call_name(const TracedCall& call) {
  const SyscallRow* row = find_syscall(static_cast<long>(call.number));
  return row != nullptr ? row->name : fmt::format("syscall_{}", call.number);
}

std::string call_text(const TracedCall& call) {
  std::string text = call_name(call) + "(";
  const Arguments* row = find_arguments(static_cast<long>(call.number));
  const uint32_t count = row != nullptr ? row->count : kArgumentCountMax;
  for (uint32_t i = 0; i < count; ++i) {
    if (row != nullptr && is_absent(call, *row, i)) continue;
    text += fmt::format("{}{}", i == 0 ? "" : ", ",
                        row != nullptr ? argument_text(call, i, row->at[i]) : fmt::format("{:#x}", call.arguments[i]));
  }
  return text + ")";
}

bool has_failed(const TracedCall& call) { return !call.begun && call.result < 0 && call.result >= -kErrnoMax; }

std::string result_text(const TracedCall& call) {
  if (call.begun) return "?";
  if (has_failed(call)) {
    const int error = static_cast<int>(-call.result);
    if (error >= kRestartFirst && error <= kRestartLast) return "? ERESTART";
    return "-1 " + error_text(error);
  }
  const Arguments* row = find_arguments(static_cast<long>(call.number));
  const ArgumentKind kind = row != nullptr ? row->result : ArgumentKind::long_;
  if (kind == ArgumentKind::none) return "?";
  if (kind == ArgumentKind::int_) return fmt::format("{}", call.result);
  return number_text(kind, static_cast<uint64_t>(call.result));
}

const char* call_route(const TracedCall& call) {
  if (call.by_shadow) return "shadow";
  const SyscallRow* row = find_syscall(static_cast<long>(call.number));
  return row != nullptr ? route_name(row->route) : "kernel";
}

} // namespace sp::spctl
