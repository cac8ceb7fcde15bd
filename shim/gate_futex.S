// SPDX-License-Identifier: Apache-2.0
// Futexes in the gate (shim/gate.S, whose rules hold): what needs no dispatch.

        .set    SYS_futex, 202
        .set    INTEREST_FUTEX, 33      // kInterestHandled | kInterestFutex
        .set    INTEREST_HASHED, 129    // kInterestHandled | kInterestHashed
        .set    SHARED_BIT, 16          // InterestWord::shared: of futexes only

// The two futex operations that matter, for memory of the program's own (sync/futex_waiters.hpp has the protocol). A wake
// that finds nobody counted in the address's bucket ends here; a wait counts itself for as long as it lasts.
        .macro  BUCKET_IN_R11
        imul    $0x9e3779b1, %edi, %r11d
        shr     $20, %r11d
        lea     sp_futex_waiters(%rip), %rax
        lea     (%rax,%r11,4), %r11
        .endm

sp_futex_wake:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        BUCKET_IN_R11
        lock orb $0, -1(%rsp)           // what the program stored before is visible before the count is read
        xor     %eax, %eax
        cmpl    $0, (%r11)
        jne     1f
        test    $3, %dil                // a crooked address: the kernel says EINVAL
        jnz     1f
        jmp     *%rcx
1:      lea     -128(%rsp), %rsp
        push    %rcx
        push    %rsi
        mov     $SYS_futex, %eax
        push    %rax
        .cfi_def_cfa_offset 152
        .cfi_offset %rip, -136
        and     $~128, %esi
        syscall
        jmp     sp_entry_after
        .cfi_endproc

sp_futex_wait:
        .cfi_startproc
        .cfi_signal_frame
        .cfi_def_cfa %rsp, 0
        .cfi_register %rip, %rcx
        BUCKET_IN_R11
        lock incl (%r11)                // counted before the kernel compares the value
        lea     -128(%rsp), %rsp
        push    %rcx
        push    %rsi
        push    %r11
        mov     $SYS_futex, %eax
        push    %rax
        .cfi_def_cfa_offset 160
        .cfi_offset %rip, -136
        and     $~128, %esi
        syscall
        .globl  sp_futex_after
        .hidden sp_futex_after
sp_futex_after:
        lea     8(%rsp), %rsp
        pop     %r11
        lock decl (%r11)
        pop     %rsi
        pop     %rcx
        lea     128(%rsp), %rsp
        jmp     *%rcx
        .cfi_endproc

// In sp_entry, a call that somebody wants to see, as the word in r11d says:
//   a futex call that is not private, where memory is shared with other nodes; all that is below no more: \dispatch
//   the same word for a private one, without any other bit: \pass
//   private, and only we want to see it: the two operations above
//   private, with waiters in a hash of ours (sync/waiter_hash.hpp): a wake that nobody waits for ends here
        .macro  FUTEX_WAYS dispatch, pass
        btr     $SHARED_BIT, %r11d      // for a private futex it is as if there were no such bit
        jnc     6f
        cmp     $SYS_futex, %eax
        jne     \dispatch
        test    $128, %sil
        jz      \dispatch
        test    %r11d, %r11d
        jz      \pass
6:      cmp     $INTEREST_FUTEX, %r11d  // nobody else wants to see it
        jne     3f
        mov     %esi, %r11d             // private WAKE (1), WAIT (0) and WAIT_BITSET (9); FUTEX_CLOCK_REALTIME (256) may be set
        and     $~256, %r11d
        cmp     $128 | 1, %r11d
        je      sp_futex_wake
        cmp     $128 | 0, %r11d
        je      sp_futex_wait
        cmp     $128 | 9, %r11d
        je      sp_futex_wait
        jmp     \dispatch
3:      cmp     $INTEREST_HASHED, %r11d // a wake without a waiter ends here, all else is for sync/waiter_hash.hpp
        jne     \dispatch
        cmp     $128 | 1, %esi
        jne     \dispatch
        test    $3, %dil
        jnz     \dispatch
        BUCKET_IN_R11
        lock orb $0, -1(%rsp)
        xor     %eax, %eax
        cmpl    $0, (%r11)
        jne     4f
        jmp     *%rcx
4:      mov     $SYS_futex, %eax
        .endm
