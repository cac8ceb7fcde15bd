# SPDX-License-Identifier: Apache-2.0
# How our scripts speak: sourced by them, for bash. Colours only on a terminal, one line for each step with the time since
# the start, and where the build directory is.

SOURCE_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export LC_ALL=C.UTF-8
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
  BOLD=$'\e[1m' DIM=$'\e[2m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
  BOLD='' DIM='' RED='' GREEN='' PLAIN=''
fi

step() { printf '%s[%3d s]%s %s%s%s\n' "$DIM" "$SECONDS" "$PLAIN" "$BOLD" "$*" "$PLAIN"; }
note() { printf '        %s\n' "$*"; }
fail() { printf '%s%s: %s%s\n' "$RED" "$(basename "$0")" "$*" "$PLAIN" >&2; exit 1; }

# Sets BUILD_DIR and BUILD_MINE (yes, or no where the directory is another user's and ready to be used as it is).
#   SUPERPROC_BUILD=DIR   wherever you want it
#   build/release         where that can be written, or is built already by its owner
#   a private directory under TMPDIR otherwise, the same each time
find_build_dir() {
  BUILD_MINE=yes
  BUILD_DIR=${SUPERPROC_BUILD:-$SOURCE_DIR/build/release}
  case $BUILD_DIR in /*) ;; *) BUILD_DIR=$PWD/$BUILD_DIR ;; esac
  local nearest=$BUILD_DIR
  while [ ! -e "$nearest" ]; do nearest=$(dirname "$nearest"); done
  [ -w "$nearest" ] && return
  if [ -x "$BUILD_DIR/bin/spctl" ] && [ -r "$BUILD_DIR/lib/libsuperproc.so" ] && [ -r "$BUILD_DIR/CTestTestfile.cmake" ]; then
    BUILD_MINE=no
    return
  fi
  if [ -n "${SUPERPROC_BUILD:-}" ]; then fail "SUPERPROC_BUILD=$SUPERPROC_BUILD cannot be written by user $(id -u)"; fi
  BUILD_DIR=${TMPDIR:-/tmp}/superproc-build-$(id -u)
  mkdir -m 700 "$BUILD_DIR" 2>/dev/null || true
  # Somebody else's directory of that name must not give us his programs.
  if [ -L "$BUILD_DIR" ] || [ ! -O "$BUILD_DIR" ]; then fail "$BUILD_DIR is not yours; set SUPERPROC_BUILD=DIR"; fi
}

# build [TARGET...]: configures and builds in BUILD_DIR, quietly if nothing is to do; the log is shown if it fails.
build() {
  local log=$BUILD_DIR/build.log
  if [ "$BUILD_MINE" = no ]; then
    note "$BUILD_DIR belongs to $(stat -c %U "$BUILD_DIR"): used as it is"
    return
  fi
  mkdir -p "$BUILD_DIR"
  # A directory that is configured stays as its owner configured it; ninja runs cmake again when a CMakeLists.txt changed.
  if [ ! -e "$BUILD_DIR/build.ninja" ] && ! (cd "$SOURCE_DIR" && cmake --preset "${PRESET:-release}" -B "$BUILD_DIR") >"$log" 2>&1; then
    cat "$log" >&2
    fail "cmake failed; the lines above say why (log: $log)"
  fi
  if [ -t 1 ]; then
    NINJA_STATUS='        [%f/%t] ' ninja -C "$BUILD_DIR" "$@" || fail "the build failed; repeat with: ninja -C $BUILD_DIR"
  elif ! ninja -C "$BUILD_DIR" "$@" >"$log" 2>&1; then
    grep -v '^\[[0-9]*/[0-9]*\] ' "$log" | head -200 >&2
    fail "the build failed (log: $log); repeat with: ninja -C $BUILD_DIR"
  fi
}
