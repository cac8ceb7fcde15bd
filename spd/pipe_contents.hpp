// SPDX-License-Identifier: Apache-2.0
// What is in the kernel's pipe, or in the queue of a pair's reader, taken out and put back by an end of it.
#pragma once
#include <sys/uio.h>

#include "libsuperproc/wire/pipe_ring.hpp"

namespace sp::spd {

// Its contents can be put back, and are not more than the ring's. Of a pipe any end; of a pair both.
bool is_fit_pipe(int pipe);
bool is_fit_pair(int reader, int writer);

// All of it, or nothing: -EAGAIN, if more is in it than the ring's, or descriptors are.
long take_all_of_pipe(int pipe, char* contents);
long take_all_of_pair(int reader, char* contents);

void put_all_into_pipe(int pipe, iovec (&parts)[2]);
void put_all_into_pair(int writer, iovec (&parts)[2]);

} // namespace sp::spd
