# SPDX-License-Identifier: Apache-2.0
"""`testbed/xen test host`: this command on a host that runs Xen, which is the dom0 of an emulated machine.

Its guests make way for those that the command starts there; it may be a machine that the backend's tests are done with.
"""
from judge import Judge

NODES = 3
XEN = "cd /tmp; SUPERPROC_TESTBED=/run/testbed /usr/bin/python3 /usr/lib/superproc/testbed/xen"
UP_SECONDS_MAX = 300


class Test(Judge):
    def run(self):
        self.ask(0, "for k in 1 2 3; do xl destroy superproc-node$k; done 2>/dev/null")
        self.passes("guests of this host", {0: f"{XEN} up --nodes 3 --images /boot"}, UP_SECONDS_MAX)
        said = self.ask(0, f"{XEN} run -- uname -n")
        self.judge("a command on all nodes", all(f"node{k}: node{k}" in said for k in range(3)))
        first = self.ask(0, f"{XEN} run --node 1 -- xenstore-read domid")
        self.ask(0, f"{XEN} run --node 2 -- '(setsid spctl join {first} >/tmp/join.log 2>&1 </dev/null &)'")
        where = "bash -c \"for i in 1 2 3 4; do uname -n; done\""
        said = self.ask(0, f"{XEN} run --node 1 -- 'cd /; spctl run --backend xen --nodes 2 -- {where}' 2>&1")
        self.judge("a program over them", "node1" in said and "node2" in said)
        self.say(f"  {said.split()}")
        self.ask(0, "kill -9 $(sed -n 's/.*\"pid\": \\([0-9]*\\).*/\\1/p' /run/testbed/xen/run/machine.json)")
        said = self.ask(0, f"{XEN} status; xl list")
        self.judge("an agent that was killed", "no cluster is up" in said and "superproc-node2" in said)
        self.judge("nothing of it is left", "superproc" not in self.ask(0, f"{XEN} down; xl list"))
        return self.status()
