// SPDX-License-Identifier: Apache-2.0
// How a row of syscalls.def says what its arguments are, for traces: one word for each argument, then, after "->", one
// for the result (left out: int). A word says how to print a number, not its C type:
//
//   int uint long ulong hex     numbers            size offset   counts and places of bytes
//   mode        octal           id               a user, group or other number that names somebody
//   fd dirfd    descriptors     pid tid          processes and threads
//   ptr         an address      str path         text that ends with a null byte, read before the call
//   in(N)       bytes that the kernel reads; argument N, from 0, has their count
//   out(N)      bytes that the kernel writes; the result is their count, argument N the bound
//   in:BYTES out:BYTES inout:BYTES   a structure of this size that the kernel reads, writes, or both; may be null
//   iovin(N) iovout(N)               an array of struct iovec, argument N has their count
//   outlen(N)   bytes that the kernel writes; argument N points to a socklen_t with the bound, then the count
//   prot mapflags openflags cloneflags advice futexop whence sighow resource clockid signal   named constants
//   sigset timespec             pointers to these  none          a call that does not return
//
// Where it is decoded: parse_arguments(), at compile time for every row, and wherever a trace is printed.
#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace sp {

inline constexpr uint32_t kArgumentCountMax = 6;

// clang-format off
#define SP_ARGUMENT_KINDS(KIND)                                                                                        \
  KIND(int, int_) KIND(uint, uint) KIND(long, long_) KIND(ulong, ulong) KIND(hex, hex) KIND(size, size)                \
  KIND(offset, offset) KIND(mode, mode) KIND(id, id) KIND(fd, fd) KIND(dirfd, dirfd) KIND(pid, pid) KIND(tid, tid)     \
  KIND(ptr, ptr) KIND(str, str) KIND(path, path) KIND(in, in) KIND(out, out) KIND(inout, inout)   \
  KIND(iovin, iovin) KIND(iovout, iovout) KIND(outlen, outlen) KIND(prot, prot)                         \
  KIND(mapflags, mapflags) KIND(openflags, openflags) KIND(cloneflags, cloneflags) KIND(advice, advice)                \
  KIND(futexop, futexop) KIND(whence, whence) KIND(sighow, sighow) KIND(resource, resource) KIND(clockid, clockid)     \
  KIND(signal, signal) KIND(sigset, sigset) KIND(timespec, timespec) KIND(none, none)
// clang-format on

enum class ArgumentKind : uint8_t {
#define SP_KIND(word, enumerator) enumerator,
  SP_ARGUMENT_KINDS(SP_KIND)
#undef SP_KIND
};

struct Argument {
  ArgumentKind kind = ArgumentKind::none;
  uint8_t length_argument = 0; // of in(N), out(N) and vectors: which argument has the count
  uint16_t bytes = 0;          // of in:BYTES, out:BYTES, inout:BYTES
};

struct Arguments {
  bool valid = true; // false: a word is unknown, or there are too many
  uint8_t count = 0;
  ArgumentKind result = ArgumentKind::int_;
  std::array<Argument, kArgumentCountMax> at{};
};

namespace detail {

// Not string_view's operator==: that may become a call to memcmp, and the shim has no libc.
constexpr bool same_text(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); i++)
    if (a[i] != b[i]) return false;
  return true;
}

constexpr bool parse_kind(std::string_view word, ArgumentKind& kind) {
#define SP_KIND(text, enumerator)                                                                                      \
  if (same_text(word, #text)) return kind = ArgumentKind::enumerator, true;
  SP_ARGUMENT_KINDS(SP_KIND)
#undef SP_KIND
  return false;
}

constexpr bool has_memory(ArgumentKind kind) {
  return kind == ArgumentKind::in || kind == ArgumentKind::out || kind == ArgumentKind::inout;
}
constexpr bool is_vector(ArgumentKind kind) {
  return kind == ArgumentKind::iovin || kind == ArgumentKind::iovout || kind == ArgumentKind::outlen;
}

// "in:144"
constexpr bool parse_sized(std::string_view word, size_t colon, Argument& argument) {
  for (size_t i = colon + 1; i < word.size(); i++) {
    if (word[i] < '0' || word[i] > '9') return false;
    argument.bytes = static_cast<uint16_t>(argument.bytes * 10 + (word[i] - '0'));
  }
  return argument.bytes > 0 && parse_kind(std::string_view(word.data(), colon), argument.kind) &&
         has_memory(argument.kind);
}

constexpr bool parse_argument(std::string_view word, Argument& argument) {
  for (size_t i = 0; i < word.size(); i++)
    if (word[i] == ':') return parse_sized(word, i, argument);
  const size_t length = word.size();
  if (length < 4 || word[length - 1] != ')')
    return parse_kind(word, argument.kind) && !has_memory(argument.kind) && !is_vector(argument.kind) &&
           argument.kind != ArgumentKind::none;
  if (word[length - 3] != '(' || word[length - 2] < '0' || word[length - 2] > '5') return false;
  argument.length_argument = static_cast<uint8_t>(word[length - 2] - '0');
  return parse_kind(std::string_view(word.data(), length - 3), argument.kind) &&
         ((has_memory(argument.kind) && argument.kind != ArgumentKind::inout) || is_vector(argument.kind));
}

constexpr std::string_view next_word(std::string_view text, size_t& position) {
  while (position < text.size() && text[position] == ' ') position++;
  const size_t begin = position;
  while (position < text.size() && text[position] != ' ') position++;
  return {text.data() + begin, position - begin};
}

} // namespace detail

constexpr Arguments parse_arguments(std::string_view text) {
  Arguments arguments;
  size_t position = 0;
  for (auto word = detail::next_word(text, position); !word.empty(); word = detail::next_word(text, position)) {
    if (detail::same_text(word, "->")) {
      arguments.valid = detail::parse_kind(detail::next_word(text, position), arguments.result) &&
                        !detail::has_memory(arguments.result) && !detail::is_vector(arguments.result) &&
                        detail::next_word(text, position).empty();
      break;
    }
    if (arguments.count == kArgumentCountMax || !detail::parse_argument(word, arguments.at[arguments.count])) {
      arguments.valid = false;
      break;
    }
    arguments.count++;
  }
  for (uint32_t i = 0; arguments.valid && i < arguments.count; i++)
    if (arguments.at[i].length_argument >= arguments.count) arguments.valid = false;
  return arguments;
}

} // namespace sp
