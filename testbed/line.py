# SPDX-License-Identifier: Apache-2.0
"""The conversation with the nodes, over the machine's line (protocol: guest/agent.cpp).

One asker at a time: a lock on `run/line.lock`. A command is known by a random number, so what an earlier asker's
command still has to say is not taken for this one's.
"""
import base64
import fcntl
import os
import random
import re
import select
import time

MESSAGE = re.compile(r"@(\d+) (\w+) (\w+)(?: ([\w+/=]*))?\r?$")


class LineError(Exception):
    """A node does not answer, or the machine has ended."""


class Line:
    def __init__(self, machine, folder):
        self._lock = open(os.path.join(folder, "run", "line.lock"), "w", encoding="utf-8")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LineError("another command is talking to this cluster: wait for its end") from None
        self._socket = machine.connect()
        self._unread = b""
        self._log = open(os.path.join(folder, "run", "nodes.log"), "a", encoding="utf-8")

    def fileno(self):
        return self._socket.fileno()

    def close(self):
        self._socket.close()
        self._lock.close()

    def send(self, node, number, verb, data=b""):
        self._socket.sendall(f"@{node} {number} {verb} ".encode() + base64.b64encode(data) + b"\n")

    def messages(self, timeout_s):
        """The (node, number, verb, text) that have come after at most this time; what kernels say goes into the log."""
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return []
        got = self._socket.recv(65536)
        if not got:
            raise LineError("the machine has ended")
        *lines, self._unread = (self._unread + got).split(b"\n")
        return [m for m in map(self._parse, lines) if m]

    def _parse(self, line):
        found = MESSAGE.search(line.decode("latin-1"))  # what precedes it is an echo of before the agent's start
        if not found:
            return None
        node, number, verb, text = int(found[1]), found[2], found[3], found[4] or ""
        if verb == "log":
            self._log.write(f"node {node}: {base64.b64decode(text).decode('latin-1')}\n")
            self._log.flush()
            return None
        return node, number, verb, text

    def await_nodes(self, nodes, timeout_s, progress):
        """Until each node has answered a ping."""
        end, waiting, pinged = time.monotonic() + timeout_s, set(range(nodes)), 0.0
        while waiting:
            if time.monotonic() > end:
                raise LineError(f"no answer from node {', '.join(map(str, sorted(waiting)))} in {timeout_s} s")
            if time.monotonic() - pinged > 2:
                pinged = time.monotonic()
                for node in waiting:
                    self.send(node, "1", "ping")
            for node, _, verb, _ in self.messages(0.5):
                if verb == "ready" and node in waiting:
                    waiting.remove(node)
                    progress(node)

    def run(self, nodes, command, output, timeout_s=None):
        """Runs a shell command, or one for each ({node: command}), on these nodes at once; {node: exit status}.

        `output(node, verb, bytes)` gets its words.
        """
        number, statuses = str(random.getrandbits(40)), {}
        end = time.monotonic() + timeout_s if timeout_s else None
        try:
            for node in nodes:
                self.send(node, number, "run", (command if isinstance(command, str) else command[node]).encode())
                self.send(node, number, "in")
            while len(statuses) < len(nodes):
                if end and time.monotonic() > end:
                    raise LineError(f"the command did not end in {timeout_s} s")
                for node, whose, verb, text in self.messages(0.5):
                    if whose == number and verb == "exit":
                        statuses[node] = int(text)
                    elif whose == number:
                        output(node, verb, base64.b64decode(text))
        finally:
            for node in set(nodes) - set(statuses):
                self.send(node, number, "kill")
        return statuses
