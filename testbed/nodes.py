# SPDX-License-Identifier: Apache-2.0
"""What the nodes boot: Debian's hypervisor and kernels, and two initramfs with the project's own programs.

Made again when anything that goes in has changed: an image's key is the hash of names, sizes and times of its parts.
"""
import glob
import gzip
import hashlib
import os
import re
import shutil
import signal
import subprocess

import debian
from image import LIBRARIES, Image

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = [f"drivers/xen/{m}.ko" for m in ("xen-gntdev", "xen-gntalloc", "xen-evtchn", "xen-privcmd", "xenfs/xenfs")]
TOOLSTACK = ("xl", "xenstored", "xenconsoled", "xen-init-dom0", "xenconsole", "lsevtchn", "libxl-save-helper")
PROGRAMS = ("testbed/testbed-agent", "bin/spctl", "bin/sp-xen", "bin/spd", "bin/sp-shadow", "lib/libsuperproc.so", "tests/backend-suite-xen",
            "tests/xen-pair", "tests/xen-range", "tests/memory-files", "bin/sp-bench-probe", "bin/sp-bench-message",
            "bin/sp-bench-notified", "bin/sp-bench-domains")  # of the build, as far as they are there
TESTS = ("tests/programs/*", "bin/histogram", "bin/make-bitmap", "bin/hello_nodes", "tests/fault/fault-storm")  # in the guests, under /usr/lib/superproc
SYSTEM = ("bash", "uname", "cat", "cut", "head", "sort", "seq", "tr", "uniq", "env", "paste")  # of this machine: busybox is static, and stays on its node
APPS = ("pigz", "xz-utils", "zstd", "perl-base", "make")  # and Python
PYTHON_FILES = ("usr/bin/python3.*", "usr/lib/python3.*")
APP_FILES = ("usr/bin/pigz", "usr/bin/xz", "usr/bin/zstd", "usr/bin/perl", "usr/bin/make", "usr/lib/x86_64-linux-gnu/perl-base", *PYTHON_FILES)
FOR_HOSTS = ("vmlinux-guest", "guest.cpio", "testbed-agent", "create-nodes")
PARTIAL = [f"{HERE}/../tests/programs/{mode}-partial" for mode in ("expected", "spread", "strict", "domains")]
STORE = ("read", "write", "ls", "exists", "rm", "chmod", "watch", "list")


def make(folder, build, hypervisor, say):
    """A folder with xen, vmlinux-host and dom0.cpio to be emulated, and what a host that runs Xen needs: FOR_HOSTS."""
    images = os.path.join(folder, "images")
    os.makedirs(images, exist_ok=True)
    unpacked, kernels = fetch(folder, say)
    module = build_module(folder, kernels["guest"])
    programs = [os.path.join(build, p) for p in PROGRAMS if os.path.exists(os.path.join(build, p))]
    if not any(p.endswith("testbed-agent") for p in programs):
        raise FileNotFoundError(f"{build} has no testbed-agent: build superproc first (HACKING.md), or say --build")
    hypervisor = hypervisor or os.path.join(unpacked, "boot", "xen-4.17-amd64.gz")
    tests = [p for pattern in TESTS for p in glob.glob(os.path.join(build, pattern)) if os.path.isfile(p) and os.access(p, os.X_OK)]
    parts = programs + tests + [hypervisor, module] + glob.glob(HERE + "/*.py") + [HERE + "/xen"] + glob.glob(HERE + "/guest/*") + glob.glob(f"{HERE}/../tests/fault/*.py") + PARTIAL + list(kernels.values())
    key = hashlib.sha256("".join(f"{p} {os.stat(p).st_mtime_ns} {os.stat(p).st_size}\n" for p in sorted(parts)).encode())
    marker = os.path.join(images, "key")
    if os.path.exists(marker) and open(marker, encoding="utf-8").read() == key.hexdigest():
        return images
    say("building the images")
    with gzip.open(hypervisor) as packed, open(os.path.join(images, "xen"), "wb") as out:
        out.write(packed.read())
    for which, kernel in kernels.items():
        debian.vmlinux(glob.glob(f"{kernel}/boot/vmlinuz-*")[0], os.path.join(images, f"vmlinux-{which}"))
    guest_image(unpacked, kernels["guest"], programs, module, tests, os.path.join(folder, "apps")).write(os.path.join(images, "guest.cpio"))
    for path in (f"{HERE}/guest/create-nodes", next(p for p in programs if p.endswith("testbed-agent"))):
        shutil.copy(path, images)
    host_image(unpacked, kernels["host"], programs, images, os.path.join(folder, "apps")).write(os.path.join(images, "dom0.cpio"))
    with open(marker, "w", encoding="utf-8") as file:
        file.write(key.hexdigest())
    return images


def fetch(folder, say):
    debs = os.path.join(folder, "debs")
    kernels = {which: debian.kernel_package(meta) for which, meta in debian.KERNELS.items()}
    if not os.path.isdir(debs):
        say("downloading Debian's packages (about 100 MB, once)")
    unpacked = os.path.join(folder, "packages")
    debian.unpack(debian.download(debian.XEN, debs), unpacked)
    for which, package in kernels.items():
        debian.unpack(debian.download([package], debs), os.path.join(folder, f"kernel-{which}"))
    debian.unpack(debian.download([*APPS, *debian.python_packages()], debs), os.path.join(folder, "apps"))
    debian.unpack(debian.download(debian.header_packages(kernels["guest"]), debs), os.path.join(folder, "headers"))
    return unpacked, {which: os.path.join(folder, f"kernel-{which}") for which in kernels}


