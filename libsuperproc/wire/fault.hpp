// SPDX-License-Identifier: Apache-2.0
// Faults on purpose, for tests: one step of one protocol at which whoever comes there pauses, so that the test can kill it,
// its node or its peer in that very moment. SUPERPROC_PAUSE_AT=STEP[:N] of `spctl run --isolate`, the Nth time (0).
//
// Written by spctl before the cluster begins, but for `reached` and `pid` (who pauses) and `go_on` (the test).
#pragma once
#include <atomic>
#include <cstdint>

namespace sp::wire {

#define SP_FAULT_STEPS(X)                                                                                              \
  X(claimed)       /* mover: the record is claimed, nobody else knows */                                               \
  X(described)     /* mover: before it asks anybody */                                                                 \
  X(body_begins)   /* spd: before it makes the body */                                                                 \
  X(body_begun)    /* spd: the body begins, the mover does not know */                                                 \
  X(body_there)    /* mover: the body exists, the record is still claimed */                                           \
  X(leaving)       /* mover: before it becomes the shadow */                                                           \
  X(undescribed)   /* mover of a fork: its body is being made, nothing is said of what it is to become */              \
  X(half_said)     /* mover of a fork: its memory is described, the rest not */                                        \
  X(rebuilt)       /* body of a fork: it is whole, nobody knows */                                                     \
  X(stands_by)     /* mover of a fork: its body goes on, there is no shadow yet */                                     \
  X(shadow_starts) /* shadow: before it has published its descriptors */                                               \
  X(settled)       /* shadow: settled, before it takes requests */                                                     \
  X(arrived)       /* body: before it waits for its shadow */                                                          \
  X(places_taken)  /* body: its descriptors have places, the program has not begun */                                  \
  X(asked)         /* body: a request is submitted, no answer yet */                                                   \
  X(taken)         /* shadow: a request is taken, not performed */                                                     \
  X(performed)     /* shadow: performed, not answered */                                                               \
  X(waits)         /* body: a wait over both nodes is under way */                                                     \
  X(child_claimed) /* body: before it forks */                                                                         \
  X(child_born)    /* body's child: before anybody knows it */                                                         \
  X(child_watched) /* body's child: watched, without a shadow */                                                       \
  X(shadow_forks)  /* shadow: before it forks */                                                                       \
  X(shadow_forked) /* shadow's child: before it is settled */                                                          \
  X(pipe_copied)   /* body of a pipe: bytes are copied to or from a ring, not published */                             \
  X(pipe_waits)    /* body of a pipe: before it sleeps for a ring */                                                   \
  X(pipe_left)     /* shadow of a pipe: a ring is closed, the call that it is closed for not made */                   \
  X(handing_on)    /* shadow: a signal is taken, not handed on */                                                      \
  X(body_reaped)   /* spd: the body has ended, its shadow does not know */                                             \
  X(shadow_ends)   /* shadow: the body has ended, the record is not free */

enum class Step : uint32_t {
  none,
#define SP_STEP(name) name,
  SP_FAULT_STEPS(SP_STEP)
#undef SP_STEP
      count
};

struct Fault {
  std::atomic<Step> step;
  std::atomic<int32_t> others_first; // how many come by before the one who pauses
  std::atomic<uint32_t> reached;     // 1
  std::atomic<int32_t> pid;          // on its node
  std::atomic<uint32_t> go_on;       // futex word
};

} // namespace sp::wire
