# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A server with a process for each client, shared memory, semaphores and latches by signals; its clients have threads.
needs=/usr/lib/postgresql/15/bin/postgres
home_only=yes
as_nobody=() # it refuses root
[ "$(id -u)" != 0 ] || as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${as_nobody[@]}" test -x "$SPCTL" -a -r "$here/run" || { echo "nobody may not enter the build's directory; skipped"; exit 77; }
prepare() {
  cat >session.sh <<'S'
set -u
port=$1
PATH=/usr/lib/postgresql/15/bin:$PATH
export PGHOST=127.0.0.1 PGPORT=$port PGUSER=pg
initdb -D data -A trust -U pg --no-sync >made || exit 1
postgres -D data -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off >log 2>&1 &
server=$!
for _ in $(seq 200); do pg_isready -q && break; sleep 0.05; done
createdb bench
pgbench -i -s 1 -q bench 2>&1 | grep -c '^done'
pgbench -c 4 -j 2 -t 50 bench 2>/dev/null | grep -E 'actually|failed'
psql bench -Atc 'select (select sum(abalance) from pgbench_accounts) = (select sum(tbalance) from pgbench_tellers), count(*) from pgbench_history'
psql bench -Atc "set max_parallel_workers_per_gather = 2; set parallel_setup_cost = 0; set parallel_tuple_cost = 0;
  set min_parallel_table_scan_size = 0; select count(*), sum(aid) from pgbench_accounts where aid % 7 = 0"
pg_ctl -D data stop -m fast | tail -n 1
wait $server
echo "ended with $?"
rm -rf data made log
S
}
body() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  if [ ${#as_nobody[@]} -gt 0 ]; then
    chmod 755 "$INPUT" "$INPUT/.."
    chown 65534 .
  fi
  "${as_nobody[@]}" "${on[@]}" bash "$INPUT/session.sh" "$port"
}
