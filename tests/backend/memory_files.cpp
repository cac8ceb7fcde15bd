// SPDX-License-Identifier: Apache-2.0
// What the files of gnttab-shm/module are to processes: memory-files, as root in a domain with memory for ranges (memmap=) and
// the module. The same memory is mounted several times: each mount finds the pages as another kernel would.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <doctest/doctest.h>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <linux/futex.h>
#include <string>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

#include "gnttab-shm/backend/xen/range_place.hpp"

using sp::xen::RangePlace;

namespace {

constexpr uint64_t kSegmentBytes = 4ull << 20, kPoolBytes = 16ull << 20, kSpaceBytes = 1ull << 48;
constexpr uint64_t kUnitBytes = sp::xen::kUnitBytes;
constexpr uint32_t kPools = 2;
constexpr off_t kFar = 7 * kSpaceBytes + (5ull << 40) + 0x7000;

std::string options(uint64_t start, uint64_t segment, uint64_t pool, uint32_t pools) {
  return "start=" + std::to_string(start) + ",segment=" + std::to_string(segment) + ",pool=" + std::to_string(pool) +
         ",pools=" + std::to_string(pools);
}

class Mounted {
public:
  explicit Mounted(const std::string& how) {
    char name[] = "/tmp/memory-files-XXXXXX";
    folder_ = mkdtemp(name);
    error_ = mount("none", folder_.c_str(), "superproc", 0, how.c_str()) == 0 ? 0 : errno;
  }
  Mounted() : Mounted(options(RangePlace::reserved()->start, kSegmentBytes, kPoolBytes, kPools)) {}
  Mounted(const Mounted&) = delete;
  ~Mounted() {
    if (error_ == 0) umount2(folder_.c_str(), MNT_DETACH);
    rmdir(folder_.c_str());
  }
  int error() const { return error_; }
  int open(const char* name) const { return ::open((folder_ + "/" + name).c_str(), O_RDWR | O_CLOEXEC); }
  uint64_t free_pages() const {
    struct statfs about {};
    statfs(folder_.c_str(), &about);
    return about.f_bfree;
  }

private:
  std::string folder_;
  int error_;
};

char* map(int file, off_t offset, size_t bytes, int how = MAP_SHARED) {
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, how, file, offset);
  REQUIRE(at != MAP_FAILED);
  return static_cast<char*>(at);
}

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

// Of zeros, whatever an earlier test has left.
void clear_all() {
  const Mounted all(options(RangePlace::reserved()->start, kSegmentBytes + kPools * kPoolBytes, 0, 0));
  REQUIRE(all.error() == 0);
  const int file = all.open("superproc-segment");
  memset(map(file, 0, kSegmentBytes + kPools * kPoolBytes), 0, kSegmentBytes + kPools * kPoolBytes);
  close(file);
}

sigjmp_buf after_fault;
bool faults(volatile char* at) {
  struct sigaction action {};
  action.sa_handler = [](int) { siglongjmp(after_fault, 1); };
  for (const int signal : {SIGBUS, SIGSEGV}) sigaction(signal, &action, nullptr);
  if (sigsetjmp(after_fault, 1)) return true;
  *at = 1;
  return false;
}

} // namespace

