# SPDX-License-Identifier: Apache-2.0
"""`testbed/xen test programs`: unmodified programs over domains, on a hypervisor with the extension, dom0 and four guests.

1. Applications and programs of each kind of tests/programs over two and over three guests, as native (guest/programs).
2. A guest is destroyed under a program over three: what the others see (tests/fault/peer_dies.py).
3. A guest is destroyed under a process with threads on three: the process ends as by SIGKILL.
4. Nothing is left that keeps a program from being run on what still lives.
"""
import re
import time

from judge import Judge

NODES = 5
KINDS = {
    "futexes": "futex_raw mutex_condvar semaphore barrier shared_futex_calls named_semaphore",
    "signals": "kill_process kill_thread sigqueue_value cancel_deferred signal_threads_of_others",
    "pipes and descriptors": "pass_descriptors fds_shared epoll_eventfd_socket copies",
    "wait": "sigchld_fields subreaper wait_other_thread",
    "fork and exec": "fork_basic fork_many_children fork_keeps_tid vfork_child exec_kinds fork_parallel",
    "memory": "shared_anonymous_processes mapped_before_threads exec_code",
}
LIMIT_S, DEATH_LIMIT_S = 60, 60
CLUSTER = "spctl run --backend xen --nodes 3 --"


def join(judge, nodes):
    """Makes guests nodes of the clusters that node 1's guest starts."""
    first = judge.ask(1, "xenstore-read domid")
    for node in nodes:
        judge.ask(node, f"(setsid spctl join {first} >/tmp/join.log 2>&1 </dev/null &)")


class Programs(Judge):
    def run(self, which):
        join(self, (2, 3))
        names = " ".join(which) if which else "applications " + " ".join(KINDS.values())
        for nodes in (2, 3):
            self.passes(f"programs over {nodes} guests", {1: f"/usr/lib/superproc/programs {nodes} {LIMIT_S} {names}"}, 1200)
        domains = {f"node{node}": int(self.ask(node, "xenstore-read domid")) for node in (2, 3)}
        self._peer_dies(domains)
        join(self, (4,))
        self._threads_die(4)
        self.passes("the guests that live run the next program",
                    {1: f"/usr/lib/superproc/programs 2 {LIMIT_S} bash barrier"}, 120)
        return self.status()

    def _peer_dies(self, domains):
        self._begin(f"{CLUSTER} python3 /usr/lib/superproc/peer_dies.py /tmp/death")
        place = self._said(r"^peer (\w+)")
        if not place:
            self.judge("a program over three guests", False)
            return
        self.ask(0, f"xl destroy {domains[place[1]]}")
        self._judge_end("a guest is destroyed under a program over three: the others go on", 0, r"others begin")

    def _threads_die(self, node):
        self._begin(f"{CLUSTER} /usr/lib/superproc/fault-storm futex 6")
        self._said("^ready")
        self.ask(0, f"xl destroy {self.ask(node, 'xenstore-read domid')}")
        self._judge_end("a guest is destroyed under a process with threads on three: it is killed", 137, "")

    def _begin(self, command):
        self.ask(1, f"rm -f /tmp/end; (setsid sh -c 'cd /; {command} >/tmp/said 2>&1 </dev/null; echo $? >/tmp/end' &)")
        self._began = time.monotonic()

    def _said(self, pattern):
        while time.monotonic() - self._began < LIMIT_S:
            if found := re.search(pattern, self.ask(1, "cat /tmp/said 2>/dev/null"), re.MULTILINE):
                return found
        return None

    def _judge_end(self, name, wanted, pattern):
        until = time.monotonic() + DEATH_LIMIT_S
        while not (end := self.ask(1, "cat /tmp/end 2>/dev/null")) and time.monotonic() < until:
            time.sleep(0.5)
        said = self.ask(1, "cat /tmp/said")
        passed = end == str(wanted) and re.search(pattern, said) is not None
        if not passed:
            self.say(f"  status {end or 'none: it has not ended'}; {said}")
        self.judge(name, passed)
