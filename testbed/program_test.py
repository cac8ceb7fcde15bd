# SPDX-License-Identifier: Apache-2.0
"""`testbed/xen test programs`: unmodified programs over domains, on a hypervisor with the extension, dom0 and four guests.

1. What a user is told where domains are not ready, or lie.
2. spctl nodes, up and down of domains; spctl bench between two.
3. Applications and programs of each kind of tests/programs over two and over three guests, as native (guest/programs).
4. A guest is destroyed under a program over three: what the others see (tests/fault/peer_dies.py).
5. A guest is destroyed under a process with threads on three: the process ends as by SIGKILL.
6. Nothing is left that keeps a program from being run on what still lives.
"""
import json
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
LIMIT_S, DEATH_LIMIT_S = 180, 120
CLUSTER = "spctl run --backend xen --nodes 3 --"
PAIR = "spctl run --backend xen --nodes 2 -- true"
OFFER = "/local/domain/{}/data/superproc/{}"


def join(judge, nodes):
    """Makes guests nodes of the clusters that node 1's guest starts."""
    first = judge.ask(1, "xenstore-read domid")
    for node in nodes:
        judge.ask(node, f"(setsid spctl join {first} >/tmp/join.log 2>&1 </dev/null &)")


class Programs(Judge):
    def run(self, which, quick):
        if not which:
            self._refusals(*(self.ask(node, "xenstore-read domid") for node in (1, 2)))
        join(self, (2, 3))
        if not which:
            self._nodes()
            self._killed()
            self._lasting()
            self._measured()
        names = " ".join(which) if which else "applications " + " ".join(KINDS.values())
        for nodes in (2, 3):
            chosen = "applications" if quick and not which and nodes == 2 else names
            self.passes(f"programs over {nodes} guests", {1: f"/usr/lib/superproc/programs {nodes} {LIMIT_S} {chosen}"}, 1200)
        domains = {f"node{node}": int(self.ask(node, "xenstore-read domid")) for node in (2, 3)}
        self._peer_dies(domains)
        join(self, (4,))
        self._threads_die(4)
        self.passes("the guests that live run the next program",
                    {1: f"/usr/lib/superproc/programs 2 {LIMIT_S} bash barrier"}, 120)
        return self.status()

    def _refusals(self, first, second):
        """Each as one line, with exit status 125. That all is well afterwards is what the programs show."""
        self._refused("without joined domains", 1, PAIR, f"0 of 1 other domains are ready: say `spctl join {first}`")
        self._refused("a domain of its own", 2, f"spctl join {second}", "no other domain")
        self._refused("dom0", 0, f"spctl join {first}", "the hypervisor shares no ranges with this domain")
        self._refused("without the module", 2, f"rmmod superproc_memory; spctl join {first}", "insmod superproc_memory.ko")
        self.ask(2, "insmod /mod/superproc_memory.ko")
        mine, theirs = OFFER.format(first, second), OFFER.format(second, first)
        for lie, answer in (("one two three", "0 of 1"), ("1 7 99999", "0 of 1 other domains are ready, 1 in use"),
                            ("1 0 0", f"domain {second} offers to be a node and cannot be linked with")):
            self.ask(2, f"xenstore-write {theirs} '{lie}' && xenstore-chmod {theirs} n{second} r{first}")
            self._refused(f"an offer of `{lie}`", 1, PAIR, answer)
            self.ask(2, f"xenstore-rm {theirs}")
        self.ask(1, f"xenstore-write {mine} '1 7 99999' && xenstore-chmod {mine} n{first} r{second}")
        words = "the first domain cannot be linked with"
        self._refused("the first domain lies", 2, f"spctl join {first} >/tmp/join.log 2>&1 & "
                      f"timeout 60 sh -c 'until grep \"{words}\" /tmp/join.log; do sleep 0.2; done'; kill $!; wait $!", words, 143)
        self.ask(1, f"xenstore-rm {mine}")

    def _refused(self, name, node, command, words, status=125):
        said = self.ask(node, f"({command}; echo status $?) 2>&1")
        passed = words in said and said.endswith(f"status {status}")
        if not passed:
            self.say(f"  {said}")
        self.judge(f"refused: {name}", passed)

    def _nodes(self):
        self._begin(f"{CLUSTER} bash -c \"echo up; read _ </tmp/go\"", "mkfifo /tmp/go")
        self._said("^up")
        rows = re.findall(r"^ *\d+ +\d+ +running .*ranges.*$", self.ask(1, "spctl nodes; timeout 60 sh -c 'echo go >/tmp/go'"), re.MULTILINE)
        for row in rows:
            self.say(f"  {row}")
        self._judge_end("spctl nodes shows the domains", 0, "up")
        self.judge("all of them", len(rows) == 3)

    def _killed(self):
        """All of superproc's processes in the first domain, in the middle: the next program has to wait for the others' nodes."""
        self._begin(f"{CLUSTER} bash -c \"echo up; sleep 1000\"")
        self._said("^up")
        self.ask(1, "killall -9 sp-xen spd; sleep 1")
        said = self.ask(1, f"for i in 1 2 3 4 5; do {PAIR} && break; done 2>&1; echo status $?")
        if not said.endswith("status 0"):
            self.say(f"  {said}")
        self.judge("a program after one whose launcher was killed", said.endswith("status 0"))

    def _lasting(self):
        where = "bash -c 'for i in 1 2 3 4 5 6; do uname -n; done | sort | uniq -c'"
        said = self.ask(1, f"(spctl up --backend xen --nodes 3 --name big && spctl run --cluster big -- {where} && "
                           f"spctl run --cluster big -- {where} && spctl down big; echo status $?) 2>&1")
        passed = said.endswith("status 0") and all(said.count(f" node{node}\n") == 2 for node in (1, 2, 3))
        if not passed:
            self.say(f"  {said}")
        self.judge("a cluster of domains that lasts: two programs, then it ends", passed)

    def _measured(self):
        said = self.ask(1, "spctl bench --backend xen --json --quick --runs 1 --only '^(event-channel|map-|message)' 2>&1")
        try:
            rows = {row["name"]: row for row in json.loads(said)}
        except ValueError:
            rows = {}
        for row in rows.values():
            self.say(f"  {row['name']}: {row['superproc']} {row['unit']}, {row['ratio']} times native; {row['processor']}")
        passed = len(rows) == 4 and all(row["ratio"] and "emulated" in row["processor"] for row in rows.values())
        if not passed:
            self.say(f"  {said}")
        self.judge("spctl bench between two domains", passed)

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

    def _begin(self, command, before=":"):
        self.ask(1, f"rm -f /tmp/end; {before}; (setsid sh -c 'cd /; {command} >/tmp/said 2>&1 </dev/null; echo $? >/tmp/end' &)")
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
