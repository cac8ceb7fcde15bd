// SPDX-License-Identifier: Apache-2.0
// Descriptors in messages (SCM_RIGHTS). An open file is on this node or on the shadow's, and so is the socket. If both are
// on one node, its kernel passes it. Else a *token* goes in its place (wire/token.hpp), and the spd of the file's node
// keeps the open file meanwhile: it is *parked*. Who receives a token takes the open file from there, if it is of that
// node or its shadow is; if not, it opens the file by its name; a pipe or socket has none, and the message then arrives
// without it, as with too small a buffer (MSG_CTRUNC).
//
// Who drops what is parked? The spd of the socket's node has the other end of the token. When the last copy of the token
// is closed, because it was received or because nobody can receive it any more, that spd sees it and tells the node.
#pragma once
#include <sys/socket.h>

#include "libsuperproc/wire/token.hpp"
#include "vfd/descriptors.hpp"

namespace sp::vfd {

// Where a call is performed.
struct Side {
  enum class Place : uint32_t { here, shadow } place;

  static Side of(uint64_t descriptor) { return {is_body() && is_remote(descriptor) ? Place::shadow : Place::here}; }
  bool is_here() const { return place == Place::here; }
  NodeId node() const { return is_here() ? membership.node : NodeId{record().shadow_node.load()}; }
  int32_t pid() const;
};

inline constexpr uint32_t kPassedMax = 253; // in one message (SCM_MAX_FD)

// The control data of a message that is about to be sent; tokens are closed with it.
class SentDescriptors {
public:
  explicit SentDescriptors(Side socket) : socket_(socket) {}
  SentDescriptors(const SentDescriptors&) = delete;
  ~SentDescriptors();
  long replace(uint8_t* control, uint64_t bytes); // 0 or -errno

private:
  Side socket_;
  int tokens_[kPassedMax];
  uint32_t token_count_ = 0;
};

// Calls `one` for each array of descriptors in the control data.
template <class One>
void each_array(uint8_t* control, uint64_t bytes, One&& one) {
  for (uint64_t at = 0; at + sizeof(cmsghdr) <= bytes;) {
    cmsghdr header;
    __builtin_memcpy(&header, control + at, sizeof header);
    if (header.cmsg_len < sizeof header || header.cmsg_len > bytes - at) return;
    if (header.cmsg_level == SOL_SOCKET && header.cmsg_type == SCM_RIGHTS)
      one(at, reinterpret_cast<int*>(control + at + sizeof header), (header.cmsg_len - sizeof header) / sizeof(int));
    at += (header.cmsg_len + 7) & ~7ull;
  }
}

// Copies it, if it is one.
inline bool is_token(const wire::Token& seen, wire::Token& token) {
  token = seen;
  token.path[wire::kTokenPathMax - 1] = 0;
  return token.magic[0] == wire::kTokenMagic[0] && token.magic[1] == wire::kTokenMagic[1];
}

// True: it passes descriptors that are not on the socket's node.
bool passes_others(Side socket, const uint8_t* control, uint64_t bytes);

// The control data of a message that was received with these flags: every number in it becomes one of this process's.
// Returns its new length; `lost` says whether anything could not be taken.
uint64_t receive_descriptors(Side socket, uint8_t* control, uint64_t bytes, int flags, bool& lost);

} // namespace sp::vfd
