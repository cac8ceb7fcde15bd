# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A server whose master passes its sockets on to workers that it forks, starts new ones and ends them by signals.
needs="nginx curl"
home_only=yes
prepare() {
  mkdir site
  seq 20000 >site/numbers
  cat >session.sh <<'S'
set -u
port=$1
cat >conf <<C
worker_processes 3;
pid $PWD/pid;
events { worker_connections 64; }
http {
  access_log $PWD/requests;
  client_body_temp_path $PWD/body; proxy_temp_path $PWD/proxy; fastcgi_temp_path $PWD/fastcgi;
  uwsgi_temp_path $PWD/uwsgi; scgi_temp_path $PWD/scgi;
  server { listen 127.0.0.1:$port; root $INPUT/site; }
}
C
chmod 711 .
tell() { nginx -e "$PWD/errors" -c "$PWD/conf" "$@"; }
get() { curl -s -o got -w '%{http_code} %{size_download}\n' "$@" "http://127.0.0.1:$port/numbers"; }
tell -g 'daemon off;' &
server=$!
for _ in $(seq 200); do [ "$(get)" = "200 $(stat -c %s "$INPUT/site/numbers")" ] && break; sleep 0.05; done
for _ in $(seq 20); do get; done | sort | uniq -c
cmp got "$INPUT/site/numbers" && get -r 100-199
before=$(pgrep -P $server | wc -l)
tell -s reload
for _ in $(seq 200); do [ "$(pgrep -P $server | wc -l)" = "$before" ] && [ "$(get)" ] && break; sleep 0.05; done
get
tell -s quit
wait $server
echo "$before workers, ended with $?"
rm -rf ./*
S
}
body() {
  local port
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  chmod 711 "$INPUT" "$INPUT/.." # its workers are another user's
  under bash "$INPUT/session.sh" "$port"
}
