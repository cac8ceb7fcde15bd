// SPDX-License-Identifier: Apache-2.0
// The C++ library between threads: async, promise, call_once, condition_variable, shared_mutex, thread_local with
// destructors, statics, iostream. Breaks at weak symbols, guard variables and TLS destructors when remote threads do
// not run through glibc's own paths.
// calls: clone futex write
// threads: 19
// output: same
#include "../check.h"
#include <atomic>
#include <condition_variable>
#include <future>
#include <iostream>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

static std::atomic<int> made{0}, destroyed{0};
struct Local {
  std::string text = "own";
  Local() { made++; }
  ~Local() { destroyed++; }
};
static thread_local Local local;
static int& once_made() {
  static int value = [] {
    made += 100;
    return 5;
  }();
  return value;
}

int main() {
  std::once_flag once;
  int runs = 0;
  std::shared_mutex lock;
  std::map<std::string, int> words;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; i++)
    threads.emplace_back([&, i] {
      std::call_once(once, [&] { runs++; });
      local.text += std::to_string(i);
      CHECK(once_made() == 5 && local.text == "own" + std::to_string(i));
      for (int n = 0; n < 500; n++) {
        std::unique_lock writing(lock);
        words["word" + std::to_string(n % 20)] += i;
      }
      std::shared_lock reading(lock);
      std::ostringstream text;
      text << words.size() << ' ' << 1.5 * i;
      CHECK(text.str().substr(0, 3) == "20 ");
    });
  for (auto& thread : threads) thread.join();
  CHECK(runs == 1 && made == 108 && destroyed == 8 && words["word7"] == 25 * 28);
  std::vector<std::future<std::string>> futures;
  for (int i = 0; i < 10; i++)
    futures.push_back(std::async(std::launch::async, [i] {
      if (i == 5) throw std::runtime_error("thrown " + std::to_string(i));
      return "result " + std::to_string(i);
    }));
  for (auto& future : futures) try {
      std::cout << future.get() << std::endl;
    } catch (const std::exception& failure) {
      std::cout << failure.what() << "\n";
    }
  std::promise<int> promise;
  std::thread setter([&] { promise.set_value(9); });
  CHECK(promise.get_future().get() == 9);
  setter.join();
  std::cout << std::flush;
  ok();
}
