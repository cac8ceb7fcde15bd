# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Sorting threads in SQLite, then four processes on one database with a write-ahead log.
needs=sqlite3
home_only=yes
body() {
  under sqlite3 one.db "pragma threads=4; pragma cache_size=-200; create table t(a int, b text);
    with recursive n(x) as (values(1) union all select x+1 from n where x<200000)
    insert into t select x*7919%200003, hex(x) from n; create index i on t(b, a); select count(*), sum(a) from t;
    select group_concat(b) from (select b from t order by b limit 5); pragma integrity_check;" || return
  rm one.db
  sqlite3 many.db 'pragma journal_mode=wal; create table c(w int, n int);'
  cat >go.sh <<'S'
for w in 1 2 3 4; do
  (for b in 1 2 3; do
    { echo .timeout 20000; for i in $(seq 20); do echo "insert into c values($w,$i);"; done; } | sqlite3 many.db || exit 1
  done) &
done
for w in 1 2 3 4; do wait -n || exit 1; done
S
  under bash go.sh && sqlite3 many.db 'select count(*), sum(n), count(distinct w) from c; pragma integrity_check;'
  local status=$?
  rm -f many.db*
  return $status
}
