// SPDX-License-Identifier: Apache-2.0
// Reads a VmaMap of another process from a copy of its bytes. The copy is input: it may be torn by a change, of another
// version, or nonsense; every field is checked and nothing outside the span is touched. Hosted only.
//
// To get a copy that belongs to one moment: copy the first kVmaRecordsOffset bytes, ask vma_image_bytes() for the size,
// copy that much, copy the header again; equal generations before and after, and an even one, mean it is whole.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

#include "libsuperproc/base/result.hpp"
#include "libsuperproc/wire/vma.hpp"

namespace sp::memory {

// From a header alone. ENODATA: less than a header; EPROTO: not a map of this version; EAGAIN: a change is under way.
Result<uint32_t> vma_generation(std::span<const std::byte> image);
Result<size_t> vma_image_bytes(std::span<const std::byte> image);

// All records in the order of addresses, the free ones too, links zero. Errors as above; ENODATA also when the image is
// shorter than vma_image_bytes(), EPROTO for records that do not make a map (or a torn copy).
Result<std::vector<wire::Vma>> read_vmas(std::span<const std::byte> image);

} // namespace sp::memory
