// SPDX-License-Identifier: Apache-2.0
// What stops or continues home alone. A sender that runs under superproc, a terminal or `kill -STOP -GROUP` reaches all
// residents (process/stopping.hpp). Somebody else may send SIGSTOP to home's number only: nothing can catch it, and the
// kernel tells nobody but home's parent. So one resident looks whether home is stopped, and does what home does.
//
//   observer, in the resident of the node after home           reaper, at home
//   looks at home's state; while threads run on other nodes
//   often, else seldom. Home is stopped:
//     `following` = 1, looks again
//     stops the other residents, then its own
//                                                              home is continued: epoll_wait ends with EINTR (signal(7))
//                                                              continues the residents, until `following` is 0
//   is continued: `following` = 0
//
// The second look, and a reaper that does not stop before the word is 0, let no stop outlive home's.
#pragma once

namespace sp {

void start_observer(); // in a resident that has just been made

void home_was_continued(); // the reaper

} // namespace sp
