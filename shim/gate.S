// SPDX-License-Identifier: Apache-2.0
// The gate: the only addresses from which the shim, and patched libraries through their stubs, enter the kernel. Syscall
// User Dispatch allows exactly [sp_gate_start, sp_gate_end); a `syscall` anywhere else raises SIGSYS and comes to
// shim/trap.cpp. The first pages hold the code below, the rest is room for stubs (shim/stubs.hpp).
//
// Rules: nothing here touches the red zone, needs a stack it was not given, or clobbers what `syscall` would not.

        .set    SYS_rt_sigreturn, 15
        .set    SYS_clone, 56
        .set    SYS_exit, 60
        .set    R_RBX, 88
        .set    R_RSP, 128

        .section .gate, "ax", @progbits
        .p2align 12
        .globl  sp_gate_start
        .hidden sp_gate_start
sp_gate_start:

// long sp_raw_call(number, a, b, c, d, e, f)
        .globl  sp_raw_call
        .hidden sp_raw_call
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
        .globl  sp_raw_call_after
        .hidden sp_raw_call_after
sp_raw_call_after:
        ret
        .cfi_endproc
        .size   sp_raw_call, .-sp_raw_call

// The signal frame's way back; the bytes are glibc's, since unwinders recognise them.
        .p2align 4
        nop
        .globl  sp_restorer
        .hidden sp_restorer
        .type   sp_restorer, @function
sp_restorer:
        mov     $SYS_rt_sigreturn, %rax
        syscall
        .size   sp_restorer, .-sp_restorer

// void sp_sigreturn(frame): rt_sigreturn with the stack pointer at a frame that the kernel made.
        .globl  sp_sigreturn
        .hidden sp_sigreturn
sp_sigreturn:
        mov     %rdi, %rsp
        mov     $SYS_rt_sigreturn, %eax
        syscall
        hlt

// long sp_clone_function(flags, stack, child_tid, tls, function, argument): clone whose child calls function(argument).
        .globl  sp_clone_function
        .hidden sp_clone_function
        .type   sp_clone_function, @function
sp_clone_function:
        .cfi_startproc
        push    %r12
        .cfi_adjust_cfa_offset 8
        push    %r13
        .cfi_adjust_cfa_offset 8
        mov     %r8, %r12
        mov     %r9, %r13
        mov     %rdx, %r10
        mov     %rcx, %r8
        xor     %edx, %edx
        mov     $SYS_clone, %eax
        syscall
        test    %rax, %rax
        jz      1f
        pop     %r13
        .cfi_adjust_cfa_offset -8
        pop     %r12
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
1:      .cfi_startproc
        .cfi_undefined rip
        mov     %r13, %rdi
        xor     %ebp, %ebp
        call    *%r12
        hlt
        .cfi_endproc
        .size   sp_clone_function, .-sp_clone_function

// void sp_exit_thread(code): ends the thread without using its stack.
        .globl  sp_exit_thread
        .hidden sp_exit_thread
sp_exit_thread:
        mov     $SYS_exit, %eax
        syscall
        hlt

// void sp_leave_stack(word, code): the same where the stack is another's as soon as `word` is zero.
        .globl  sp_leave_stack
        .hidden sp_leave_stack
sp_leave_stack:
        movl    $0, (%rdi)
        mov     %rsi, %rdi
        mov     $SYS_exit, %eax
        syscall
        hlt

#include "shim/gate_futex.S"

// void sp_continue(registers): goes on with them, from wherever they lie.
        .globl  sp_continue
        .hidden sp_continue
sp_continue:
        mov     %rdi, %rsp
        jmp     sp_restore

// long sp_save(registers): what a function must keep, and where it was called. Returns 0; sp_continue(registers) makes it
// return a second time, with what is in `rax` then.
        .globl  sp_save
        .hidden sp_save
        .type   sp_save, @function
sp_save:
        .cfi_startproc
        mov     %r15, (%rdi)
        mov     %r14, 8(%rdi)
        mov     %r13, 16(%rdi)
        mov     %r12, 24(%rdi)
        mov     %rbp, 80(%rdi)
        mov     %rbx, R_RBX(%rdi)
        mov     (%rsp), %rax
        mov     %rax, 120(%rdi)
        lea     8(%rsp), %rax
        mov     %rax, R_RSP(%rdi)
        xor     %eax, %eax
        ret
        .cfi_endproc
        .size   sp_save, .-sp_save

// void sp_call_on_stack(function, argument, stack_top)
        .globl  sp_call_on_stack
        .hidden sp_call_on_stack
        .type   sp_call_on_stack, @function
