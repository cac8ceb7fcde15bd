# SPDX-License-Identifier: Apache-2.0
"""`testbed/xen test backend`: the backend's tests where they can run, inside the domains of a cluster of three or four nodes.

1. Kernels: release and boot id of each node; no two are alike.
2. The conformance suite of tests/backend, in one guest; there, too, the files of the kernel module.
3. Pairs: dom0 with a guest, two guests (tests/backend/xen_pair.cpp).
4. Death: a guest that is destroyed is noticed by its peer.
5. Grants: Xen's own list of mapped grants is what it was before.
6. With the hypercall extension: range_test.py, before a guest is destroyed.
"""
import re

from judge import Judge

NODES = 3
PAIR = "xen-pair $(({sum} - $(xenstore-read domid)))"
LIST_GRANTS = "xl dmesg -c >/dev/null; xl debug-keys g; xl dmesg"
SUITE_SECONDS_MAX, PAIR_SECONDS_MAX = 240, 120


class Test(Judge):
    def run(self, ranges, timed):
        nodes = NODES + bool(ranges)
        domains = [int(self.ask(node, "xenstore-read domid")) for node in range(nodes)]
        before = self._grants()
        boots = [self.ask(node, "cat /proc/sys/kernel/random/boot_id") for node in range(nodes)]
        for node in range(nodes):
            self.say(f"node {node}: domain {domains[node]}, Linux {self.ask(node, 'uname -r')}, boot id {boots[node]}")
        self.judge("kernels of their own", len(set(boots)) == nodes)
        suite = "backend-suite-xen" if ranges else "backend-suite-xen -tce='*RangeXen*'"
        if not ranges:
            self.say("a hypervisor without the extension: ranges are not tested (--hypervisor FILE)")
        self.passes("backend-suite in a guest", {1: suite}, SUITE_SECONDS_MAX)
        if ranges:
            ranges(self, domains, timed).run_together()
        self.passes("memory as files, by the module", {1: "memory-files"}, SUITE_SECONDS_MAX)
        for one, other in ((0, 1), (1, 2)):
            command = PAIR.format(sum=domains[one] + domains[other])
            self.passes(f"pair of nodes {one} and {other}", {one: command, other: command}, PAIR_SECONDS_MAX)
        self.judge("no grant is left mapped", self._grants() == before)
        if ranges:
            ranges(self, domains, timed).run_to_the_end()
            return self.status()
        command = f"{PAIR.format(sum=domains[1] + domains[2])} --until-gone"
        self.ask(2, f"({command}) >/dev/null 2>&1 </dev/null &")
        self.passes("a destroyed guest is noticed", {1: command, 0: f"sleep 4; xl destroy {domains[2]}"}, PAIR_SECONDS_MAX)
        gone = f"d{domains[2]}"
        left = {k: v for k, v in self._grants().items() if k != gone}
        self.judge("it leaves no grant mapped", left == {k: v for k, v in before.items() if k != gone})
        self.judge("it is gone", "node2 " not in self.ask(0, "xl list") and "(null)" not in self.ask(0, "xl list"))
        return self.status()

    def _grants(self):
        """{domain: references of its pages that somebody has mapped}, without what the toolstack has."""
        found, domain = {}, None
        for text in self.ask(0, LIST_GRANTS).splitlines():
            if named := re.search(r"grant-table for remote (d\d+)", text):
                domain = named[1]
                found[domain] = []
            elif entry := re.search(r"\[(0x[0-9a-f]+)\]", text):
                found[domain].append(entry[1])
        return found
