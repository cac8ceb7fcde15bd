# SPDX-License-Identifier: Apache-2.0
"""The machine that a cluster is on, as one that answers its line: emulated here, or this one (host.py).

Emulated: one QEMU process that boots Xen, its dom0 (node 0) and, from there, the other nodes. Whose process it is:
`run/machine.json` holds its PID and the time at which that process began, so a number that has been given to somebody
else is never taken for ours. QEMU's second serial port, a Unix socket in `run/`, is the line.
"""
import ctypes
import json
import os
import signal
import socket
import subprocess
import time

# SMAP, MWAIT and RDTSCP are not what Xen expects of them under emulation; lazy FPU switching loses registers there, and
# AVX is now and then an invalid operation after a change of domains, which kept a guest from booting.
# What bench tells of the processor says that it is none.
CPU = "EPYC,model-id=emulated by QEMU,-smap,-monitor,-rdtscp,-avx,-avx2,-f16c,-fma,-xsavec"
XEN = ("console=com1 com1=115200,8n1 dom0_max_vcpus=1 loglvl=all guest_loglvl=all gnttab_max_frames=1024 "
       "gnttab_max_maptrack_frames=4096 spec-ctrl=eager-fpu cpuidle=0 cpufreq=none noreboot=1 ")
DOM0_MIB = 1024


class MachineError(Exception):
    """The machine is not there, or not as it should be; the text says what to do."""


class Machine:
    """What is written down of the process that has the line, in `run/`."""

    def __init__(self, folder):
        self._run = os.path.join(folder, "run")
        self._record = os.path.join(self._run, "machine.json")
        self.socket_path = os.path.join(self._run, "line.sock")
        self.log_path = os.path.join(self._run, "console.log")

    def record(self):
        """What is known of the running machine; None when there is none."""
        try:
            with open(self._record, encoding="utf-8") as file:
                record = json.load(file)
        except (FileNotFoundError, ValueError):
            return None
        return record if _began(record["pid"]) == record["began"] else None

    def _prepare(self):
        if self.record():
            raise MachineError("a cluster is up already: `testbed/xen down` first")
        os.makedirs(self._run, exist_ok=True)
        if os.path.exists(self.socket_path):
            os.unlink(self.socket_path)

    def _remember(self, process, nodes):
        self._write({"pid": process.pid, "began": _began(process.pid), "nodes": nodes, "ready": False})

    def mark_ready(self):
        self._write({**self.record(), "ready": True})

    def connect(self):
        """The line, as a socket; the machine's socket appears a moment after its start."""
        end = time.monotonic() + 10
        while True:
            if not self.record():
                raise MachineError(f"the machine has ended: see what is in {self._run}")
            line = socket.socket(socket.AF_UNIX)
            try:
                folder = os.open(self._run, os.O_PATH)
                line.connect(f"/proc/self/fd/{folder}/line.sock")  # any length of path
                return line
            except (FileNotFoundError, ConnectionRefusedError):
                line.close()
                if time.monotonic() > end:
                    raise MachineError(f"nobody listens at {self.socket_path}") from None
                time.sleep(0.1)
            finally:
                os.close(folder)

    def stop(self):
        """Ends the machine, if it is ours and alive; True if there was one."""
        record = self.record()
        if record:
            os.kill(record["pid"], signal.SIGTERM)
            for tick in range(100):
                if _began(record["pid"]) != record["began"]:
                    break
                if tick == 50:
                    os.kill(record["pid"], signal.SIGKILL)
                time.sleep(0.1)
        for path in (self._record, self.socket_path):
            if os.path.exists(path):
                os.unlink(path)
        return bool(record)

    def tail(self, lines=15):
        try:
            with open(self.log_path, encoding="latin-1") as file:
                return "".join(file.readlines()[-lines:])
        except FileNotFoundError:
            return ""

    def _write(self, record):
        with open(self._record + ".new", "w", encoding="utf-8") as file:
            json.dump(record, file)
        os.rename(self._record + ".new", self._record)


class Emulated(Machine):
    def start(self, images, nodes, guest_mib, share_pages, lasting=True, room=0):
        """A machine that lasts makes way for other work; one that does not ends with this process, whatever ends that.

        It has memory for `room` guests, at least for its nodes.
        """
        self._prepare()
        total_mib = DOM0_MIB + max(nodes - 1, room) * (guest_mib + 32) + 384
        linux = (f"{images}/vmlinux-host console=hvc0 earlyprintk=xen rdinit=/init quiet tsc=reliable clocksource=xen "
                 f"sp_nodes={nodes} sp_memory={guest_mib} sp_pages={share_pages}")
        command = ["qemu-system-x86_64", "-machine", "pc", "-accel", "tcg,thread=multi", "-cpu", CPU,
                   "-m", str(total_mib), "-smp", "1", "-nodefaults", "-nographic", "-no-reboot",
                   "-chardev", f"file,id=console,path={self.log_path}", "-serial", "chardev:console",
                   "-chardev", f"socket,id=line,path={os.path.relpath(self.socket_path, images)},server=on,wait=off",
                   "-serial", "chardev:line",
                   "-kernel", f"{images}/xen", "-append", f"{XEN}dom0_mem={DOM0_MIB}M,max:{DOM0_MIB}M",
                   "-initrd", f"{linux},{images}/dom0.cpio"]
        with open(os.path.join(self._run, "qemu.log"), "wb") as log:
            process = subprocess.Popen(command, cwd=images, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, preexec_fn=make_way if lasting else end_with_parent)
        self._remember(process, nodes)
        return process


def make_way():
    os.nice(10)


def end_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def _began(pid):
    """When a living process began, in clock ticks since boot; None for one that is dead or a zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="latin-1") as file:
            fields = file.read().rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except FileNotFoundError:
        return None
