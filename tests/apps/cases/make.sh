# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# A build with two jobs at once, and a program with threads in it.
needs="make gcc pigz"
prepare() {
  for i in $(seq 20); do
    printf '#include <stdio.h>\nint f%d(int x) { return printf("%d %%d\\n", x) + %d; }\n' "$i" "$i" "$i" >"f$i.c"
  done
  {
    seq -f 'int f%g(int);' 20
    echo 'int main(void) { int x = 1;'
    seq -f 'x = f%g(x);' 20
    echo 'return 0; }'
  } >main.c
  printf 'objects = $(sort $(patsubst %%.c,%%.o,$(wildcard *.c)))\nall: prog prog.gz\nprog: $(objects)\n\tgcc -o $@ $^\n' >Makefile
  printf '%%.o: %%.c\n\tgcc -O1 -c -o $@ $<\nprog.gz: prog\n\tpigz -p4 -n -k prog\n' >>Makefile
}
body() { cp "$INPUT"/* . && under make -s -j2 && ./prog && sha256sum prog prog.gz; }
