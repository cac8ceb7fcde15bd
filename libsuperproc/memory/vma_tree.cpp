// SPDX-License-Identifier: Apache-2.0
// Insertion and removal in list and tree, see vma_tree.hpp. Loops only: the stack may be an application's signal stack.
#include "libsuperproc/memory/vma_tree.hpp"

#include "libsuperproc/base/ensure.hpp"

namespace sp::memory {

void VmaTree::replace_child(uint32_t parent, uint32_t old_child, uint32_t new_child) {
  if (parent == 0)
    header_->root = new_child;
  else
    at(parent).child[at(parent).child[1] == old_child] = new_child;
  if (new_child != 0) at(new_child).parent = parent;
}

// n takes its parent's place, the parent becomes its child.
void VmaTree::rotate_up(uint32_t n) {
  const uint32_t parent = at(n).parent;
  const bool side = at(parent).child[1] == n;
  const uint32_t moved = at(n).child[!side];
  replace_child(at(parent).parent, parent, n);
  at(parent).child[side] = moved;
  if (moved != 0) at(moved).parent = parent;
  at(n).child[!side] = parent;
  at(parent).parent = n;
}

uint32_t VmaTree::insert_after(uint32_t before) {
  VmaMapHeader& h = *header_;
  EXPECT(h.count < h.capacity);
  uint32_t n = h.unused;
  if (n != 0)
    h.unused = at(n).next;
  else
    n = ++h.high;
  ++h.count;

  const uint32_t after = before != 0 ? at(before).next : h.first;
  at(n) = Vma{};
  at(n).previous = before;
  at(n).next = after;
  (before != 0 ? at(before).next : h.first) = n;
  (after != 0 ? at(after).previous : h.last) = n;

  // Of two neighbours, one is below the other, so that one of the two places between them is empty.
  if (before != 0 && at(before).child[1] == 0) {
    at(before).child[1] = n;
    at(n).parent = before;
  } else if (after != 0) {
    EXPECT(at(after).child[0] == 0);
    at(after).child[0] = n;
    at(n).parent = after;
  } else {
    h.root = n;
  }
  const uint32_t own = priority(n);
  while (at(n).parent != 0 && priority(at(n).parent) < own) rotate_up(n);
  return n;
}

void VmaTree::erase(uint32_t n) {
  VmaMapHeader& h = *header_;
  while (at(n).child[0] != 0 && at(n).child[1] != 0) {
    const uint32_t low = at(n).child[0], high = at(n).child[1];
    rotate_up(priority(low) > priority(high) ? low : high);
  }
  replace_child(at(n).parent, n, at(n).child[at(n).child[0] == 0]);

  const uint32_t before = at(n).previous, after = at(n).next;
  (before != 0 ? at(before).next : h.first) = after;
  (after != 0 ? at(after).previous : h.last) = before;
  at(n).next = h.unused;
  h.unused = n;
  --h.count;
}

} // namespace sp::memory
