// SPDX-License-Identifier: Apache-2.0
#include "spd/unix_peer.hpp"

#include <cstring>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <sys/socket.h>
#include <unistd.h>

namespace sp::spd {

namespace {

constexpr uint8_t kEstablished = 1; // TCP_ESTABLISHED, which is said of others, too

struct Query {
  nlmsghdr header;
  unix_diag_req about;
};

bool ask(int diagnosis, uint32_t inode) {
  Query query{};
  query.header = {sizeof query, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST, 0, 0};
  query.about.sdiag_family = AF_UNIX;
  query.about.udiag_states = 1u << kEstablished;
  query.about.udiag_ino = inode;
  query.about.udiag_show = UDIAG_SHOW_PEER;
  query.about.udiag_cookie[0] = query.about.udiag_cookie[1] = ~0u; // whichever
  return send(diagnosis, &query, sizeof query, MSG_DONTWAIT) == sizeof query;
}

uint32_t peer_in(const nlmsghdr* answer, uint32_t inode) {
  if (answer->nlmsg_type != SOCK_DIAG_BY_FAMILY || answer->nlmsg_len < NLMSG_LENGTH(sizeof(unix_diag_msg))) return 0;
  const auto* const told = static_cast<const unix_diag_msg*>(NLMSG_DATA(answer));
  if (told->udiag_ino != inode || told->udiag_type != SOCK_STREAM || told->udiag_state != kEstablished) return 0;
  uint32_t peer = 0;
  uint8_t shut = 1;
  auto left = static_cast<int>(answer->nlmsg_len - NLMSG_LENGTH(sizeof *told));
  for (const auto* at = reinterpret_cast<const rtattr*>(told + 1); RTA_OK(at, left); at = RTA_NEXT(at, left)) {
    if (at->rta_type == UNIX_DIAG_PEER && RTA_PAYLOAD(at) >= sizeof peer) memcpy(&peer, RTA_DATA(at), sizeof peer);
    if (at->rta_type == UNIX_DIAG_SHUTDOWN && RTA_PAYLOAD(at) >= sizeof shut) memcpy(&shut, RTA_DATA(at), sizeof shut);
  }
  return shut ? 0 : peer;
}

} // namespace

uint32_t unix_peer(uint32_t inode) {
  const int diagnosis = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (diagnosis < 0) return 0;
  alignas(nlmsghdr) char answer[1024];
  const ssize_t got = ask(diagnosis, inode) ? recv(diagnosis, answer, sizeof answer, MSG_DONTWAIT) : -1;
  close(diagnosis);
  const auto* const header = reinterpret_cast<const nlmsghdr*>(answer);
  return got > 0 && NLMSG_OK(header, static_cast<uint32_t>(got)) ? peer_in(header, inode) : 0;
}

} // namespace sp::spd