TEST_CASE("what one kernel puts into a pool is there for all, by mapping, read and write") {
  clear_all();
  const Mounted one, other;
  REQUIRE(one.error() == 0);
  REQUIRE(other.error() == 0);
  const int here = one.open("superproc-pool-1"), there = other.open("superproc-pool-1");
  char* const mapped = map(here, kFar, 8192);
  mapped[5000] = 42;
  CHECK(map(there, kFar, 8192)[5000] == 42);
  CHECK(pwrite(there, "words", 5, kFar + 4094) == 5);
  CHECK(memcmp(mapped + 4094, "words", 5) == 0);
  char text[3] = "";
  CHECK(pread(here, text, 2, kFar + 100 * 4096) == 2); // a hole
  CHECK(text[0] == 0);
  CHECK(pread(here, text, 2, kFar + 4095) == 2);
  CHECK(memcmp(text, "or", 2) == 0);
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  CHECK(write(pipes[1], mapped + 4094, 5) == 5); // the kernel reads and writes such memory
  CHECK(read(pipes[0], mapped + 7000, 5) == 5);
  CHECK(memcmp(mapped + 7000, "words", 5) == 0);
  const int other_pool = one.open("superproc-pool-0"), segment = one.open("superproc-segment");
  CHECK(map(other_pool, kFar, 8192)[5000] == 0);
  map(segment, 4096, 4096)[0] = 7;
  CHECK(map(other.open("superproc-segment"), 0, 8192)[4096] == 7);
  CHECK(faults(map(segment, 0, kSegmentBytes + 8192) + kSegmentBytes));
}

TEST_CASE("a private mapping shows the file until it is written to, and keeps what is written to itself") {
  clear_all();
  const Mounted mounted;
  const int file = mounted.open("superproc-pool-0");
  char* const shared = map(file, kFar, 3 * 4096);
  memset(shared, 1, 3 * 4096);
  char* const own = map(file, kFar, 3 * 4096, MAP_PRIVATE);
  CHECK(own[4096] == 1);
  own[4096] = 2; // read before
  own[0] = 3;    // not read before
  CHECK(shared[4096] == 1);
  CHECK(shared[0] == 1);
  CHECK(own[1] == 1);
  shared[2 * 4096] = 9;
  CHECK(own[2 * 4096] == 9);
  const pid_t child = fork();
  if (child == 0) {
    const bool right = own[4096] == 2 && own[0] == 3 && own[2 * 4096] == 9;
    own[0] = 4;
    shared[1] = 5;
    _exit(right ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(status == 0);
  CHECK(own[0] == 3);
  CHECK(shared[1] == 5);
}

// By /proc, as ps and the shim do: a kernel that looks for struct pages there would crash. 0 or errno.
int looked_at(const void* start, uint64_t bytes) {
  std::ifstream smaps("/proc/self/smaps");
  std::string text(std::istreambuf_iterator<char>(smaps), {});
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  std::vector<uint64_t> entries(bytes / 4096);
  const auto wanted = static_cast<ssize_t>(entries.size() * 8);
  const ssize_t got = pread(pagemap, entries.data(), entries.size() * 8,
                            static_cast<off_t>(reinterpret_cast<uintptr_t>(start) / 4096 * 8));
  close(pagemap);
  return text.empty() || got != wanted ? EIO : 0;
}

long faults_so_far() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return used.ru_minflt;
}

TEST_CASE("the segment is mapped 2 MiB at a time where an address allows it, and is the same page by page") {
  clear_all();
  const Mounted one, other;
  const int here = one.open("superproc-segment"), there = other.open("superproc-segment");
  char* const whole = map(here, 0, kSegmentBytes);
  CHECK(reinterpret_cast<uintptr_t>(whole) % kUnitBytes == 0);
  long before = faults_so_far();
  for (size_t at = 0; at < kSegmentBytes; at += 4096) whole[at] = static_cast<char>(at >> 12);
  CHECK(faults_so_far() - before < 16); // of 1024 pages
  CHECK(looked_at(whole, kSegmentBytes) == 0);
  char* const part = map(there, 4096, kSegmentBytes - 4096); // memory and addresses do not lie alike
  for (size_t at = 4096; at < kSegmentBytes; at += 4096) REQUIRE(part[at - 4096] == static_cast<char>(at >> 12));
  part[kSegmentBytes - 8192] = 77;
  CHECK(whole[kSegmentBytes - 4096] == 77);
  char* const own = map(there, 0, kSegmentBytes, MAP_PRIVATE);
  own[4096] = 5;
  CHECK(whole[4096] == 1);
  CHECK(mprotect(whole + kUnitBytes, 4096, PROT_READ) == 0); // an entry is split, and the rest goes on
  CHECK(faults(whole + kUnitBytes));
  whole[kUnitBytes + 4096] = 9;
  CHECK(map(there, kUnitBytes, 8192)[4096] == 9);
  char word[4] = "";
  const iovec from{whole, 4}, to{word, 4};
  CHECK(process_vm_readv(getpid(), &to, 1, &from, 1, 0) == -1); // there are no struct pages, which the kernel must see
  CHECK(errno == EFAULT);
  CHECK(syscall(SYS_futex, whole, FUTEX_WAKE, 1, nullptr, nullptr, 0) == -1);
  const int ends = memfd_create("", 0), self_memory = open("/proc/self/mem", O_RDWR);
  CHECK(write(ends, whole, 8192) == 8192); // copied by address
  CHECK(pread(self_memory, word, 1, reinterpret_cast<off_t>(whole) + 4096) == 1);
  CHECK(word[0] == 1);
  const pid_t child = fork();
  if (child == 0) _exit(whole[4096] == 1 && (whole[0] = 33) ? 7 : 1);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 7);
  CHECK(whole[0] == 33);
}

