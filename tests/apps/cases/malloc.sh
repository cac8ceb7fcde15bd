# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# The same with glibc's arenas.
needs=$PROGRAMS/allocations
body() { under "$PROGRAMS/allocations"; }
