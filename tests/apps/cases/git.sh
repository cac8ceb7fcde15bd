# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# gc packs with threads; clone, fsck and many children.
needs=git
prepare() {
  python3 - <<'P'
import os, random
source = random.Random(7)
os.makedirs("tree")
for i in range(60):
    with open(f"tree/f{i:03}.txt", "w") as file:
        for _ in range(400):
            file.write(" ".join(source.choices("alpha beta gamma delta epsilon zeta eta theta".split(), k=9)) + "\n")
P
  cat >go.sh <<'S'
set -e
git init -q -b main .
for i in 1 2 3; do
  for f in f0*.txt; do echo "round $i" >>"$f"; done
  git add -A
  git commit -q -m "round $i"
done
git -c pack.threads=2 gc -q --aggressive
git -c pack.threads=4 repack -q -a -d -f
git fsck --full --no-progress
git clone -q --no-local . ../copy
git -C ../copy log --format='%H %s'
git grep -c --threads=4 'alpha beta' | head -5
git rev-parse 'HEAD^{tree}'
S
}
body() {
  export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z GIT_CONFIG_NOSYSTEM=1 HOME=$PWD
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
  cp -r "$INPUT/tree" tree && (cd tree && under bash "$INPUT/go.sh")
  local status=$?
  rm -rf tree copy # they hold times
  return $status
}
