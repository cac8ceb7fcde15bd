# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A server that forks children to write what it holds, and its clients, all in one cluster.
needs="redis-server redis-cli"
home_only=yes
prepare() {
  cat >session.sh <<'S'
set -u
port=$1
serve() { # ARGUMENTS of this time's server
  redis-server --port "$port" --bind 127.0.0.1 --save "" --daemonize no --loglevel warning --dir . "$@" >>log 2>&1 &
  server=$!
  for _ in $(seq 200); do [ "$(ask ping 2>/dev/null)" = PONG ] && return; sleep 0.05; done
}
ask() { redis-cli -p "$port" "$@"; }
fact() { ask info persistence | tr -d '\r' | sed -n "s/^$1://p"; }
written() { for _ in $(seq 200); do [ "$(fact "$1")" = 0 ] && return; sleep 0.05; done; } # FACT: that it goes on
serve
seq 3000 | sed 's/.*/set key& value&/' | ask --pipe | tail -n 1
ask lpush list a b c
ask eval 'return redis.call("incrby", KEYS[1], ARGV[1])' 1 sum 41
ask bgsave
written rdb_bgsave_in_progress
fact rdb_last_bgsave_status
ask bgrewriteaof
written aof_rewrite_in_progress
fact aof_last_bgrewrite_status
ask shutdown nosave
wait $server
echo "ended with $?"
serve
ask dbsize
ask get key2999
ask lrange list 0 -1
ask shutdown nosave
wait $server
echo "ended with $?"
rm -rf log dump.rdb appendonlydir
S
}
body() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  under bash "$INPUT/session.sh" "$port"
}