sp_call_on_stack:
        .cfi_startproc
        push    %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        mov     %rsp, %rbp
        .cfi_def_cfa_register rbp
        mov     %rdi, %rax
        mov     %rsi, %rdi
        mov     %rdx, %rsp
        call    *%rax
        mov     %rbp, %rsp
        pop     %rbp
        .cfi_def_cfa rsp, 8
        ret
        .cfi_endproc
        .size   sp_call_on_stack, .-sp_call_on_stack

// The second page: calls of the application that pass through the shim, and its clones. A seccomp filter of the program judges
// what comes from here and from the stubs, but not what comes from the first page (syscalls/seccomp.cpp).
        .p2align 12

// long sp_app_call(number, a, b, c, d, e, f): a call that the application made and the shim passes on. The number stays on
// the stack, where shim/trap.cpp finds it to begin the call again that our own stop signal has interrupted.
        .globl  sp_app_call
        .hidden sp_app_call
        .type   sp_app_call, @function
sp_app_call:
        .cfi_startproc
        push    %rdi
        .cfi_adjust_cfa_offset 8
        mov     %rdi, %rax
        mov     %rsi, %rdi
        mov     %rdx, %rsi
        mov     %rcx, %rdx
        mov     %r8, %r10
        mov     %r9, %r8
        mov     16(%rsp), %r9
        syscall
        .globl  sp_app_call_after
        .hidden sp_app_call_after
sp_app_call_after:
        add     $8, %rsp
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
        .size   sp_app_call, .-sp_app_call

// long sp_clone_call(flags, stack, parent_tid, child_tid, tls): clone whose child finds a Registers at its stack pointer.
// The child calls sp_child_start(frame), on its own stack, then goes on with those registers. The parent just returns.
        .globl  sp_clone_call
        .hidden sp_clone_call
        .type   sp_clone_call, @function
sp_clone_call:
        .cfi_startproc
        mov     %rcx, %r10
        mov     $SYS_clone, %eax
        syscall
        test    %rax, %rax
        jz      1f
        ret
        .cfi_endproc
1:      .cfi_startproc
        .cfi_undefined rip
        mov     %rsp, %rbx
        mov     %rsp, %rdi
        and     $-16, %rsp
        call    sp_child_start
        mov     %rbx, %rsp
        jmp     sp_restore
        .cfi_endproc
        .size   sp_clone_call, .-sp_clone_call

// long sp_fork_call(flags, registers, child_stack, child_tid, tls): clone without shared memory. The parent returns the
// child's number. The child's stacks are still the parent's memory, so it calls sp_fork_child(registers) on child_stack,
// which is its own, and then goes on with the registers.
        .globl  sp_fork_call
        .hidden sp_fork_call
        .type   sp_fork_call, @function
sp_fork_call:
        .cfi_startproc
        push    %rbx
        .cfi_adjust_cfa_offset 8
        push    %rbp
        .cfi_adjust_cfa_offset 8
        mov     %rsi, %rbx
        mov     %rdx, %rbp
        mov     %rcx, %r10
        xor     %esi, %esi
        xor     %edx, %edx
        mov     $SYS_clone, %eax
        syscall
        test    %rax, %rax
        jz      1f
        pop     %rbp
        .cfi_adjust_cfa_offset -8
        pop     %rbx
        .cfi_adjust_cfa_offset -8
        ret
        .cfi_endproc
1:      .cfi_startproc
        .cfi_undefined rip
        mov     %rbp, %rsp
        mov     %rbx, %rdi
        call    sp_fork_child
        mov     %rbx, %rsp
        jmp     sp_restore
        .cfi_endproc
        .size   sp_fork_call, .-sp_fork_call

#include "shim/gate_entry.S"

// Room for stubs. One description serves them all for unwinding (exceptions, cancellation, gdb): a stub changes no
// register, and the address it belongs to is in its last eight bytes, relative to it, so that the same stubs serve
// everywhere: rip = (rip & -64) + *((rip & -64) + 56), CFA = rsp.
        .p2align 12
        .globl  sp_stubs_start
        .hidden sp_stubs_start
sp_stubs_start:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        // DW_CFA_val_expression rip: breg16 0, const1s -64, and, dup, plus_uconst 56, deref, plus
        .cfi_escape 0x16, 16, 10, 0x80, 0x00, 0x09, 0xc0, 0x1a, 0x12, 0x23, 56, 0x06, 0x22
        // DW_CFA_val_expression rsp: breg7 0
        .cfi_escape 0x16, 7, 2, 0x77, 0
        .space  131072, 0xcc
        .globl  sp_gate_end
        .hidden sp_gate_end
sp_gate_end:
        .cfi_endproc

        .section .note.GNU-stack, "", @progbits
