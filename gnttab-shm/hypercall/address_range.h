/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_address_range: memory of one domain that others map, 2 MiB at a time. Shared by the hypervisor, into which
 * range-mapping.patch puts the rest, and by user space. Sizes are fixed, so all callers have one layout.
 *
 * A range is a list of units (2 MiB) of its owner's memory and a list of peers, each with rights. It is named by its
 * owner and a number, which is not given out twice. What each operation prevents: README.md.
 * The argument is read once. `done` is progress: 0 at the first call, units done at the end, also of one that fails.
 */
#ifndef XEN_PUBLIC_ADDRESS_RANGE_H
#define XEN_PUBLIC_ADDRESS_RANGE_H

#ifndef __XEN__
#include <stdint.h>
#endif

#define XENMEM_address_range 29

/* 2: peers may execute what they have mapped. 3: a probe tells the time. */
#define XEN_ADDRESS_RANGE_VERSION 3

/* any: returns the version; first_unit, count, nr_peers: the limits below; gfn: ns since the hypervisor's boot, which is
 * the same for all domains, where their clocks begin with their own boots */
#define XEN_ADDRESS_RANGE_probe 0
#define XEN_ADDRESS_RANGE_register 1 /* owner: units at gfn, peers; gives id. With an id: more units, no peers */
#define XEN_ADDRESS_RANGE_query 2    /* peer or owner: count, rights; owner: done is the units that peers have mapped */
#define XEN_ADDRESS_RANGE_map 3      /* peer: units from first_unit on into the hole at gfn, with at most its rights */
#define XEN_ADDRESS_RANGE_unmap 4    /* peer: those units from that place; also forgets a place that was revoked */
#define XEN_ADDRESS_RANGE_revoke 5   /* owner: from one peer (domid), or from all and the range itself (own domid) */
#define XEN_ADDRESS_RANGE_release 6  /* owner: no new mappings; EBUSY while there are some, else the range ends */

#define XEN_ADDRESS_RANGE_READ 1
#define XEN_ADDRESS_RANGE_WRITE 2 /* only together with READ */

#define XEN_ADDRESS_RANGE_PEERS_MAX 16   /* of a range */
#define XEN_ADDRESS_RANGE_RANGES_MAX 64  /* of an owner */
#define XEN_ADDRESS_RANGE_UNITS_MAX 4096 /* of an owner in all its ranges, and of a peer in all its mappings: 8 GiB */
#define XEN_ADDRESS_RANGE_UNIT_PAGES 512

struct xen_address_range_peer {
  uint16_t domid;
  uint16_t rights;
};

struct xen_address_range {
  uint16_t op;
  uint16_t domid; /* map, unmap, query: the owner; revoke: the peer */
  uint16_t rights;
  uint16_t nr_peers;
  uint32_t id;
  uint32_t first_unit;
  uint32_t count; /* units */
  uint32_t done;
  uint64_t gfn; /* of the caller; a multiple of 512, and not 0 */
  struct xen_address_range_peer peers[XEN_ADDRESS_RANGE_PEERS_MAX];
};

#ifdef __XEN__
typedef struct xen_address_range xen_address_range_t;
DEFINE_XEN_GUEST_HANDLE(xen_address_range_t);
#endif

#endif
