// SPDX-License-Identifier: Apache-2.0
#include "libsuperproc/base/peek.hpp"

asm(R"(
        .text
        .globl  sp_starts_with, sp_can_read, sp_can_write, sp_load_word, sp_peek_start, sp_peek_end, sp_peek_failed
        .hidden sp_starts_with, sp_can_read, sp_can_write, sp_load_word, sp_peek_start, sp_peek_end, sp_peek_failed
        .type   sp_can_read, @function
        .type   sp_can_write, @function
        .type   sp_load_word, @function
        .type   sp_starts_with, @function
sp_peek_start:
sp_can_read:
        .cfi_startproc
        movzbl  (%rdi), %eax
        movzbl  -1(%rdi,%rsi), %eax
        mov     $1, %eax
        ret
        .cfi_endproc
        .size   sp_can_read, .-sp_can_read
sp_can_write:
        .cfi_startproc
        lock orb $0, (%rdi)
        lock orb $0, -1(%rdi,%rsi)
        mov     $1, %eax
        ret
        .cfi_endproc
        .size   sp_can_write, .-sp_can_write
sp_load_word:
        .cfi_startproc
        mov     (%rdi), %eax
        mov     %eax, (%rsi)
        mov     $1, %eax
        ret
        .cfi_endproc
        .size   sp_load_word, .-sp_load_word
sp_starts_with:
        .cfi_startproc
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
