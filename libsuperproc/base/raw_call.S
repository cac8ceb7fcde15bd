// SPDX-License-Identifier: Apache-2.0
// sp_raw_call for tools and tests; the shim's own is in shim/gate.S.
        .text
        .globl  sp_raw_call
        .type   sp_raw_call, @function
sp_raw_call:
        .cfi_startproc
        mov     %rdi, %rax
        mov     %rsi, %rdi
        mov     %rdx, %rsi
        mov     %rcx, %rdx
        mov     %r8, %r10
        mov     %r9, %r8
        mov     8(%rsp), %r9
        syscall
        ret
        .cfi_endproc
        .size   sp_raw_call, .-sp_raw_call
        .section .note.GNU-stack, "", @progbits
