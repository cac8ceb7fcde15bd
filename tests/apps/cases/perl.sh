# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# fork, pipes, wait, locks and signals; none of it makes a thread.
needs=perl
home_only=yes
prepare() {
  cat >fork.pl <<'P'
use strict; use warnings; use Fcntl ':flock';
my ($sum, $status, $signals, @children) = (0, 0, 0);
$SIG{USR1} = sub { $signals++ };
open(my $new, '>', 'count') or die; print $new "0\n"; close $new;
pipe(my $from, my $to);
for my $i (1 .. 8) {
  my $pid = fork();
  if (!$pid) {
    close $from;
    for (1 .. 25) {
      open(my $file, '+<', 'count'); flock($file, LOCK_EX);
      my $n = <$file>; seek($file, 0, 0); print $file ($n + 1) . "\n"; close $file;
    }
    syswrite $to, "$i\n"; kill 'USR1', getppid() if $i == 1; exit $i;
  }
  push @children, $pid;
}
close $to; while (<$from>) { $sum += $_ }
for (@children) { waitpid($_, 0); $status += $? >> 8 }
open(my $file, '<', 'count'); my $count = <$file>;
print "$sum $status ", $count + 0, " $signals ", `echo from a shell`;
P
}
body() { under perl "$INPUT/fork.pl"; }
