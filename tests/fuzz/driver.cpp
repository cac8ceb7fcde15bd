// SPDX-License-Identifier: Apache-2.0
// main() of a fuzz target where libFuzzer is not used, so that every build and every CI run exercises the targets: runs
// the files named on the command line, then pseudo-random inputs from a fixed seed, some of them mutations of the files.
//   TARGET [-n COUNT] [-s SEED] [FILE ...]
// A crash names the input and the command that repeats it.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include <csignal>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

using Input = std::vector<uint8_t>;

unsigned long current_input = 0;
unsigned long seed = 1;
const char* program = "";

// Says which input it was; the same command with the same seed reaches it again.
void crashed(int signal_number) {
  char text[256];
  const int length =
      std::snprintf(text, sizeof text, "\ncrashed with signal %d at input %lu; repeat with: %s -s %lu -n %lu\n",
                    signal_number, current_input, program, seed, current_input + 1);
  if (write(2, text, static_cast<size_t>(length)) < 0) _exit(2);
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

Input read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Input random_input(std::mt19937_64& random, const std::vector<Input>& corpus) {
  Input input;
  if (!corpus.empty() && random() % 4) {
    input = corpus[random() % corpus.size()];
  } else {
    const size_t longest = random() % 8 ? 256 : 65536;
    input.resize(random() % longest);
    for (auto& byte : input) byte = random() % 3 ? static_cast<uint8_t>(random()) : 0;
  }
  for (uint64_t edits = random() % 8; edits && !input.empty(); --edits) {
    const size_t at = random() % input.size();
    switch (random() % 4) {
      case 0: input[at] ^= static_cast<uint8_t>(1u << (random() % 8)); break;
      case 1: input.resize(at); break;
      case 2: input.insert(input.begin() + static_cast<long>(at), static_cast<uint8_t>(random())); break;
      default: { // a field of all ones, zeros or one beyond a limit
        const uint64_t values[] = {~0ull, 0, 1ull << 63, 1ull << 31, 0x1000, 0xffffffff};
        const uint64_t value = values[random() % std::size(values)];
        const size_t aligned = at & ~size_t{7};
        if (aligned + 8 <= input.size()) std::memcpy(&input[aligned], &value, 8);
      }
    }
  }
  return input;
}

} // namespace

int main(int argc, char** argv) {
  program = argv[0];
  unsigned long count = 20000;
  std::vector<Input> corpus;
  for (int i = 1; i < argc; ++i) {
    if (!std::strcmp(argv[i], "-n") && i + 1 < argc)
      count = std::strtoul(argv[++i], nullptr, 10);
    else if (!std::strcmp(argv[i], "-s") && i + 1 < argc)
      seed = std::strtoul(argv[++i], nullptr, 10);
    else if (std::filesystem::is_directory(argv[i]))
      for (const auto& entry : std::filesystem::directory_iterator(argv[i])) corpus.push_back(read_file(entry.path()));
    else
      corpus.push_back(read_file(argv[i]));
  }
  for (int s : {SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE}) signal(s, crashed);
  for (const Input& input : corpus) LLVMFuzzerTestOneInput(input.data(), input.size());
  std::mt19937_64 random(seed);
  for (current_input = 0; current_input < count; ++current_input) {
    const Input input = random_input(random, corpus);
    LLVMFuzzerTestOneInput(input.data(), input.size());
  }
  std::printf("%zu corpus files and %lu inputs from seed %lu: no crash\n", corpus.size(), count, seed);
}
