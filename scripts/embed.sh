#!/bin/sh
# Writes the assembler file that puts the given files into the program as `asset_table` (src/base/asset.h).
# Paths must come sorted.
set -eu
echo '.section .rodata'
i=0
for f in "$@"; do
    printf '.Lp%d: .asciz "%s"\n.Ld%d: .incbin "%s"\n.Le%d: .byte 0\n' "$i" "$f" "$i" "$f" "$i"
    i=$((i + 1))
done
printf '.section .data.rel.ro,"aw"\n.balign 8\n.globl asset_table\nasset_table:\n'
i=0
for f in "$@"; do
    printf '.quad .Lp%d, .Ld%d, .Le%d - .Ld%d\n' "$i" "$i" "$i" "$i"
    i=$((i + 1))
done
echo '.quad 0, 0, 0'
echo '.section .note.GNU-stack,"",%progbits'
