# SPDX-License-Identifier: Apache-2.0
"""What a SuperProcess leaves behind: processes (found by a tag in their environment, so that whoever was forked by
whomever is found), files in /dev/shm and in its own TMPDIR, shared memory of the kernel. Nothing is what it must be."""
import os
import shutil
import subprocess
import tempfile
import time
import uuid

# Others use memory meanwhile; a segment that stays is bigger than this.
SHMEM_SLACK_KB = 12 * 1024


def shmem_kb():
    with open("/proc/meminfo", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Shmem:"))


def shm_files():
    """Files there that are ours: other programs come and go."""
    return {name for name in os.listdir("/dev/shm") if "superproc" in name and not name.startswith("superproc-suite")}


def give_way():
    """Of a new session: those in others go first. Linux shares processors out among sessions, but one that sleeps and wakes
    all the time keeps the others waiting for seconds, and they are what judges it."""
    try:
        with open("/proc/self/autogroup", "w", encoding="ascii") as file:
            file.write("10")
    except OSError:
        pass  # a kernel without it


class Run:
    """One program on nodes, in a process group and a TMPDIR of its own. alone: no other test runs meanwhile, so that the
    kernel's shared memory is judged as well (it has no owner otherwise: segments go with the last process)."""

    def __init__(self, spctl, nodes, command, env=None, before=None, alone=False):
        self.alone = alone
        self.tag = f"SP_AFTERMATH={uuid.uuid4().hex}"
        self.folder = tempfile.mkdtemp(prefix="sp-aftermath-")
        self.shmem_kb, self.shm_files = shmem_kb(), shm_files()
        name, value = self.tag.split("=")
        env = dict(env if env is not None else os.environ, **{name: value, "TMPDIR": self.folder})
        self.command = [spctl, "run", "--nodes", str(nodes), "--", *command] if spctl else list(command)
        self.process = subprocess.Popen(self.command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, start_new_session=True,
                                        preexec_fn=lambda: (give_way(), before and before()))
        self.pid = self.process.pid

    def alive(self):
        """Pids of the run that are not zombies."""
        found = []
        for entry in os.listdir("/proc"):
            if not entry.isdigit() or int(entry) == os.getpid():
                continue
            try:
                with open(f"/proc/{entry}/environ", "rb") as file:
                    if self.tag.encode() not in file.read():
                        continue
                with open(f"/proc/{entry}/stat", encoding="utf-8", errors="replace") as file:
                    if file.read().rpartition(") ")[2][0] not in "ZX":
                        found.append(int(entry))
            except OSError:
                continue
        return found

    def wait(self, seconds):
        """The exit status as subprocess gives it, or None after the time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def left_behind(self, seconds=2.0):
        """What is still there that long after the end, as a list of sentences."""
        end = time.monotonic() + seconds
        while (pids := self.alive()) and time.monotonic() < end:
            time.sleep(0.02)
        problems = [f"process {pid} lives on ({describe(pid)})" for pid in pids]
        if new := shm_files() - self.shm_files:
            problems.append(f"in /dev/shm: {sorted(new)}")
        if rest := os.listdir(self.folder):
            problems.append(f"in TMPDIR: {rest}")
        more = 0
        while self.alone and (more := shmem_kb() - self.shmem_kb) > SHMEM_SLACK_KB and time.monotonic() < end + 3:
            time.sleep(0.1)
        if more > SHMEM_SLACK_KB:
            problems.append(f"{more} kB of shared memory")
        return problems

    def clear(self):
        """Whatever happened, nothing of ours stays."""
        for _ in range(5):
            for pid in self.alive():
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            pass
        shutil.rmtree(self.folder, ignore_errors=True)


def describe(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read().replace(b"\0", b" ").decode(errors="replace")
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            state, parent = file.read().rpartition(") ")[2].split()[:2]
        with open(f"/proc/{pid}/wchan", encoding="ascii") as file:
            waits = file.read()
        return f"{words}state {state}, parent {parent}, in {waits}"
    except OSError as error:
        return str(error)
