# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# What util-linux sets and shows of a running program by its number: from a shell that stays where it began, whose commands are
# on other nodes than that program, and from one that has left; nice, chrt and taskset before a program that leaves.
needs="bash renice chrt ionice taskset prlimit"
home_only=yes
prepare() {
  cat >go.sh <<'S'
sleep 60 & pid=$!
while [ "$(cat /proc/$pid/comm)" != sleep ]; do sleep 0.01; done
for i in 1 2 3; do
  renice -n $((i + 2)) -p $pid
  chrt -b -p 0 $pid; chrt -p $pid
  ionice -c 2 -n $i -p $pid; ionice -p $pid
  taskset -p 1 $pid; taskset -p $pid
  prlimit --pid $pid --nofile=12$i:400; prlimit --pid $pid --nofile --noheadings -o SOFT
done | sed "s/\<$pid\>/PID/g"
kill $pid; wait $pid; echo "status $?"
for i in 1 2 3; do
  nice -n 7 nice; nice -n 6 sh -c 'nice; nice -n 1 nice'
  chrt -b 0 sh -c 'chrt -p 0; chrt -p $$' | sed 's/pid [0-9]*/pid/'
  taskset 1 sh -c 'taskset -p $$; nproc' | sed 's/pid [0-9]*/pid/'
  ionice -c 2 -n 6 sh -c 'ionice; ionice'
  prlimit --nofile=99:99 sh -c 'ulimit -n'
done
S
}
body() {
  local home=("${on[@]}")
  [ "${#on[@]}" -gt 0 ] && [ "${on[-1]##*/}" = away ] && unset 'home[-1]'
  "${home[@]}" bash "$INPUT/go.sh" && under bash "$INPUT/go.sh"
}
