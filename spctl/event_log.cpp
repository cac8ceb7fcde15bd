// SPDX-License-Identifier: Apache-2.0
// See event_log.hpp.
#include "spctl/event_log.hpp"

#include <cstring>
#include <fcntl.h>
#include <memory>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

#include "libsuperproc/cluster/event_log.hpp"
#include "libsuperproc/wire/cluster.hpp"
#include "spctl/runtime_folder.hpp"

namespace sp::spctl {
namespace {

constexpr size_t kHeaderBytes = 64; // of use

class File {
public:
  explicit File(int flags) : descriptor_(open(event_log_path().c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {
    if (descriptor_ >= 0 && !is_ours()) close(std::exchange(descriptor_, -1));
  }
  File(const File&) = delete;
  ~File() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int descriptor() const { return descriptor_; }

  std::vector<std::byte> read(uint64_t offset, size_t bytes) const {
    std::vector<std::byte> copy(bytes);
    const ssize_t count = pread(descriptor_, copy.data(), bytes, static_cast<off_t>(offset));
    copy.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return copy;
  }

private:
  bool is_ours() const { // the folder may be everybody's
    struct stat about {};
    return fstat(descriptor_, &about) == 0 && S_ISREG(about.st_mode) && about.st_uid == geteuid() &&
           (about.st_mode & 077) == 0;
  }

  int descriptor_;
};

// An empty log in place of what is there. Those who have mapped an older one keep its pages, and nobody reads them.
bool format(int descriptor) {
  const auto header = std::make_unique<wire::EventLogHeader>();
  header->magic = wire::kEventLogMagic;
  header->version = wire::kEventLogVersion;
  header->bytes = sizeof(wire::EventLogHeader);
  return ftruncate(descriptor, 0) == 0 && ftruncate(descriptor, sizeof(wire::EventLog)) == 0 &&
         pwrite(descriptor, header.get(), kHeaderBytes, 0) == kHeaderBytes;
}

} // namespace

std::string event_log_path() { return runtime_folder() + "-events"; } // the folder goes with the last cluster

void open_event_log() {
  const File file(O_RDWR | O_CREAT);
  if (file.descriptor() < 0 || flock(file.descriptor(), LOCK_EX) != 0) return;
  if (parse_event_log(file.read(0, kHeaderBytes)) || format(file.descriptor()))
    event_log = map_event_log(file.descriptor());
  flock(file.descriptor(), LOCK_UN); // the mapping would keep it, for all who inherit it
}

bool is_readable_event_log() {
  const File file(O_RDONLY);
  return file.descriptor() >= 0 && parse_event_log(file.read(0, kHeaderBytes)).has_value();
}

std::optional<uint64_t> parse_event_log(std::span<const std::byte> header) {
  if (header.size() < kHeaderBytes) return std::nullopt;
  const auto copy = std::make_unique<wire::EventLogHeader>();
  std::memcpy(static_cast<void*>(copy.get()), header.data(), kHeaderBytes);
  if (copy->magic != wire::kEventLogMagic || copy->version != wire::kEventLogVersion ||
      copy->bytes != sizeof(wire::EventLogHeader))
    return std::nullopt;
  return copy->written.load();
}

std::optional<EventView> parse_logged(std::span<const std::byte> slot, uint64_t ticket) {
  if (slot.size() < sizeof(wire::LoggedEvent)) return std::nullopt;
  const auto copy = std::make_unique<wire::LoggedEvent>();
  std::memcpy(static_cast<void*>(copy.get()), slot.data(), sizeof *copy);
  if (copy->sequence.load() != ticket + 1 || copy->text_bytes > wire::kEventTextBytes) return std::nullopt;
  if (copy->node >= kNodeCountMax && copy->node != wire::kNoNode) return std::nullopt;
  EventView event{ticket, copy->time_ns, copy->cluster, copy->node, std::string(copy->text, copy->text_bytes)};
  for (char& c : event.text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  return event;
}

std::vector<EventView> read_events(uint64_t ticket) {
  const File file(O_RDONLY);
  std::vector<EventView> events;
  const auto written = file.descriptor() >= 0 ? parse_event_log(file.read(0, kHeaderBytes)) : std::nullopt;
  if (!written) return events;
  if (*written > wire::kEventCount && ticket < *written - wire::kEventCount) ticket = *written - wire::kEventCount;
  for (; ticket < *written; ++ticket) {
    const uint64_t slot = offsetof(wire::EventLog, events) + ticket % wire::kEventCount * sizeof(wire::LoggedEvent);
    if (auto event = parse_logged(file.read(slot, sizeof(wire::LoggedEvent)), ticket))
      events.push_back(std::move(*event));
  }
  return events;
}

} // namespace sp::spctl
