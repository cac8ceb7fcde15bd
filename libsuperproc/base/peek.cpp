// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/peek.hpp"

asm(R"(
        .text
        .globl  sp_starts_with, sp_peek_start, sp_peek_end, sp_peek_failed
        .hidden sp_starts_with, sp_peek_start, sp_peek_end, sp_peek_failed
        .type   sp_starts_with, @function
sp_starts_with:
        .cfi_startproc
sp_peek_start:
1:      movzbl  (%rsi), %eax
        test    %al, %al
        je      2f
        cmp     (%rdi), %al
        jne     sp_peek_failed
        inc     %rdi
        inc     %rsi
        jmp     1b
sp_peek_end:
2:      mov     $1, %eax
        ret
sp_peek_failed:
        xor     %eax, %eax
        ret
        .cfi_endproc
        .size   sp_starts_with, .-sp_starts_with
)");