TEST_CASE("data and holes are told, parts are zeroed, a space is given back as a whole") {
  clear_all();
  const Mounted mounted, other;
  const int file = mounted.open("superproc-pool-0");
  const uint64_t free_before = mounted.free_pages();
  char* const mapped = map(file, kFar, 4 * 4096);
  memset(mapped, 1, 4 * 4096);
  CHECK(lseek(file, 0, SEEK_DATA) == kFar);
  CHECK(lseek(file, kFar + 1, SEEK_DATA) == kFar + 1);
  CHECK(lseek(file, kFar, SEEK_HOLE) == kFar + 4 * 4096);
  CHECK(lseek(file, kFar + 4 * 4096, SEEK_DATA) == -1);
  CHECK(errno == ENXIO);
  CHECK(fallocate(file, kPunch, kFar + 4096, 4096) == 0);
  CHECK(mapped[4096] == 0);
  CHECK(mapped[4095] == 1);
  CHECK(mapped[8192] == 1);
  CHECK(fallocate(file, kPunch, kFar + 100, 10) == 0); // inside a page, over a border, and a page with parts of two
  CHECK((mapped[99] == 1 && mapped[100] == 0 && mapped[109] == 0 && mapped[110] == 1));
  CHECK(fallocate(file, kPunch, kFar + 3 * 4096 - 5, 10) == 0);
  CHECK((mapped[12282] == 1 && mapped[12283] == 0 && mapped[12292] == 0 && mapped[12293] == 1));
  CHECK(fallocate(file, kPunch, kFar + 4000, 4096 + 100) == 0);
  CHECK((mapped[3999] == 1 && mapped[4000] == 0 && mapped[8195] == 0 && mapped[8196] == 1));
  CHECK(madvise(mapped + 8192, 4096, MADV_REMOVE) == 0);
  CHECK(mapped[8192] == 0);
  CHECK(free_before - mounted.free_pages() == 4 + 4); // a tree of four tables
  CHECK(other.free_pages() == mounted.free_pages());
  REQUIRE(munmap(mapped, 4 * 4096) == 0);
  CHECK(fallocate(file, kPunch, 6 * kSpaceBytes, kSpaceBytes) == 0); // another one
  CHECK(mounted.free_pages() != free_before);
  CHECK(fallocate(other.open("superproc-pool-0"), kPunch, 7 * kSpaceBytes, kSpaceBytes) == 0);
  CHECK(mounted.free_pages() == free_before);
  CHECK(map(file, kFar, 4096)[0] == 0);
  CHECK(fallocate(file, 0, kFar, 4096) == -1);
}

