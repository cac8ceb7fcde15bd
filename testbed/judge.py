# SPDX-License-Identifier: Apache-2.0
"""Commands on nodes, and what is thought of their end: a line for each judgement, and how many failed."""
import re

from line import LineError

ASK_SECONDS_MAX = 240  # the machine may have other things to do as well
WORTH_SAYING = re.compile(r"each|noticed|assertions|faster|nodes|as native")


class Judge:
    def __init__(self, line, say):
        self._line, self.say, self._failures = line, say, 0

    def ask(self, node, command):
        words = []
        self._run(command, [node], command, lambda _, __, data: words.append(data), ASK_SECONDS_MAX)
        return b"".join(words).decode(errors="replace").strip()

    def _run(self, name, nodes, command, output, seconds):
        try:
            return self._line.run(nodes, command, output, seconds)
        except LineError as error:
            raise LineError(f"{name}: {error}") from None

    def passes(self, name, commands, seconds):
        words = {node: [] for node in commands}
        statuses = self._run(name, commands, commands, lambda node, _, data: words[node].append(data), seconds)
        passed = not any(statuses.values())
        for node, said in words.items():
            for text in b"".join(said).decode(errors="replace").splitlines():
                if not passed or WORTH_SAYING.search(text):
                    self.say(f"  node {node}: {text}")
        self.judge(name, passed)

    def judge(self, name, passed):
        self._failures += not passed
        self.say(f"{'ok  ' if passed else 'FAIL'} {name}")

    def status(self):
        self.say("all passed" if not self._failures else f"{self._failures} failed")
        return 1 if self._failures else 0
