# SPDX-License-Identifier: Apache-2.0
"""Debian packages: found by name, downloaded with apt-get, unpacked beside each other, never installed.

A kernel's package name carries an ABI number that moves with security updates, so it is what its meta package depends
on today. What has been downloaded is kept; `download` is a no-op when the names have not changed.
"""
import os
import re
import shutil
import struct
import subprocess

XEN = """xen-hypervisor-4.17-amd64 xen-utils-4.17 xen-utils-common xenstore-utils libxencall1 libxenevtchn1
  libxenforeignmemory1 libxengnttab1 libxenmisc4.17 libxenstore4 libxentoollog1 libxentoolcore1 libxenhypfs1
  libxendevicemodel1 libyajl2 busybox-static""".split()
KERNELS = {"host": "linux-image-amd64", "guest": "linux-image-cloud-amd64"}  # the cloud kernel cannot be a dom0
DECOMPRESSORS = {b"\x1f\x8b": ["gzip", "-dc"], b"\xfd7zXZ\0": ["xz", "-dc", "--single-stream"],
                 b"\x02\x21\x4c\x18": ["lz4", "-dc"], b"\x28\xb5\x2f\xfd": ["zstd", "-dc"]}


class PackageError(Exception):
    """A package is not to be had; the text says what to do."""


def kernel_package(meta):
    shown = subprocess.run(["apt-cache", "depends", meta], capture_output=True, text=True, check=False)
    found = re.findall(r"Depends: (linux-image-\d\S+)", shown.stdout)
    if not found:
        raise PackageError(f"no kernel found behind {meta}: run `apt-get update` as root, on Debian 12")
    return found[0]


def python_packages():
    """Python with its library, without what this machine may have instead of Debian's."""
    shown = subprocess.run(["apt-cache", "depends", "python3-minimal"], capture_output=True, text=True, check=False)
    found = re.findall(r"Depends: (python3\.\d+)-minimal", shown.stdout)
    if not found:
        raise PackageError("no package behind python3-minimal: run `apt-get update` as root, on Debian 12")
    return [f"{found[0]}-minimal", f"lib{found[0]}-minimal", f"lib{found[0]}-stdlib"]


def header_packages(kernel):
    """What a module of this kernel is built with."""
    headers = kernel.replace("linux-image-", "linux-headers-").replace("-unsigned", "")
    shown = subprocess.run(["apt-cache", "depends", headers], capture_output=True, text=True, check=False)
    return [headers, *re.findall(r"Depends: (linux-(?:headers|kbuild)-\S+)", shown.stdout)]


def download(packages, folder):
    """The .deb files of these packages, one each."""
    os.makedirs(folder, exist_ok=True)
    missing = [name for name in packages if not _deb(folder, name)]
    if missing:
        done = subprocess.run(["apt-get", "download", "-q", *missing], cwd=folder, capture_output=True, text=True,
                              check=False)
        if done.returncode:
            raise PackageError(f"apt-get download {' '.join(missing)}:\n{done.stderr.strip()[-800:]}")
    return [_deb(folder, name) for name in packages]


def _deb(folder, name):
    found = [f for f in sorted(os.listdir(folder)) if f.startswith(name + "_") and f.endswith(".deb")]
    return os.path.join(folder, found[-1]) if found else None


def unpack(debs, folder):
    """Anew if the list is another one than that of last time."""
    marker = os.path.join(folder, ".packages")
    wanted = "\n".join(os.path.basename(d) for d in debs)
    if os.path.exists(marker) and open(marker, encoding="utf-8").read() == wanted:
        return
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for deb in debs:
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
    with open(marker, "w", encoding="utf-8") as file:
        file.write(wanted)


def vmlinux(boot_image, out):
    """The ELF kernel inside a bzImage (boot protocol 2.08 and later), which Xen's own loader takes."""
    with open(boot_image, "rb") as file:
        image = file.read()
    sectors = image[0x1F1] or 4
    offset, size = struct.unpack_from("<II", image, 0x248)
    start = (sectors + 1) * 512 + offset
    payload = image[start:start + size]
    command = next((c for magic, c in DECOMPRESSORS.items() if payload.startswith(magic)), None)
    if not command:
        raise PackageError(f"{boot_image} is compressed in a way that is not known here")
    # The last four bytes are the size of the kernel, which is no part of the compressed data.
    body = payload if command[0] == "gzip" else payload[:-4]
    done = subprocess.run(command, input=body, capture_output=True, check=False)
    if not done.stdout.startswith(b"\x7fELF"):
        raise PackageError(f"{' '.join(command)} could not decompress {boot_image}: {done.stderr.decode()[:200]}")
    with open(out, "wb") as file:
        file.write(done.stdout)
