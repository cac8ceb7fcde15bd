# SPDX-License-Identifier: Apache-2.0
"""An initramfs: a tree in memory, written as a cpio archive (newc), which needs neither root nor a tool.

Programs bring the shared libraries that they need: `add_closure` follows DT_NEEDED, in the unpacked packages first and
then on this machine.
"""
import os
import re
import stat
import subprocess

LIBRARIES = "lib/x86_64-linux-gnu"
FOLDERS = ("usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu", "usr/lib/xen-4.17/lib/x86_64-linux-gnu")


class Image:
    def __init__(self):
        self._entries = {}  # path: (mode, content, device)
        self._sources = {}  # path of an ELF file here: where it came from

    def folder(self, *paths):
        for path in paths:
            parts = path.strip("/").split("/")
            for depth in range(1, len(parts) + 1):
                self._entries.setdefault("/".join(parts[:depth]), (stat.S_IFDIR | 0o755, b"", (0, 0)))

    def text(self, path, content, mode=0o755):
        self._put(path, stat.S_IFREG | mode, content.encode())

    def link(self, path, target):
        self._put(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path, major, minor):
        self._put(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def file(self, path, source, mode=0o755):
        with open(source, "rb") as file:
            content = file.read()
        self._put(path, stat.S_IFREG | mode, content)
        if content.startswith(b"\x7fELF"):
            self._sources[path] = source

    def tree(self, path, source):
        """A file, or a folder with all that is in it."""
        if os.path.islink(source) and not os.path.isfile(source):
            return
        if not os.path.isdir(source):
            self.file(path, source)
            return
        self.folder(path)
        for name in os.listdir(source):
            self.tree(f"{path}/{name}", os.path.join(source, name))

    def program(self, path, source):
        """Without its debugging information, which is most of it."""
        with open(source, "rb") as file:
            if not file.read(4).startswith(b"\x7fELF"):
                return self.file(path, source)
        stripped = source + ".stripped"
        try:
            subprocess.run(["strip", "--strip-debug", "-o", stripped, source], check=True)
            self.file(path, stripped)
            self._sources[path] = source
        finally:
            if os.path.exists(stripped):
                os.unlink(stripped)
        return None

    def has(self, path):
        return path in self._entries

    def add_closure(self, unpacked):
        """The loader and every shared library that the files so far need."""
        self.file("lib64/ld-linux-x86-64.so.2", os.path.realpath("/lib64/ld-linux-x86-64.so.2"))
        seen = set()
        while todo := set(self._sources.values()) - seen:
            seen |= todo
            shown = subprocess.run(["readelf", "-d", *todo], capture_output=True, text=True, check=False).stdout
            for name in set(re.findall(r"\(NEEDED\).*\[(.*)\]", shown)):
                if not self.has(f"{LIBRARIES}/{name}") and not name.startswith("ld-linux"):
                    self.file(f"{LIBRARIES}/{name}", _library(name, unpacked))

    def write(self, out):
        with open(out + ".new", "wb") as file:
            for number, path in enumerate(sorted(self._entries), 1):
                _write_entry(file, number, path, *self._entries[path])
            _write_entry(file, 0, "TRAILER!!!", 0, b"", (0, 0))
        os.rename(out + ".new", out)

    def _put(self, path, mode, content, device=(0, 0)):
        if "/" in path:
            self.folder(os.path.dirname(path))
        self._entries[path] = (mode, content, device)


def _library(name, unpacked):
    for root in (unpacked, "/"):
        for folder in FOLDERS:
            path = os.path.join(root, folder, name)
            if os.path.exists(path):
                return os.path.realpath(path)
    raise FileNotFoundError(f"the library {name} is neither in the unpacked packages nor on this machine")


def _write_entry(file, number, path, mode, content, device):
    name = path.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, *device, len(name), 0)
    record = b"070701" + b"".join(b"%08X" % field for field in fields) + name
    file.write(record + b"\0" * (-len(record) % 4) + content + b"\0" * (-len(content) % 4))
