# SPDX-License-Identifier: Apache-2.0
"""A host that runs Xen: this machine is its dom0 and node 0, the other nodes are guests named superproc-nodeK.

One process, testbed-agent, has the line: a socket to whoever asks, the guests' consoles to the others. It and the guests, and
nothing else, are ended by `stop`, also where the process has been killed.
"""
import json
import os
import shutil
import subprocess

from machine import Machine, MachineError, end_with_parent, make_way

CAPABILITIES = "/proc/xen/capabilities"
CREATE_SECONDS_MAX = 120


def is_here():
    try:
        with open(CAPABILITIES, encoding="ascii") as file:
            return "control_d" in file.read()
    except OSError:
        return False


class Host(Machine):
    def start(self, images, nodes, guest_mib, share_pages, lasting=True):
        """As of an emulated machine; `images` has a kernel and a root image for guests, testbed-agent and create-nodes."""
        if os.geteuid() != 0 or not shutil.which("xl"):
            raise MachineError("guests of this host's Xen need root and xl (Debian: xen-utils); or say --emulated")
        self._prepare()
        self._end_guests()  # of an agent that was killed
        made = subprocess.run([f"{images}/create-nodes", *map(str, (nodes, guest_mib, share_pages, images, self._run))],
                              capture_output=True, text=True, check=False, timeout=CREATE_SECONDS_MAX)
        lines = made.stdout.split()
        with open(self.log_path, "w", encoding="utf-8") as log:
            log.write(made.stderr)
        self._write_guests(range(1, nodes))
        if made.returncode or len(lines) != nodes - 1:
            self._end_guests()
            raise MachineError(f"a guest does not start: {made.stderr.strip() or 'it has no console'}")
        process = subprocess.Popen([f"{images}/testbed-agent", "0", f"unix:{self.socket_path}", *lines], stdin=subprocess.DEVNULL,
                                   start_new_session=True, preexec_fn=make_way if lasting else end_with_parent)
        self._remember(process, nodes)
        return process

    def stop(self):
        had = super().stop()
        return self._end_guests() or had

    def _guests_path(self):
        return os.path.join(self._run, "guests.json")

    def _write_guests(self, numbers):
        names = [f"superproc-node{number}" for number in numbers]
        found = {name: subprocess.run(["xl", "domid", name], capture_output=True, text=True, check=False) for name in names}
        with open(self._guests_path(), "w", encoding="utf-8") as file:
            json.dump({name: int(one.stdout) for name, one in found.items() if one.returncode == 0}, file)

    def _end_guests(self):
        """Those that we started: a number may be another domain's by now, so its name is looked at."""
        try:
            with open(self._guests_path(), encoding="utf-8") as file:
                guests = json.load(file)
        except FileNotFoundError:
            return False
        for name, number in guests.items():
            now = subprocess.run(["xl", "domname", str(number)], capture_output=True, text=True, check=False)
            if now.stdout.strip() == name:
                subprocess.run(["xl", "destroy", str(number)], check=False)
        os.unlink(self._guests_path())
        return bool(guests)
