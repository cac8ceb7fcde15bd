#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The bash completion: what it offers is what spctl takes. And the man page names every sub-command and option.
. "$(dirname "$0")/spctl-common.sh"
. "$(dirname "$0")/../../packaging/completion/spctl.bash"
unset -f _command_offset

offers() { # LINE: what is offered for its last word, in one line
  read -ra COMP_WORDS <<<"$1"
  [[ $1 == *' ' ]] && COMP_WORDS+=("")
  COMP_WORDS[0]=$SPCTL
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  _spctl
  echo "${COMPREPLY[*]}"
}

check "sub-commands" 0 '^run up down join ps nodes maps fds stats top log kill trace gc syscalls doctor bench --help --version$' offers "spctl "
check "one sub-command" 0 '^doctor$' offers "spctl doc"
check "options of run" 0 '^--nodes$' offers "spctl run --no"
check "policies" 0 '^round-robin fill least-loaded alternate$' offers "spctl run --placement "
check "a program after the options" 0 '(^| )sleep( |$)' offers "spctl run --nodes 2 slee"
check "a program after --" 0 '(^| )sleep( |$)' offers "spctl run --nodes 2 -- slee"
check "a file of the program's" 0 '(^| )/etc/passwd( |$)' offers "spctl run sort /etc/passwd"
check "no option of ours behind the program" 0 '^$' offers "spctl run sort --no"
check "calls" 0 '^clone clone3$' offers "spctl syscalls clon"
check "measurements" 0 '^churn-4k churn-64k churn-1m$' offers "spctl bench --only churn"

page=$(dirname "$0")/../../packaging/man/spctl.1
for command in run up down join ps nodes maps fds stats top log kill trace gc syscalls doctor bench; do
  check "the man page has $command" 0 "" grep -q "^\.It Cm $command\$" "$page"
  for option in $("$SPCTL" $command --help | grep -Eo -- '--[a-z-]+' | sort -u | grep -v -e '^--help$' -e '^--$'); do
    check "the man page has $command $option" 0 "" grep -Eq -- "Fl ([a-z] , Fl )?-${option#--}( |\$)" "$page"
    check "the completion has $command $option" 0 "(^| )$option( |\$)" offers "spctl $command --"
  done
done
finish