def build_module(folder, kernel):
    """The module of gnttab-shm/module for the guests' kernel."""
    release = os.listdir(f"{kernel}/lib/modules")[0]
    headers = os.path.abspath(os.path.join(folder, "headers"))
    makefile = f"{headers}/usr/src/linux-headers-{release}/Makefile"
    with open(makefile, encoding="utf-8") as file:
        said = file.read()
    with open(makefile, "w", encoding="utf-8") as file:  # it names the place where the package would be installed
        file.write(re.sub(r"^include .*?/usr/src", f"include {headers}/usr/src", said))
    script = os.path.join(HERE, "..", "script", "build-module")
    done = subprocess.run([script, os.path.dirname(makefile), os.path.join(os.path.abspath(folder), "module")],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        raise debian.PackageError(done.stderr.strip())
    return done.stdout.strip()


def _test_programs(built):
    """(name, exit status as a shell sees it), by what the sources expect (tests/programs/run)."""
    names = {os.path.basename(path) for path in built}
    for path in glob.glob(f"{HERE}/../tests/programs/*/*.c*"):
        name = os.path.splitext(os.path.basename(path))[0]
        if name not in names:
            continue  # a library of one of them
        with open(path, encoding="utf-8") as source:
            expected = re.search(r"^// expect: (exit|signal) (\w+)", source.read(), re.MULTILINE)
        end = 0 if not expected else int(expected[2]) if expected[1] == "exit" else 128 + signal.Signals["SIG" + expected[2]]
        yield name, int(end)


def common_image(unpacked, kernel, programs, init):
    image = Image()
    image.folder("proc", "sys", "dev", "tmp", "run", "etc", "var/log/xen", "var/lib/xen", "var/lib/xenstored", "usr/lib")
    image.device("dev/console", 5, 1)
    image.text("etc/passwd", "root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n", 0o644)
    image.text("etc/group", "root:x:0:\nnogroup:x:65534:\n", 0o644)
    busybox = os.path.join(unpacked, "bin", "busybox")
    image.file("bin/busybox", busybox)
    for name in os.popen(f"'{busybox}' --list").read().split():
        if name != "busybox":
            image.link(f"bin/{name}", "busybox")
    for module in MODULES:
        image.file(f"mod/{os.path.basename(module)}", glob.glob(f"{kernel}/lib/modules/*/kernel/{module}")[0], 0o644)
    for program in programs:
        name = os.path.basename(program)
        image.program(f"lib/{name}" if name.endswith(".so") else f"bin/{name}", program)
    image.file("bin/xenstore", os.path.join(unpacked, "usr/bin/xenstore"))
    for name in STORE:
        image.link(f"bin/xenstore-{name}", "xenstore")
    image.file("init", os.path.join(HERE, "guest", init))
    return image


def guest_image(unpacked, kernel, programs, module, tests, apps):
    image = common_image(unpacked, kernel, programs, "init.domu")
    image.file(f"mod/{os.path.basename(module)}", module, 0o644)
    for program in tests:
        image.program(f"usr/lib/superproc/{os.path.basename(program)}", program)
    image.text("usr/lib/superproc/names", "".join(f"{name} {end}\n" for name, end in sorted(_test_programs(tests))), 0o644)
    image.text("usr/lib/superproc/partial", "".join(open(path, encoding="utf-8").read() for path in PARTIAL), 0o644)
    for pattern in APP_FILES:
        for path in glob.glob(pattern, root_dir=apps):
            image.tree(path, os.path.join(apps, path))
    image.link("usr/bin/python3", os.path.basename(glob.glob(f"{apps}/usr/bin/python3.*")[0]))
    image.file("usr/lib/superproc/programs", os.path.join(HERE, "guest", "programs"))
    image.file("usr/lib/superproc/peer_dies.py", f"{HERE}/../tests/fault/peer_dies.py", 0o644)
    for name in SYSTEM:
        image.file(f"usr/bin/{name}", os.path.realpath(f"/usr/bin/{name}"))
    image.add_closure(unpacked)
    return image


def host_image(unpacked, kernel, programs, images, apps):
    image = common_image(unpacked, kernel, programs, "init.dom0")
    for name in TOOLSTACK:
        image.file(f"usr/lib/xen-4.17/bin/{name}", os.path.join(unpacked, "usr/lib/xen-4.17/bin", name))
        image.link(f"bin/{name}", f"../usr/lib/xen-4.17/bin/{name}")
    image.text("etc/xen/xl.conf", "", 0o644)
    for script in glob.glob(os.path.join(unpacked, "etc/xen/scripts/*")):
        image.file(f"etc/xen/scripts/{os.path.basename(script)}", script)
    image.file(f"{LIBRARIES}/libgcc_s.so.1", "/lib/x86_64-linux-gnu/libgcc_s.so.1")  # xl opens it at run time
    for name in FOR_HOSTS:
        image.file(f"boot/{name}", os.path.join(images, name))
    image.link("bin/create-nodes", "/boot/create-nodes")
    # Python and the test bed itself, for its test on a host that runs Xen.
    for pattern in PYTHON_FILES:
        for path in glob.glob(pattern, root_dir=apps):
            image.tree(path, os.path.join(apps, path))
    image.link("usr/bin/python3", os.path.basename(glob.glob(f"{apps}/usr/bin/python3.*")[0]))
    for path in (f"{HERE}/xen", *glob.glob(f"{HERE}/*.py")):
        image.file(f"usr/lib/superproc/testbed/{os.path.basename(path)}", path)
    image.add_closure(unpacked)
    return image
