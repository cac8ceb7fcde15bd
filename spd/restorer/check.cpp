// SPDX-License-Identifier: Apache-2.0
#include "spd/restorer/check.hpp"

#include <cerrno>
#include <sys/mman.h>

#include "libsuperproc/wire/address_map.hpp"

namespace sp::spd {

namespace {

using wire::Image, wire::ImageRange, wire::ImageRun, wire::RangeKind;

bool is_paged(uint64_t a) { return (a & (wire::kPageBytes - 1)) == 0; }

// A stretch of whole pages that ends at `limit` at the latest.
bool is_stretch(uint64_t start, uint64_t bytes, uint64_t limit) {
  return is_paged(start) && is_paged(bytes) && bytes != 0 && start < limit && bytes <= limit - start;
}

bool is_source(uint32_t source) {
  return source >= wire::kKeeperSegment && source < wire::kKeeperPools + kNodeCountMax;
}

bool is_in_source(uint32_t source, uint64_t offset, uint64_t bytes) {
  return is_source(source) &&
         is_stretch(offset, bytes, source == wire::kKeeperSegment ? wire::kClusterBytes : wire::kPoolBytes);
}

// Texts end with the last byte of all, so each that begins in them ends in them.
bool is_text(const Image& image, uint32_t at) { return at < image.text_bytes; }

bool is_range(const Image& image, const ImageRange& r) {
  constexpr uint64_t kRestorerEnd = wire::kRestorerBase + wire::kRestorerBytes;
  if (!is_stretch(r.start, r.bytes, wire::kUserEnd)) return false;
  if (r.start < kRestorerEnd && r.start + r.bytes > wire::kRestorerBase) return false;
  if (r.protection & ~(PROT_READ | PROT_WRITE | PROT_EXEC) || r.is_shared > 1 || r.grows_down > 1) return false;
  switch (r.kind) {
    case RangeKind::anonymous: return !r.is_shared;
    case RangeKind::segment: return !r.grows_down && is_in_source(r.source, r.offset, r.bytes);
    case RangeKind::file: return !r.grows_down && is_paged(r.offset) && is_text(image, r.path);
    case RangeKind::kernel: return !r.grows_down && !r.is_shared && r.offset < wire::kKernelMappingCount;
    case RangeKind::count: break;
  }
  return false;
}

bool is_run(const ImageRun& run, const ImageRange& range) {
  if (!is_in_source(run.source, run.offset, run.bytes) || run.kind >= wire::RunKind::count) return false;
  if (!is_paged(run.start) || run.start < range.start || run.bytes > range.start + range.bytes - run.start)
    return false;
  return !range.is_shared && (run.kind == wire::RunKind::copied || range.kind != RangeKind::kernel);
}

bool has_whole_parts(const Image& image, uint64_t bytes) {
  if (image.magic != wire::kImageMagic || image.bytes != bytes || bytes > wire::kImageBytesMax) return false;
  const uint64_t parts = sizeof image + image.range_count * uint64_t{sizeof(ImageRange)} +
                         image.run_count * uint64_t{sizeof(ImageRun)} + image.text_bytes;
  return parts == bytes && image.text_bytes > 0 && image.auxiliary_words <= wire::kAuxiliaryMax;
}

} // namespace

long check_image(const Image& image, uint64_t bytes) {
  if (bytes < sizeof image || !has_whole_parts(image, bytes)) return -EBADMSG;
  auto& mine = const_cast<Image&>(image);
  const ImageRange* const ranges = wire::ranges_of(mine);
  const ImageRun* const runs = wire::runs_of(mine);
  if (wire::texts_of(mine)[image.text_bytes - 1] != 0 || !is_text(image, image.program_file)) return -EBADMSG;
  bool is_entered = false;
  uint32_t run = 0;
  uint64_t end = 0;
  for (uint32_t i = 0; i < image.range_count; ++i) {
    const ImageRange& r = ranges[i];
    if (r.start < end || !is_range(image, r)) return -EBADMSG;
    end = r.start + r.bytes;
    is_entered = is_entered || (image.entry >= r.start && image.entry < end && (r.protection & PROT_EXEC));
    for (uint64_t run_end = r.start; run < image.run_count && runs[run].start < end; ++run) {
      if (runs[run].start < run_end || !is_run(runs[run], r)) return -EBADMSG;
      run_end = runs[run].start + runs[run].bytes;
    }
  }
  return run == image.run_count && is_entered ? 0 : -EBADMSG;
}

} // namespace sp::spd
