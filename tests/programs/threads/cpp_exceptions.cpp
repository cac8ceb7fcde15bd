// SPDX-License-Identifier: Apache-2.0
// C++ exceptions thrown through many frames and caught in each thread, rethrown in main by exception_ptr, while others
// do the same. Breaks when unwind tables of the program or of libraries are found by addresses that differ on a node.
// calls: clone futex
// threads: 8
#include "../check.h"
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

struct Failure : std::runtime_error {
  int value;
  Failure(const std::string& text, int value) : runtime_error(text), value(value) {}
};
static thread_local int unwound;
struct Counted {
  ~Counted() { unwound++; }
};
__attribute__((noinline)) static void deep(int depth, int value) {
  Counted counted;
  std::string text(20 + depth, 'x');
  if (depth == 0) throw Failure("deep " + std::to_string(value), value);
  deep(depth - 1, value);
}

int main() {
  std::vector<std::exception_ptr> failures(8);
  for (int round = 0; round < 2; round++) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
      threads.emplace_back([&, i] {
        for (int n = 0; n < 300; n++) {
          unwound = 0;
          try {
            try {
              deep(20, i);
            } catch (const std::out_of_range&) {
              CHECK(false);
            }
          } catch (const std::exception& failure) {
            CHECK(unwound == 21 && std::string(failure.what()) == "deep " + std::to_string(i));
            failures[round * 4 + i] = std::current_exception();
          }
        }
      });
    for (auto& thread : threads) thread.join();
  }
  for (int i = 0; i < 8; i++) try {
      std::rethrow_exception(failures[i]);
    } catch (const Failure& failure) {
      CHECK(failure.value == i % 4);
    }
  ok();
}
