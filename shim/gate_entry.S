// SPDX-License-Identifier: Apache-2.0
// The way from a stub to dispatch and back, in the gate (shim/gate.S, whose rules hold).

// Where stubs come to that cannot pass a call straight on: rax the number, rcx where to return to in the stub.
//   of no interest (the stub did not know the number): the kernel
//   futex: short ways of its own (shim/gate_futex.S), or dispatch
//   else: saves the registers below the red zone as a Registers and calls sp_dispatch(registers, nullptr), which leaves
//   the result in rax
// The number lies at the stack pointer during the short ways, for beginning an interrupted call again.
        .globl  sp_entry
        .hidden sp_entry
        .type   sp_entry, @function
sp_entry:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        cmp     $512, %rax
        jae     2f
        lea     sp_interest(%rip), %r11
        mov     (%r11,%rax,4), %r11d
        test    %r11d, %r11d
        jnz     1f
5:      lea     -128(%rsp), %rsp
        push    %rcx
        push    %rsi
        push    %rax
        .cfi_def_cfa_offset 152
        .cfi_offset %rip, -136
        syscall
        .globl  sp_entry_after
        .hidden sp_entry_after
sp_entry_after:
        lea     8(%rsp), %rsp
        pop     %rsi
        pop     %rcx
        lea     128(%rsp), %rsp
        .cfi_def_cfa_offset 0
        .cfi_register %rip, %rcx
        jmp     *%rcx
1:      FUTEX_WAYS 2f, 5b
2:      .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        mov     %rsp, %r11
        .cfi_def_cfa_register %r11
        lea     -128(%rsp), %rsp
        and     $-16, %rsp
        sub     $8, %rsp
        push    %r11
        push    %rcx
        push    %rax
        push    %rcx
        push    %rdx
        push    %rbx
        push    %rbp
        push    %rsi
        push    %rdi
        push    %r8
        push    %r9
        push    %r10
        push    $0                      // r11: see sp_restore
        push    %r12
        push    %r13
        push    %r14
        push    %r15
        mov     %rsp, %rbx
        // CFA = *(rbx + R_RSP); rip, rbx, rbp, r12-r15 at rbx + their place in Registers
        .cfi_escape 0x0f, 4, 0x73, 0x80, 0x01, 0x06
        .cfi_escape 0x10, 16, 3, 0x73, 0xf8, 0x00
        .cfi_escape 0x10, 3, 3, 0x73, 0xd8, 0x00
        .cfi_escape 0x10, 6, 3, 0x73, 0xd0, 0x00
        .cfi_escape 0x10, 12, 2, 0x73, 24
        .cfi_escape 0x10, 13, 2, 0x73, 16
        .cfi_escape 0x10, 14, 2, 0x73, 8
        .cfi_escape 0x10, 15, 2, 0x73, 0
        mov     %rsp, %rdi
        xor     %esi, %esi
        call    sp_dispatch
        .cfi_endproc

// Goes on with the Registers at the stack pointer. rcx and r11 are lost, as after `syscall`; but that leaves the flags in
// r11, which are never 0. So who is found right behind a `syscall` has made it if r11 is not 0 (shim/trap.cpp).
        .globl  sp_restore
        .hidden sp_restore
sp_restore:
        .cfi_startproc
        .cfi_undefined rip
        pop     %r15
        pop     %r14
        pop     %r13
        pop     %r12
        pop     %r11
        pop     %r10
        pop     %r9
        pop     %r8
        pop     %rdi
        pop     %rsi
        pop     %rbp
        pop     %rbx
        pop     %rdx
        add     $8, %rsp
        pop     %rax
        pop     %rcx
        pop     %rsp
        jmp     *%rcx
        .cfi_endproc
        .size   sp_entry, .-sp_entry
