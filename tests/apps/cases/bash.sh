# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Shell jobs, pipelines, process substitution, traps, here-documents, coprocesses and threaded commands among them.
needs="bash pigz"
prepare() {
  mixed 2 >mix
  cat >go.sh <<'S'
for i in 1 2 3 4; do (exit "$i") & jobs[i]=$!; done
for job in "${jobs[@]}"; do wait "$job"; echo "job $?"; done
pigz -p4 -c "$INPUT/mix" | pigz -p4 -dc | sha256sum
diff <(sort "$INPUT/mix" | sha256sum) <(sort --parallel=2 "$INPUT/mix" | sha256sum) && echo same
trap 'echo got USR1' USR1; kill -USR1 $$
trap 'echo leaving' EXIT
coproc tr a-z A-Z; echo hello >&"${COPROC[1]}"; eval "exec ${COPROC[1]}>&-"; cat <&"${COPROC[0]}"
(kill -TERM $BASHPID); echo "killed $?"
set -m; sleep 20 & pid=$!; kill -STOP -- -$pid; until jobs | grep -q Stopped; do sleep 0.01; done; kill -KILL -- -$pid
while wait $pid; status=$?; [ $status = 147 ]; do :; done; echo "job $status" # until bash knows more than "stopped"
cat <<E | while read -r line; do echo "<$line>"; done
$(seq 3)
E
xargs -P 4 -n 1 sh -c 'exit $(( $1 > 5 ))' _ <<<"1 2 3"; echo "xargs $?"
exit 5
S
}
body() {
  under bash "$INPUT/go.sh" 2>/dev/null
  [ $? = 5 ]
}
