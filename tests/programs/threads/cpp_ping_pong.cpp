// SPDX-License-Identifier: Apache-2.0
// Two std::threads hand a value to and fro by condition_variable, and a queue of strings goes through four producers
// and consumers. Breaks at lost wake-ups, and when memory allocated on one node is freed on another.
// calls: futex mmap
// threads: 10
#include "../check.h"
#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

static std::mutex lock;
static std::condition_variable changed;

static void plays(int side, int& turn) {
  for (int i = 0; i < 500; i++) {
    std::unique_lock held(lock);
    changed.wait(held, [&] { return turn == side; });
    turn = 1 - side;
    changed.notify_all();
  }
}

int main() {
  int turn = 0;
  std::thread left(plays, 0, std::ref(turn)), right(plays, 1, std::ref(turn));
  left.join(), right.join();
  CHECK(turn == 0);
  std::deque<std::string> queue;
  size_t bytes = 0;
  int producing = 4;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([&, i] {
      for (int n = 0; n < 1000; n++) {
        std::string text(1 + (n * 37 + i) % 3000, static_cast<char>('a' + n % 26));
        std::lock_guard held(lock);
        queue.push_back(std::move(text));
        changed.notify_one();
      }
      std::lock_guard held(lock);
      producing--;
      changed.notify_all();
    });
    threads.emplace_back([&] {
      for (;;) {
        std::unique_lock held(lock);
        changed.wait(held, [&] { return !queue.empty() || producing == 0; });
        if (queue.empty()) return;
        std::string text = std::move(queue.front());
        queue.pop_front();
        bytes += text.size();
        held.unlock();
        CHECK(text.front() == text.back());
      }
    });
  }
  for (auto& thread : threads) thread.join();
  size_t expected = 0;
  for (int i = 0; i < 4; i++)
    for (int n = 0; n < 1000; n++) expected += 1 + (n * 37 + i) % 3000;
  CHECK(bytes == expected);
  ok();
}
