// SPDX-License-Identifier: Apache-2.0
// The unwind tables as the linker sorts them: .eh_frame_hdr lists every record of .eh_frame, a record gives a function's
// bounds, its common entry says how the numbers are written, and its language data lists the landing pads.
#include "shim/sites/frame_table.hpp"

#include <cstring>
#include <optional>

#include "shim/sites/bytes.hpp"

namespace sp::sites {
namespace {

// Pointer encodings of the unwind tables (DW_EH_PE_*).
constexpr uint8_t kOmit = 0xff;
constexpr uint8_t kFormatMask = 0x0f;
constexpr uint8_t kRelationMask = 0x70;
constexpr uint8_t kRelativeToPlace = 0x10;
constexpr uint8_t kRelativeToHeader = 0x30;

// A cursor that knows the virtual address of what it reads.
class AddressCursor : public ByteCursor {
public:
  AddressCursor(const Area& area, uint64_t address) : ByteCursor(area.bytes, address - area.address), area_(area) {}

  uint64_t address() const { return area_.address + offset(); }

  uint64_t take_encoded(uint8_t encoding, uint64_t header_address) {
    if (encoding == kOmit) return 0;
    const uint64_t place = address();
    uint64_t value = 0;
    switch (encoding & kFormatMask) {
      case 0x00:
      case 0x04:
      case 0x0c: value = take<uint64_t>(); break;
      case 0x01: value = take_uleb(); break;
      case 0x02: value = take<uint16_t>(); break;
      case 0x03: value = take<uint32_t>(); break;
      case 0x09: value = static_cast<uint64_t>(take_sleb()); break;
      case 0x0a: value = static_cast<uint64_t>(int64_t{take<int16_t>()}); break;
      case 0x0b: value = static_cast<uint64_t>(int64_t{take<int32_t>()}); break;
      default: return 0;
    }
    if (value == 0) return 0;
    if ((encoding & kRelationMask) == kRelativeToPlace) value += place;
    if ((encoding & kRelationMask) == kRelativeToHeader) value += header_address;
    return value;
  }

private:
  const Area& area_;
};

struct CommonEntry {
  uint8_t pointer_encoding = 0;
  uint8_t language_encoding = kOmit;
  bool augmented = false;
  FunctionKind kind = FunctionKind::Ordinary;
};

std::optional<CommonEntry> read_common_entry(const CodeImage& image, uint64_t address) {
  const Area* area = image.area_at(address);
  if (area == nullptr) return {};
  AddressCursor cursor(*area, address);
  if (cursor.take<uint32_t>() == 0xffffffffu) return {}; // 64-bit DWARF: nobody makes it
  if (cursor.take<uint32_t>() != 0) return {};
  const auto version = cursor.take<uint8_t>();
  const char* augmentation = cursor.take_text();
  cursor.take_uleb(); // code alignment
  cursor.take_sleb(); // data alignment
  if (version == 1)
    cursor.take<uint8_t>();
  else
    cursor.take_uleb();
  CommonEntry entry;
  if (augmentation[0] == 'z') {
    entry.augmented = true;
    cursor.take_uleb();
    for (const char* letter = augmentation + 1; *letter != 0; letter++) {
      if (*letter == 'R') entry.pointer_encoding = cursor.take<uint8_t>();
      if (*letter == 'L') entry.language_encoding = cursor.take<uint8_t>();
      if (*letter == 'P') {
        const auto encoding = cursor.take<uint8_t>();
        cursor.take_encoded(encoding, 0);
      }
      if (*letter == 'S') entry.kind = FunctionKind::SignalFrame;
    }
  }
  if (cursor.failed()) return {};
  return entry;
}

// The landing pads of one function are entered by the unwinder.
void read_landing_pads(CodeImage& image, uint64_t address, uint64_t function_begin) {
  const Area* area = image.area_at(address);
  if (area == nullptr) return;
  AddressCursor cursor(*area, address);
  uint64_t base = function_begin;
  const auto base_encoding = cursor.take<uint8_t>();
  if (base_encoding != kOmit) base = cursor.take_encoded(base_encoding, 0);
  if (cursor.take<uint8_t>() != kOmit) cursor.take_uleb(); // the type table is of no interest
  const auto call_encoding = cursor.take<uint8_t>();
  const uint64_t table_bytes = cursor.take_uleb();
  const uint64_t end = cursor.address() + table_bytes;
  while (!cursor.failed() && cursor.address() < end) {
    cursor.take_encoded(call_encoding, 0);
    cursor.take_encoded(call_encoding, 0);
    const uint64_t pad = cursor.take_encoded(call_encoding, 0);
    cursor.take_uleb();
    if (pad != 0 && !cursor.failed()) image.entries.push_back(base + pad);
  }
}

void read_frame(CodeImage& image, uint64_t address) {
  const Area* area = image.area_at(address);
  if (area == nullptr) return;
  AddressCursor cursor(*area, address);
  if (cursor.take<uint32_t>() == 0xffffffffu) return;
  const uint64_t back_place = cursor.address();
  const auto back = cursor.take<uint32_t>();
  if (cursor.failed() || back == 0) return;
  const auto common = read_common_entry(image, back_place - back);
  if (!common) return;
  const uint64_t begin = cursor.take_encoded(common->pointer_encoding, 0);
  const uint64_t length = cursor.take_encoded(common->pointer_encoding & kFormatMask, 0);
  if (cursor.failed() || length == 0 || !image.is_code(begin)) return;
  // A restorer's record begins one byte early, for unwinders that look up the byte before a return address.
  const uint64_t early = common->kind == FunctionKind::SignalFrame ? 1 : 0;
  image.functions.push_back({begin + early, begin + length, common->kind});
  if (!common->augmented || common->language_encoding == kOmit) return;
  cursor.take_uleb();
  const uint64_t language_data = cursor.take_encoded(common->language_encoding, 0);
  if (!cursor.failed() && language_data != 0) read_landing_pads(image, language_data, begin);
}

} // namespace

void read_frame_table(CodeImage& image, uint64_t header_address) {
  const Area* area = image.area_at(header_address);
  if (area == nullptr) return;
  AddressCursor cursor(*area, header_address);
  if (cursor.take<uint8_t>() != 1) return;
  const auto frame_encoding = cursor.take<uint8_t>();
  const auto count_encoding = cursor.take<uint8_t>();
  const auto table_encoding = cursor.take<uint8_t>();
  cursor.take_encoded(frame_encoding, header_address);
  const uint64_t count = cursor.take_encoded(count_encoding, header_address);
  for (uint64_t i = 0; i < count && !cursor.failed(); i++) {
    const uint64_t entry = cursor.address();
    cursor.take_encoded(table_encoding, header_address);
    const uint64_t frame = cursor.take_encoded(table_encoding, header_address);
    if (cursor.address() == entry) return; // no known encoding: it would never end
    if (!cursor.failed()) read_frame(image, frame);
  }
}

} // namespace sp::sites
