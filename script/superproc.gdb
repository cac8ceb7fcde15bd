# SPDX-License-Identifier: Apache-2.0
# For gdb attached to one resident of a SubProcess, or with a core of one:
#   gdb -p PID -x script/superproc.gdb
#   (gdb) superproc            this resident's node, the state of the SubProcess, its nodes
#   (gdb) superproc threads    every thread of it, on all nodes
#   (gdb) superproc calls      which system calls were dispatched, trapped and refused
# It reads the control segment at kControlBase with the types in libsuperproc.so's debug information.

# Syscall User Dispatch lives on SIGSYS: one for each call that is not patched. gdb must not stop there.
handle SIGSYS nostop noprint pass

python
class Superproc(gdb.Command):
    """superproc [threads | calls]: what superproc knows about the process that gdb is attached to."""

    CONTROL_BASE = 0x1E0000000000
    NODE_BASE = 0x1F0000000000
    MAGIC = 0x31636F7270727573

    def __init__(self):
        super().__init__("superproc", gdb.COMMAND_STATUS)

    def complete(self, text, word):
        return [w for w in ("threads", "calls") if w.startswith(word)]

    @staticmethod
    def at(address, name):
        try:
            kind = gdb.lookup_type("sp::wire::" + name)
        except gdb.error:
            raise gdb.GdbError("no debug information of libsuperproc.so: say `add-symbol-file` or use build/release's")
        return gdb.Value(address).cast(kind.pointer()).dereference()

    @staticmethod
    def plain(value):
        """The value inside a std::atomic, or the value."""
        kind = value.type.strip_typedefs()
        if kind.code == gdb.TYPE_CODE_STRUCT and "atomic" in str(kind):
            for field in ("_M_i", "_M_base"):
                try:
                    return Superproc.plain(value[field])
                except gdb.error:
                    pass
        return value

    def name(self, value):
        return str(self.plain(value)).rsplit("::", 1)[-1]

    def number(self, value):
        return int(self.plain(value))

    def invoke(self, argument, from_tty):
        control = self.at(self.CONTROL_BASE, "SubProcessControl")
        try:
            magic = int(control["magic"])
        except gdb.MemoryError:
            raise gdb.GdbError("no control segment: this process does not run under superproc")
        if magic != self.MAGIC:
            raise gdb.GdbError("there is something else at the control segment's address (magic 0x%x)" % magic)
        getattr(self, "show_" + (argument.strip() or "nodes"), self.usage)(control)

    def usage(self, control):
        raise gdb.GdbError("superproc, superproc threads or superproc calls")

    def show_nodes(self, control):
        identity, options = control["identity"], control["options"]
        print("SubProcess %d of SuperProcess %d, %s, %d nodes, home is node %d" % (
            int(identity["pid"]), int(identity["superprocess"]), self.name(control["state"]),
            int(options["node_count"]), int(identity["home_node"])))
        try:
            print("this process is its resident on node %d" % int(self.at(self.NODE_BASE, "NodePrivate")["node"]))
        except gdb.MemoryError:
            pass
        print("%-5s %-9s %8s %8s %8s %10s %10s %10s" % (
            "node", "state", "process", "agent", "threads", "dispatched", "trapped", "requests"))
        for index in range(int(options["node_count"])):
            node = control["nodes"][index]
            process = self.number(node["host_pid"])
            if index == int(identity["home_node"]):
                process = int(identity["pid"])
            print("%-5d %-9s %8d %8d %8d %10d %10d %10d" % (
                index, self.name(node["state"]), process, self.number(node["agent_tid"]),
                self.number(node["thread_count"]), self.number(node["dispatched"]), self.number(node["trapped"]),
                self.number(node["requests_served"])))

    @staticmethod
    def thread_name(process, tid):
        """As the kernel has it; of a core nobody knows it."""
        try:
            with open("/proc/%d/task/%d/comm" % (process, tid), errors="replace") as comm:
                return comm.read().rstrip("\n")
        except OSError:
            return "-"

    def show_threads(self, control):
        print("%8s %5s %-9s %s" % ("tid", "node", "state", "name"))
        for index in range(self.number(control["thread_high"])):
            thread = control["threads"][index]
            if self.name(thread["state"]) != "free":
                tid, node = self.number(thread["tid"]), self.number(thread["node"])
                process = self.number(control["nodes"][node]["host_pid"]) or int(control["identity"]["pid"])
                print("%8d %5d %-9s %s" % (tid, node, self.name(thread["state"]), self.thread_name(process, tid)))

    def show_calls(self, control):
        print("%6s %12s %12s %12s" % ("call", "dispatched", "trapped", "refused"))
        fields = ("dispatched_by_number", "trapped_by_number", "refused_by_number")
        for number in range(512):
            counts = [self.number(control[field][number]) for field in fields]
            if any(counts):
                print("%6d %12d %12d %12d" % (number, *counts))


Superproc()
end
