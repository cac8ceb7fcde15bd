// SPDX-License-Identifier: Apache-2.0
// superproc.h: what a program may ask superproc, and say to it, if it wants to. No program needs it: superproc runs
// unmodified ones.
//
// Nothing is linked. Each function looks for the symbol of its name, which libsuperproc.so brings into the process
// when `spctl run` or LD_PRELOAD loads it; where there is none the program runs natively, on one node, and the
// functions say so. The reference is weak and goes through the global offset table, written in assembly because a
// linker settles every other weak reference of an executable at a fixed address to "absent" for good. A static
// program is always native here.
//
// C11 and C++. Any thread may call them at any time, signal handlers too; none blocks or allocates, errno is left
// alone. Node numbers run from 0, the home node on which the program began, to sp_node_count() - 1.
#ifndef SUPERPROC_H
#define SUPERPROC_H

#ifdef __cplusplus
extern "C" {
#endif

#define SP_HOME_NODE 0
#define SP_BY_POLICY (-1)

#ifdef SUPERPROC_IMPLEMENTATION // libsuperproc.so itself, which defines them

int sp_node_count(void);
int sp_node_self(void);
int sp_place_next(int node);
const char* sp_version(void);

#else

#if defined(__x86_64__) && defined(__GNUC__)
#define SP_FIND_(name, pointer) __asm__(".weak " #name "\n\tmovq " #name "@GOTPCREL(%%rip), %0" : "=r"(pointer))
#else
#define SP_FIND_(name, pointer) ((pointer) = 0)
#endif
// An assembler name of its own, so that a copy that is emitted (to take its address) does not define the real symbol.
#define SP_API_(type, name, parameters)                                                                                \
  static __inline__ __attribute__((always_inline, unused)) type name parameters __asm__("sp_inlined_" #name);          \
  static __inline__ type name parameters

// How many nodes the program has: at least 1; natively 1. Does not change while it runs.
SP_API_(int, sp_node_count, (void)) {
  int (*found)(void);
  SP_FIND_(sp_node_count, found);
  return found ? found() : 1;
}

// The node on which the calling thread runs; natively 0. A thread stays on its node for life.
SP_API_(int, sp_node_self, (void)) {
  int (*found)(void);
  SP_FIND_(sp_node_self, found);
  return found ? found() : SP_HOME_NODE;
}

// Puts the next thread that the calling thread creates, or on isolated nodes the child of its next fork, on `node`; that
// one only, and before any policy. SP_BY_POLICY
// takes the wish back. Returns 0, or as the pthread functions do an error number: EINVAL if there is no such node.
SP_API_(int, sp_place_next, (int node)) {
  int (*found)(int);
  SP_FIND_(sp_place_next, found);
  if (found) return found(node);
  return node == SP_HOME_NODE || node == SP_BY_POLICY ? 0 : 22; // EINVAL, without including anything
}

// The version of the superproc that runs the program, such as "0.1.0"; natively "". A constant, not to be freed.
SP_API_(const char*, sp_version, (void)) {
  const char* (*found)(void);
  SP_FIND_(sp_version, found);
  return found ? found() : "";
}

#undef SP_API_
#undef SP_FIND_
#endif

#ifdef __cplusplus
}
#endif
#endif
