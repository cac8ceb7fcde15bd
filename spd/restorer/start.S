// SPDX-License-Identifier: Apache-2.0
// The restorer's first bytes: its stack and request are in rsp and rdi.
        .section .text.start, "ax", @progbits
        .globl  _start
_start:
        xor     %ebp, %ebp
        and     $-16, %rsp
        call    restore
        hlt

// void enter(entry, stack, first argument, second argument)
        .globl  enter
        .hidden enter
enter:
        mov     %rdi, %rax
        mov     %rsi, %rsp
        mov     %rdx, %rdi
        mov     %rcx, %rsi
        xor     %ebp, %ebp
        jmp     *%rax
        .section .note.GNU-stack, "", @progbits
