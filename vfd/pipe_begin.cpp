// SPDX-License-Identifier: Apache-2.0
// Before there is a ring: the reader has it filled while the writer holds off.
#include <ctime>

#include "libsuperproc/base/gate.hpp"
#include "vfd/pipe_turn.hpp"
#include "vfd/shadow_call.hpp"

namespace sp::vfd {

using wire::PipeState;
using wire::PipeWord;

// The reader's. False: there is none yet.
bool PipeTurn::fill() {
  PipeWord word = load();
  if (word.use() != end_.use() || word.state() != PipeState::offered) return true;
  if (word.busy()) {
    if (!word.wanted()) (void)exchange(word, word.bits | PipeWord::kWanted);
    return false;
  }
  return ask_shadow(own_record(), wire::ShadowOperation::fill_pipe, descriptor_) == 0;
}

// The writer's: until the reader has come. False: it does not.
bool PipeTurn::hold_off(PipeWord word) {
  constexpr timespec kNap{0, 100'000};
  constexpr int kNapsMax = 10;
  const auto changed = [&] { return load().bits != word.bits; };
  if (spin(changed)) return true;
  for (int naps = 0; naps < kNapsMax && !changed(); ++naps) sys::call(SYS_nanosleep, &kNap, nullptr);
  return changed();
}

bool PipeTurn::begin_plain_write() {
  for (;;) {
    PipeWord word = load();
    if (word.use() != end_.use()) return true;
    if (word.state() == PipeState::ring) return false;
    if (word.state() == PipeState::filling) {
      (void)spin([&] { return load().state() != PipeState::filling; });
      continue;
    }
    if (word.state() != PipeState::made && word.state() != PipeState::offered) return true;
    if (word.wanted()) {
      if (!hold_off(word)) (void)exchange(word, word.bits & ~PipeWord::kWanted);
      continue;
    }
    if (exchange(word, word.bits | PipeWord::kBusy)) return true;
  }
}

void PipeTurn::end_plain_write() {
  PipeWord word = load();
  while (word.use() == end_.use() && (word.state() == PipeState::made || word.state() == PipeState::offered) &&
         word.busy() && !exchange(word, word.bits & ~PipeWord::kBusy)) {
  }
}

} // namespace sp::vfd
