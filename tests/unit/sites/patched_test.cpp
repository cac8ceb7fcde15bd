// SPDX-License-Identifier: Apache-2.0
// Real programs with every site of libc and the loader patched (probe.cpp) give the output that they give natively.
#include <array>
#include <cstdio>
#include <doctest/doctest.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Outcome {
  int status = -1;
  std::string output;
};

Outcome run_shell(const std::string& script) {
  Outcome outcome;
  FILE* pipe = popen(script.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> part;
  for (size_t bytes; (bytes = fread(part.data(), 1, part.size(), pipe)) > 0;) outcome.output.append(part.data(), bytes);
  outcome.status = pclose(pipe);
  return outcome;
}

// `program` is a command without single quotes.
void check_same_when_patched(const std::string& program) {
  INFO(program);
  const Outcome native = run_shell("sh -c '" + program + "' 2>&1");
  const Outcome patched = run_shell("env LD_PRELOAD=" SP_SITE_PROBE " sh -c '" + program + "' 2>&1");
  CHECK(WIFEXITED(native.status));
  CHECK(WEXITSTATUS(native.status) == 0);
  CHECK(patched.status == native.status);
  CHECK(patched.output == native.output);
}

bool installed(const std::string& program) { return WEXITSTATUS(run_shell("command -v " + program).status) == 0; }

} // namespace

TEST_CASE("the probe patches all sites and is passed through") {
  const Outcome outcome = run_shell("env LD_PRELOAD=" SP_SITE_PROBE " SP_PROBE_FD=3 ls / 3>&1 >/dev/null");
  uint32_t sites = 0, passed = 0;
  REQUIRE(sscanf(outcome.output.c_str(), "right sites=%u passed=%u", &sites, &passed) == 2);
  CHECK(sites >= 500);
  CHECK(passed >= 5);
}

TEST_CASE("programs run the same with every site patched") {
  check_same_when_patched("ls -la /usr/lib | sort | sha256sum; echo $((1+1)); kill -0 $$; ulimit -n");
  check_same_when_patched("seq 200000 | sort --parallel=2 -S 1M -R --random-source=/bin/sh | tail -5");
  check_same_when_patched("find /usr/share/doc -name \"a*\" | head -100 | xargs stat -c %s | sort -n | uniq -c");
  check_same_when_patched("(sleep 0.05; echo late) & wait; timeout 0.1 sleep 5; echo $?; (kill -9 $BASHPID) || true");
  if (installed("python3"))
    check_same_when_patched(
        "python3 -c \"import threading,subprocess,signal,os,time,socket,tempfile\n"
        "lock=threading.Lock(); total=[0]\n"
        "def add():\n"
        "  for i in range(2000):\n"
        "    with lock: total[0]+=i\n"
        "  time.sleep(0.001)\n"
        "threads=[threading.Thread(target=add) for i in range(8)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
        "signal.signal(signal.SIGUSR1, lambda *a: total.append(1)); os.kill(os.getpid(), signal.SIGUSR1)\n"
        "a,b=socket.socketpair(); a.send(b\\\"x\\\"*1000); total.append(len(b.recv(2000)))\n"
        "p=os.fork()\n"
        "if p==0: os._exit(7)\n"
        "total.append(os.waitpid(p,0)[1])\n"
        "print(total, subprocess.run([\\\"echo\\\",\\\"hello\\\"],capture_output=True).stdout)\"");
  if (installed("xz")) check_same_when_patched("seq 300000 | xz -T2 -1 | xz -dc | sha256sum");
}
