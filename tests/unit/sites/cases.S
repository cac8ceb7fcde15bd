// SPDX-License-Identifier: Apache-2.0
// Small functions, one rule of the finder each, made into a shared library of their own. finder_test.cpp says what is
// expected of each; patched_test.cpp also runs those that can be patched. Nothing here follows what a compiler would do.
  .text

  .macro CASE name
  .globl \name
  .type \name, @function
  .p2align 4, 0xf4            // hlt, which is no padding to the finder
\name:
  .cfi_startproc
  .endm

  .macro END name
  .cfi_endproc
  .size \name, . - \name
  .endm

CASE mov_immediate            // the usual form
  mov $39, %eax
  syscall
  ret
END mov_immediate

CASE mov_immediate_entered_at_syscall // a branch to the syscall itself is allowed: it stays in place
  test %edi, %edi
  mov $186, %eax
  jne 1f
  mov $39, %eax
1:syscall
  ret
END mov_immediate_entered_at_syscall

CASE mov_wide                 // seven bytes, whole instructions are overwritten
  mov $39, %rax
  syscall
  ret
END mov_wide

CASE zero_number              // number 0, and room only together with what follows
  xor %eax, %eax
  syscall
  cmp $-4096, %rax
  ja 1f
  ret
1:or $-1, %rax
  ret
END zero_number

CASE number_in_register       // the number is set outside a loop
  mov $39, %r8d
  mov $3, %r9d
1:mov %r8d, %eax
  syscall
  cmp $-4096, %rax
  ja 2f
  dec %r9d
  jne 1b
2:ret
END number_in_register

CASE number_of_two_ways       // two numbers meet
  mov $39, %r8d
  test %edi, %edi
  je 1f
  mov $186, %r8d
1:xor %edx, %edx
  mov %r8d, %eax
  syscall
  ret
END number_of_two_ways

CASE number_lost_in_call      // r8 does not survive a call
  push %rbx
  mov $39, %ebx
  mov $39, %r8d
  call mov_immediate
  xor %edx, %edx
  mov %r8d, %eax
  syscall
  pop %rbx
  ret
END number_lost_in_call

CASE number_kept_over_call    // rbx does
  push %rbx
  mov $39, %ebx
  call mov_immediate
  xor %edx, %edx
  mov %rbx, %rax
  syscall
  pop %rbx
  ret
END number_kept_over_call

CASE branch_into_run          // the only neighbours are entered in their middle
  test %esi, %esi
  je 1f
  xor %r10d, %r10d
1:mov %edi, %eax
  syscall
  push %rax
  pop %rax
  ret
END branch_into_run

CASE branch_behind_run        // the loop begins at the run's first byte
1:xor %edx, %edx
  mov %edi, %eax
  syscall
  dec %esi
  jne 1b
  ret
END branch_behind_run

CASE rip_relative_neighbour   // both neighbours name their own address
  mov counter(%rip), %eax
  syscall
  mov counter(%rip), %edx
  ret
END rip_relative_neighbour

CASE rip_relative_before      // so the one after is taken
  mov counter(%rip), %eax
  syscall
  mov %rax, %rdx
  mov %rdx, %rax
  ret
END rip_relative_before

CASE prefixed                 // three bytes, of which the stub would take two for the call
  mov $39, %eax
  .byte 0x48, 0x0f, 0x05
  ret
END prefixed

CASE legacy_call              // of 32-bit programs
  mov $20, %eax
  int $0x80
  ret
END legacy_call

CASE stack_neighbour          // push and pop cannot be moved
  push %rbx
  mov %edi, %eax
  push %rax
  syscall
  pop %rdx
  pop %rbx
  ret
END stack_neighbour

CASE call_neighbour
  push %rax
  call mov_immediate
  syscall
  pop %rdx
  ret
END call_neighbour

CASE flags_read_after         // zero flag set before, read after: the stub would destroy it
  test %edi, %edi
  mov $39, %eax
  syscall
  je 1f
  ret
1:xor %eax, %eax
  ret
END flags_read_after

CASE flags_read_far_after     // the same, behind a jump and an instruction that sets only some flags
  cmp %edi, %esi
  mov $39, %eax
  syscall
  jmp 1f
  nop
1:inc %edx
  setc %al
  ret
END flags_read_far_after

CASE flags_set_again
  test %edi, %edi
  mov $39, %eax
  syscall
  test %eax, %eax
  je 1f
  ret
1:xor %eax, %eax
  ret
END flags_set_again

CASE data_bytes               // 0f 05 in immediates only
  mov $0x0000050f, %eax
  lea 0x50f(%rdi), %rax
  ret
END data_bytes

CASE data_bytes_and_site
  mov $0x0000050f, %edx
  mov $39, %eax
  syscall
  ret
END data_bytes_and_site

CASE jump_table_into_run      // only a table leads between the neighbours
  lea table(%rip), %rdx
  movslq (%rdx, %rdi, 4), %rcx
  add %rdx, %rcx
  jmp *%rcx
.Lcase_zero:
  xor %r10d, %r10d
.Lcase_one:
  mov %esi, %eax
  syscall
  push %rax
  pop %rax
  ret
END jump_table_into_run

CASE address_taken_in_run     // a pointer in data leads between the neighbours
  xor %r10d, %r10d
.Ltaken:
  mov %edi, %eax
  syscall
  push %rax
  pop %rax
  ret
END address_taken_in_run

CASE two_in_a_row             // runs must not overlap
  mov %edi, %eax
  syscall
  mov %esi, %eax
  syscall
  mov %eax, %edx
  mov %edx, %eax
  ret
END two_in_a_row

CASE broken_record            // the record ends before the syscall, as glibc's clone has it
  mov $39, %eax
  .cfi_endproc
  syscall
  .cfi_startproc
  ret
END broken_record

  .p2align 4, 0xf4
  nop
  .cfi_startproc
  .cfi_signal_frame
  nop
  .globl restorer
  .type restorer, @function
restorer:
  mov $15, %rax
  syscall
END restorer

  .fill 128, 1, 0xf4          // out of the reach of short jumps from above
CASE island_behind            // no neighbour can be moved; the bytes behind the return take the long jump
  mov counter(%rip), %eax
  syscall
  mov counter(%rip), %edx
  ret
  nopl 0(%rax)
  nop
  nop
END island_behind

CASE island_entered           // not there: something branches to those bytes
  mov counter(%rip), %eax
  syscall
  mov counter(%rip), %edx
  jrcxz 1f
  ret
  nopl 0(%rax)
1:nop
  nop
  ret
END island_entered

  .section .rodata
  .p2align 3
table:
  .long .Lcase_zero - table
  .long .Lcase_one - table

  .section .data.rel.ro, "aw"
  .p2align 3
  .quad .Ltaken

  .bss
  .p2align 3
counter:
  .zero 8

  .section .note.GNU-stack, "", @progbits
