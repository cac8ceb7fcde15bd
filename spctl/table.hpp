// SPDX-License-Identifier: Apache-2.0
// Aligned tables on standard output for people. Colours appear only on a terminal and not when NO_COLOR is set.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace sp::spctl {

enum class Align { left, right };
enum class Colour { none, good, warning, bad, faint };

struct Column {
  std::string title;
  Align align = Align::left;
};

class Table {
public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void row(std::vector<std::string> cells, Colour colour = Colour::none); // the colour is the first cell's
  std::string text(bool coloured) const;
  void print() const;
  bool empty() const { return rows_.empty(); }

private:
  struct Row {
    std::vector<std::string> cells;
    Colour colour;
  };
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

bool colours_wanted(int descriptor);
void print(const std::string& text); // to standard output, all of it

std::string bytes_text(uint64_t bytes); // "64 MiB"
std::string number_or_dash(int32_t number);

} // namespace sp::spctl
