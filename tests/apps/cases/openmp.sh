# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# libgomp's team of threads: it spins and waits on futexes.
needs=$PROGRAMS/sums-openmp
body() { OMP_NUM_THREADS=4 under "$PROGRAMS/sums-openmp"; }
