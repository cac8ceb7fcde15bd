// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/memory/attachments.hpp"

#include "libsuperproc/memory/address_space.hpp"
#include "libsuperproc/memory/segments.hpp"

namespace sp::memory {

constinit Attachment attachments[kAttachmentsMax] = {};
constinit std::atomic<uint32_t> attachments_high = 0;

namespace {

Attachment* note_used(Attachment& a) {
  const auto end = static_cast<uint32_t>(&a - attachments) + 1;
  a.is_private = false;
  for (uint32_t high = attachments_high.load(); high < end && !attachments_high.compare_exchange_weak(high, end);) {
  }
  return &a;
}

} // namespace

Attachment* claim_attachment() {
  for (Attachment& a : attachments) {
    uint32_t free = 0;
    if (a.use.load(std::memory_order_relaxed) == 0 && a.use.compare_exchange_strong(free, 1)) return note_used(a);
  }
  return nullptr;
}

Attachment* take_attachment(uint64_t start) {
  for (Attachment& a : attachments) {
    uint32_t attached = 2;
    if (a.use.load() == 2 && a.start == start && a.by == AttachedBy::shmat &&
        a.use.compare_exchange_strong(attached, 1))
      return &a;
  }
  return nullptr;
}

bool is_witness(uint64_t start) {
  for (const Attachment* a = attachments; a != attachments_end(); ++a)
    if (a->use.load() == 2 && a->witness == start) return true;
  return false;
}

void inherit_shared_pages() {
  for (uint32_t n = 0; n < node_count(); ++n) {
    const VmaMap map = file_map({n});
    for (const wire::Vma* vma = &map.first(); vma; vma = map.next(*vma)) {
      Attachment* const a = vma->kind == wire::VmaKind::shared_anonymous ? claim_attachment() : nullptr;
      if (!a) continue;
      a->id = -1, a->flags = 0, a->by = AttachedBy::parent, a->is_passed_on = 1, a->witness = 0;
      a->start = vma->start, a->bytes = vma->bytes(), a->place = segment_of(vma->start).offset;
      a->use.store(2);
    }
  }
}

} // namespace sp::memory
