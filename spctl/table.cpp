// SPDX-License-Identifier: Apache-2.0
// See table.hpp.
#include "spctl/table.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fmt/core.h>
#include <unistd.h>

namespace sp::spctl {
namespace {

const char* code_of(Colour colour) {
  switch (colour) {
    case Colour::good: return "\033[32m";
    case Colour::warning: return "\033[33m";
    case Colour::bad: return "\033[31m";
    case Colour::faint: return "\033[2m";
    default: return "";
  }
}

size_t width_of(const std::string& text) { // characters, not bytes, of UTF-8
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

std::string padded(const std::string& text, size_t width, Align align) {
  const std::string blanks(width - std::min(width, width_of(text)), ' ');
  return align == Align::left ? text + blanks : blanks + text;
}

} // namespace

void Table::row(std::vector<std::string> cells, Colour colour) {
  cells.resize(columns_.size());
  rows_.push_back({std::move(cells), colour});
}

std::string Table::text(bool coloured) const {
  std::vector<size_t> widths;
  for (const Column& column : columns_) widths.push_back(width_of(column.title));
  for (const Row& row : rows_)
    for (size_t i = 0; i < widths.size(); ++i) widths[i] = std::max(widths[i], width_of(row.cells[i]));

  std::string all;
  const auto line = [&](const auto& cell_of, Colour colour) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) {
      const bool last = i + 1 == columns_.size();
      const std::string cell =
          last && columns_[i].align == Align::left ? cell_of(i) : padded(cell_of(i), widths[i], columns_[i].align);
      const bool paint = coloured && i == 0 && colour != Colour::none;
      text += paint ? code_of(colour) + cell + "\033[0m" : cell;
      if (!last) text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    all += text + "\n";
  };
  const bool titled = std::any_of(columns_.begin(), columns_.end(), [](const Column& c) { return !c.title.empty(); });
  if (titled) line([&](size_t i) { return columns_[i].title; }, Colour::none);
  for (const Row& row : rows_) line([&](size_t i) { return row.cells[i]; }, row.colour);
  return all;
}

void Table::print() const { spctl::print(text(colours_wanted(1))); }

bool colours_wanted(int descriptor) {
  const char* refused = getenv("NO_COLOR");
  return (refused == nullptr || *refused == '\0') && isatty(descriptor) == 1;
}

void print(const std::string& text) {
  fwrite(text.data(), 1, text.size(), stdout);
  fflush(stdout);
}

std::string number_or_dash(int32_t number) { return number > 0 ? fmt::format("{}", number) : "-"; }

std::string bytes_text(uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  uint64_t rest = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    rest = bytes % 1024;
    bytes /= 1024;
    ++unit;
  }
  if (rest * 10 / 1024 != 0 && bytes < 100) return fmt::format("{}.{} {}", bytes, rest * 10 / 1024, kUnits[unit]);
  return fmt::format("{} {}", bytes, kUnits[unit]);
}

} // namespace sp::spctl
