# shellcheck shell=bash disable=SC2034
# SPDX-License-Identifier: Apache-2.0
# Exceptions across futures, iostream, locale, thread_local destructors, shared_ptr from many threads.
needs=$PROGRAMS/exceptions
body() { under "$PROGRAMS/exceptions"; }
