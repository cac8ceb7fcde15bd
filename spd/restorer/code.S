// SPDX-License-Identifier: Apache-2.0
// The restorer's code as spd carries it.
        .section .rodata
        .globl  restorer_code, restorer_code_end
        .p2align 4
restorer_code:
        .incbin "sp-restorer.bin"
restorer_code_end:
        .section .note.GNU-stack, "", @progbits
