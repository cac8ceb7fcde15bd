// SPDX-License-Identifier: Apache-2.0
// Exceptions thrown in threads and caught there, in futures and through C frames; streams and locales; thread_local
// destructors; shared pointers that die in another thread than the one that made them.
#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <regex>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<int> alive{0}, goodbyes{0};

struct Counted {
  Counted() { ++alive; }
  Counted(const Counted&) = delete;
  ~Counted() { --alive; }
};

struct Farewell {
  ~Farewell() { ++goodbyes; }
};
thread_local Farewell farewell;

int deep(int n) {
  Counted here;
  if (n == 0) throw std::out_of_range("the bottom");
  return deep(n - 1) + 1;
}

int compare(const void* a, const void* b) {
  const int x = *static_cast<const int*>(a), y = *static_cast<const int*>(b);
  if (x == 13 || y == 13) throw std::runtime_error("thirteen");
  return x - y;
}

std::string work(int n) {
  (void)&farewell;
  std::ostringstream out;
  for (int i = 0; i < 50; ++i) {
    try {
      deep(n * 10 + i);
    } catch (const std::out_of_range& error) {
      out << std::setw(2) << (i % 10) << (i % 25 == 24 ? error.what() : "");
    }
  }
  int numbers[] = {4, 2, 13, 1};
  try {
    qsort(numbers, 4, sizeof *numbers, compare);
  } catch (const std::runtime_error& error) {
    out << ' ' << error.what();
  }
  out << ' ' << std::fixed << std::setprecision(6) << std::sqrt(2.0 + n);
  if (n % 3 == 2) throw std::invalid_argument(out.str());
  return out.str();
}

} // namespace

int main() {
  std::vector<std::future<std::string>> futures;
  for (int n = 0; n < 9; ++n) futures.push_back(std::async(std::launch::async, work, n));
  for (auto& future : futures) {
    try {
      std::cout << future.get() << '\n';
    } catch (const std::exception& error) {
      std::cout << "thrown: " << error.what() << std::endl;
    }
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::map<int, std::shared_ptr<Counted>> given;
  std::vector<std::thread> threads;
  for (int n = 0; n < 6; ++n)
    threads.emplace_back([&, n] {
      (void)&farewell;
      auto mine = std::make_shared<Counted>();
      std::unique_lock lock(mutex);
      given[n] = mine;
      changed.notify_all();
      changed.wait(lock, [&] { return given.size() == 6; });
    });
  for (auto& thread : threads) thread.join();
  std::cout << "shared " << alive << ' ' << given.size();
  given.clear();
  std::cout << " then " << alive << '\n';

  std::promise<std::exception_ptr> promise;
  std::thread([&] {
    try {
      std::stoi("no number");
    } catch (...) {
      promise.set_value(std::current_exception());
    }
  }).join();
  try {
    std::rethrow_exception(promise.get_future().get());
  } catch (const std::invalid_argument& error) {
    std::cout << "rethrown: " << error.what() << '\n';
  }

  std::ofstream("lines.txt") << "one 1\ntwo 22\nthree 333\n";
  auto matches = std::async(std::launch::async, [] {
    std::ifstream in("lines.txt");
    std::regex pattern("([a-z]+) ([0-9]{2,})");
    std::string line, all;
    for (std::smatch match; std::getline(in, line);)
      if (std::regex_match(line, match, pattern)) all += match[2].str() + match[1].str() + ' ';
    return all;
  });
  std::cout << matches.get() << std::endl;

  std::vector<int> order(100000);
  std::mt19937 random(1);
  std::generate(order.begin(), order.end(), random);
  auto lower = std::async(std::launch::async, [&] { std::sort(order.begin(), order.begin() + 50000); });
  std::sort(order.begin() + 50000, order.end());
  lower.get();
  std::inplace_merge(order.begin(), order.begin() + 50000, order.end());
  std::cout << std::is_sorted(order.begin(), order.end()) << ' ' << order.front() << '\n';
  std::cout << "goodbyes " << goodbyes << " alive " << alive << '\n';
}
