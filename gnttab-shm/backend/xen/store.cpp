// SPDX-License-Identifier: Apache-2.0
#include "gnttab-shm/backend/xen/store.hpp"

#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unistd.h>

#include "gnttab-shm/backend/xen/libraries.hpp"

namespace sp::xen {

static constexpr uint32_t kVersion = 1;
static constexpr size_t kEntryBytesMax = 40;
static constexpr int64_t kLookAgainMs = 20;
static constexpr uint32_t kDomainsMax = 0x7ff0; // DOMID_FIRST_RESERVED

static std::string entry_path(DomainId whose, DomainId for_whom) {
  return "/local/domain/" + std::to_string(whose.value) + "/data/superproc/" + std::to_string(for_whom.value);
}

struct Free {
  void operator()(void* text) const { std::free(text); }
};

static Result<std::string> read_text(xs_handle* connection, const std::string& path) {
  unsigned length = 0;
  const std::unique_ptr<void, Free> text(xs_read(connection, XBT_NULL, path.c_str(), &length));
  if (!text) return fail(errno == EACCES ? ENOENT : errno);
  if (length > kEntryBytesMax) return fail(EPROTO);
  return std::string(static_cast<const char*>(text.get()), length);
}

// Takes one number and the blank behind it.
static bool take_number(std::string_view& text, uint32_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  if (text.starts_with(' ')) text.remove_prefix(1);
  return true;
}

Result<Store> Store::open() {
  xs_handle* connection = xs_open(0);
  if (!connection) return fail(ENXIO);
  return Store(connection);
}

Store::~Store() {
  if (connection_) xs_close(connection_);
}

// Asked once: the answer comes from another domain, and stays.
Result<DomainId> Store::own_domain() {
  static std::atomic<int32_t> known{-1};
  if (const int32_t number = known.load(); number >= 0) return DomainId{number};
  auto store = open();
  if (!store) return fail(store.error().value);
  const auto text = read_text(store->connection_, "domid");
  if (!text) return fail(text.error().value);
  std::string_view rest = *text;
  uint32_t number = 0;
  if (!take_number(rest, number) || !rest.empty() || number >= kDomainsMax) return fail(EPROTO);
  known.store(static_cast<int32_t>(number));
  return DomainId{static_cast<int32_t>(number)};
}

Result<void> Store::offer(DomainId self, DomainId peer, Offer offer) {
  const std::string path = entry_path(self, peer);
  const std::string text =
      std::to_string(kVersion) + " " + std::to_string(offer.port) + " " + std::to_string(offer.root);
  if (!xs_write(connection_, XBT_NULL, path.c_str(), text.data(), static_cast<unsigned>(text.size())))
    return fail(errno);
  xs_permissions readers[2]{};
  readers[0].id = static_cast<unsigned>(self.value); // the first entry is the owner, and says what all others may do
  readers[0].perms = XS_PERM_NONE;
  readers[1].id = static_cast<unsigned>(peer.value);
  readers[1].perms = XS_PERM_READ;
  if (!xs_set_permissions(connection_, XBT_NULL, path.c_str(), readers, 2)) return fail(errno);
  return {};
}

Result<void> Store::withdraw(DomainId self, DomainId peer) {
  if (!xs_rm(connection_, XBT_NULL, entry_path(self, peer).c_str()) && errno != ENOENT) return fail(errno);
  return {};
}

Result<Offer> Store::offer_of(DomainId peer, DomainId self) {
  const auto text = read_text(connection_, entry_path(peer, self));
  if (!text) return fail(text.error().value);
  std::string_view rest = *text;
  uint32_t version = 0;
  Offer offer;
  if (!take_number(rest, version) || version != kVersion || !take_number(rest, offer.port) ||
      !take_number(rest, offer.root) || !rest.empty())
    return fail(EPROTO);
  return offer;
}

Result<Offer> Store::await_offer(DomainId peer, DomainId self, int64_t timeout_ms) {
  for (;;) {
    const auto offer = offer_of(peer, self);
    if (offer ? offer->port != 0 : offer.error().value != ENOENT) return offer;
    if (timeout_ms <= 0) return fail(ETIMEDOUT);
    usleep(static_cast<useconds_t>(kLookAgainMs * 1000));
    timeout_ms -= kLookAgainMs;
  }
}

} // namespace sp::xen
