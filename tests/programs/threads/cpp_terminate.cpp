// SPDX-License-Identifier: Apache-2.0
// An exception that leaves a thread's function ends the process by std::terminate and SIGABRT, with the message on
// stderr. Breaks when the unwinder does not find the end of a remote thread's stack.
// calls: tgkill
// expect: signal ABRT core
// threads: 2
#include "../check.h"
#include <stdexcept>
#include <thread>

int main() {
  std::thread([] {}).join();
  std::thread([] { throw std::runtime_error("nobody catches this"); }).join();
  printf("not reached\n");
  fflush(stdout);
  return 0;
}
