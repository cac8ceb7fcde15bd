# SPDX-License-Identifier: Apache-2.0
"""What a hypervisor with the extension of gnttab-shm/hypercall is tested for, on dom0 and three guests.

1. dom0, whose page tables are not nested, is refused.
2. Three guests share ranges (tests/backend/xen_range.cpp): 64 MiB faster than by grants, doorbells, bad input, revocation.
3. The entries are of 2 MiB, by the hypervisor's own count; in the end none is left.
4. The owner gives a page back while peers have it mapped; then a peer and the owner are destroyed: nothing is left, all of their memory is free.
"""
import re
import time

DUMP = "xl dmesg -c >/dev/null; xl debug-keys U; xl dmesg"
FREE = "xl info free_memory"
UNITS, SECONDS_MAX = 32, 120
SLACK_MIB = 4  # what Xen keeps for a while, and what dom0 has taken meanwhile


class Ranges:
    def __init__(self, test, domains, timed):
        self._test, self._guests, self._timed = test, domains[1:4], timed
        self._command = "xen-range " + " ".join(map(str, self._guests))

    def run_together(self):
        self._test.passes("a domain without nested page tables is refused", {0: "xen-range --refused"}, SECONDS_MAX)
        self._test.passes("spctl doctor says so", {1: "spctl doctor | grep 'the hypervisor shares ranges, memory for own ones: yes'",
                                                   0: "spctl doctor | grep 'page tables are not nested'"}, SECONDS_MAX)
        command = self._command + (" --timed" if self._timed else "")
        self._test.passes("three domains share ranges", {node: command for node in (1, 2, 3)}, SECONDS_MAX)
        self._test.judge("no range is left", not self._dump())

    def run_to_the_end(self):
        """The guests are destroyed here."""
        owner, peer, victim = (f"d{number}" for number in self._guests)
        for node in (1, 2, 3):
            self._test.ask(node, f"({self._command} --until-gone) >/tmp/range.log 2>&1 </dev/null &")
        self._judge_soon("64 MiB are 32 entries of 2 MiB in each peer",
                         lambda dump: (peer, UNITS, UNITS) in dump and (victim, UNITS, UNITS) in dump)
        for line in self._lines():
            self._test.say(f"  {line}")
        time.sleep(3)  # the readers are at it
        self._destroy(self._guests[2])
        self._judge_soon("a destroyed peer has nothing mapped, the other still has",
                         lambda dump: (peer, UNITS, UNITS) in dump and victim not in {d for d, _, _ in dump})
        self._test.passes("its end is noticed, a page that the owner gave back is still the peers'",
                          {1: "sleep 1; cat /tmp/range.log; grep -q 'of a peer was' /tmp/range.log && ! grep -q bad: /tmp/range.log"}, 30)
        self._destroy(self._guests[0])
        self._judge_soon("a destroyed owner's ranges are gone", lambda dump: not dump)
        said = {2: "sleep 5; cat /tmp/range.log; grep -q '^ok xen-range' /tmp/range.log"}
        self._test.passes("an access of its memory faults", said, 60)

    def _destroy(self, domain):
        before = int(self._test.ask(0, FREE))
        memory = int(self._test.ask(0, f"xl list {domain} | sed -n 2p").split()[2])
        self._test.ask(0, f"xl destroy {domain}")
        after = before
        for _ in range(20):
            after = int(self._test.ask(0, FREE))
            if after >= before + memory - SLACK_MIB:
                break
            time.sleep(0.5)
        self._test.judge(f"all of its memory is free again: {after - before} of {memory} MiB", after >= before + memory - SLACK_MIB)
        left = self._test.ask(0, "xl list; xl dmesg -c >/dev/null; xl debug-keys q; xl dmesg")
        self._test.judge("it is gone", "(null)" not in left and f"General information for domain {domain}:" not in left)

    def _lines(self):
        return re.findall(r"address ranges: +(d\d.*?)\r?(?:\n|$)", self._test.ask(0, DUMP))

    def _dump(self):
        """{(peer, units mapped, entries of 2 MiB)} of all ranges."""
        found = (re.match(r"(d\d+) rights \d: (\d+) mapped, (\d+) as", line) for line in self._lines())
        return {(m[1], int(m[2]), int(m[3])) for m in found if m}

    def _judge_soon(self, name, judge):
        end = time.monotonic() + SECONDS_MAX / 2
        while not (right := judge(self._dump())) and time.monotonic() < end:
            time.sleep(1)
        self._test.judge(name, right)