TEST_CASE("many who touch the same new pages at once have the same ones") {
  clear_all();
  const Mounted mounts[2];
  constexpr int kProcesses = 4;
  constexpr size_t kPages = 512;
  const uint64_t free_before = mounts[0].free_pages();
  for (int n = 0; n < kProcesses; ++n)
    if (fork() == 0) {
      auto* const words =
          reinterpret_cast<uint64_t*>(map(mounts[n % 2].open("superproc-pool-0"), kFar & ~0x1fffffl, kPages * 4096));
      for (size_t page = 0; page < kPages; ++page) __atomic_fetch_add(words + page * 512, 1, __ATOMIC_SEQ_CST);
      _exit(0);
    }
  while (wait(nullptr) > 0) {
  }
  const auto* const words =
      reinterpret_cast<uint64_t*>(map(mounts[0].open("superproc-pool-0"), kFar & ~0x1fffffl, kPages * 4096));
  size_t wrong = 0;
  for (size_t page = 0; page < kPages; ++page) wrong += words[page * 512] != kProcesses;
  CHECK(wrong == 0);
  CHECK(free_before - mounts[0].free_pages() == kPages + 4);
}

TEST_CASE("a full pool is ENOSPC, or SIGBUS by address, and has pages again") {
  clear_all();
  const Mounted mounted;
  const int file = mounted.open("superproc-pool-0");
  const std::vector<char> block(1 << 20, 1);
  uint64_t written = 0;
  for (ssize_t bytes; (bytes = pwrite(file, block.data(), block.size(), static_cast<off_t>(written))) > 0;)
    written += static_cast<uint64_t>(bytes);
  CHECK(errno == ENOSPC);
  CHECK(written > kPoolBytes - (1 << 20));
  CHECK(faults(map(file, kFar, 4096)));
  CHECK(map(mounted.open("superproc-pool-1"), 0, 4096)[0] == 0);
  CHECK(fallocate(file, kPunch, 0, kSpaceBytes) == 0);
  CHECK(!faults(map(file, kFar, 4096)));
}

TEST_CASE("what others have written into a pool's trees is checked") {
  clear_all();
  const Mounted mounted, whole(options(RangePlace::reserved()->start, kSegmentBytes + kPools * kPoolBytes, 0, 0));
  const int file = mounted.open("superproc-pool-0");
  auto* const roots =
      reinterpret_cast<uint64_t*>(map(whole.open("superproc-segment"), static_cast<off_t>(kSegmentBytes), kPoolBytes));
  map(file, 0, 4096)[0] = 1;
  const uint64_t first_tree = roots[0];
  char byte = 0;
  for (const uint64_t bad : {uint64_t{1}, kPoolBytes / 4096, ~uint64_t{0}, uint64_t{1} << 63}) {
    roots[3] = bad;
    CHECK(pread(file, &byte, 1, 3 * kSpaceBytes) == -1);
    CHECK(errno == EIO);
    CHECK(faults(map(file, 3 * kSpaceBytes, 4096)));
    CHECK(fallocate(file, kPunch, 3 * kSpaceBytes, kSpaceBytes) == 0);
  }
  // A tree each of whose entries is the tree itself.
  for (int i = 0; i < 512; ++i) roots[first_tree * 512 + static_cast<uint64_t>(i)] = first_tree;
  CHECK(pread(file, &byte, 1, 4096) == 1);
  CHECK(fallocate(file, kPunch, 0, kSpaceBytes) == 0);
}

TEST_CASE("only memory that no kernel uses, in whole units, is mounted") {
  const uint64_t start = RangePlace::reserved()->start;
  CHECK(Mounted(options(16ull << 20, kSegmentBytes, 0, 0)).error() == EINVAL); // the kernel's
  CHECK(Mounted(options(start + 4096, kSegmentBytes, 0, 0)).error() == EINVAL);
  CHECK(Mounted(options(start, 4096, 0, 0)).error() == EINVAL);
  CHECK(Mounted(options(start, 0, 0, 0)).error() == EINVAL);
  CHECK(Mounted(options(start, kSegmentBytes, 0, 1)).error() == EINVAL);
  CHECK(Mounted(options(start, kSegmentBytes, kPoolBytes, 17)).error() == EINVAL);
  CHECK(Mounted("").error() == EINVAL);
}
