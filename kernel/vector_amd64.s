#include "textflag.h"

// What of a sample is added to a cell's sums and count, beside cost and runtime.
DATA one<>+0(SB)/8, $0
DATA one<>+8(SB)/8, $0
DATA one<>+16(SB)/8, $1
DATA one<>+24(SB)/8, $0
GLOBL one<>(SB), RODATA|NOPTR, $32

// Turns {cost, runtime, cost, runtime} into {cost, runtime, ^cost, ^runtime}.
DATA not<>+0(SB)/8, $0
DATA not<>+8(SB)/8, $0
DATA not<>+16(SB)/8, $-1
DATA not<>+24(SB)/8, $-1
GLOBL not<>(SB), RODATA|NOPTR, $32

// BEGIN loads the arguments, which all the functions below have alike. CX counts up to 0.
#define BEGIN \
	MOVQ    list+0(FP), DI   \
	MOVQ    places+8(FP), SI \
	MOVQ    picked+16(FP), BX \
	MOVQ    n+24(FP), CX     \
	MOVQ    cost+32(FP), R8  \
	MOVQ    runtime+40(FP), R9 \
	LEAQ    (SI)(CX*8), SI   \
	LEAQ    (BX)(CX*2), BX   \
	NEGQ    CX               \
	VMOVDQU one<>(SB), Y15   \
	VMOVDQU not<>(SB), Y14

// WHERE puts the next row into AX, and the offset of its cell into DX.
#define WHERE \
	MOVWQZX (BX)(CX*2), AX \
	MOVQ    (SI)(CX*8), DX \
	SHLQ    $6, DX

// ADD adds X0's cost and X1's runtime to the cell.
#define ADD \
	VPUNPCKLQDQ X1, X0, X0          \
	VINSERTI128 $1, X0, Y0, Y1      \
	VPBLENDD    $0x0F, Y0, Y15, Y2  \
	VPADDQ      (DI)(DX*1), Y2, Y2  \
	VMOVDQU     Y2, (DI)(DX*1)      \
	VPXOR       Y14, Y1, Y1         \
	VMOVDQU     32(DI)(DX*1), Y3    \
	VPCMPGTQ    Y1, Y3, Y4          \
	VBLENDVPD   Y4, Y1, Y3, Y3      \
	VMOVDQU     Y3, 32(DI)(DX*1)    \
	INCQ        CX

// func add64x32(list *Entry, places *uint64, picked *uint16, n int, cost *uint64, runtime *uint32)
//
// It fetches what the rows of the next block have at the same places: there are about as
// many picked.
TEXT ·add64x32(SB), NOSPLIT, $0-48
	BEGIN
next:
	WHERE
	VMOVQ (R8)(AX*8), X0
	VMOVD (R9)(AX*4), X1
	PREFETCHT0 4096(R8)(AX*8)
	PREFETCHT0 2048(R9)(AX*4)
	ADD
	JNZ next
	VZEROUPPER
	RET

// func add32x32(list *Entry, places *uint64, picked *uint16, n int, cost, runtime *uint32)
TEXT ·add32x32(SB), NOSPLIT, $0-48
	BEGIN
next:
	WHERE
	VMOVD (R8)(AX*4), X0
	VMOVD (R9)(AX*4), X1
	PREFETCHT0 2048(R8)(AX*4)
	PREFETCHT0 2048(R9)(AX*4)
	ADD
	JNZ next
	VZEROUPPER
	RET

// func add64x64(list *Entry, places *uint64, picked *uint16, n int, cost, runtime *uint64)
TEXT ·add64x64(SB), NOSPLIT, $0-48
	BEGIN
next:
	WHERE
	VMOVQ (R8)(AX*8), X0
	VMOVQ (R9)(AX*8), X1
	ADD
	JNZ next
	VZEROUPPER
	RET

// func pickBytes(picked *uint16, codes *uint8, n int, some *uint8, m int, flip uint32, set *[256]uint64) int
//
// Y0 has 32 codes, Y1 0xFF for those of them that are among the m; the wanted ones are then
// written eight by eight, as what set has for the eight bits, plus the number of the first.
TEXT ·pickBytes(SB), NOSPLIT, $0-64
	MOVQ  picked+0(FP), DI
	MOVQ  codes+8(FP), SI
	MOVQ  n+16(FP), CX
	MOVQ  some+24(FP), R8
	MOVQ  m+32(FP), R9
	MOVL  flip+40(FP), R12
	MOVQ  set+48(FP), R10
	MOVQ  DI, R11
	VPXOR X5, X5, X5           // the number of the first of eight rows, eight times
	MOVL  $8, AX
	VMOVD AX, X6
	VPBROADCASTW X6, X6
rows:
	VMOVDQU (SI), Y0
	VPXOR   Y1, Y1, Y1
	MOVQ    R9, BX
	JMP     whether
code:
	VPBROADCASTB (R8)(BX*1), Y2
	VPCMPEQB Y0, Y2, Y2
	VPOR    Y2, Y1, Y1
whether:
	DECQ    BX
	JGE     code
	VPMOVMSKB Y1, AX
	XORL    R12, AX
	MOVQ    $4, BX
eight:
	MOVBQZX AX, DX
	VPMOVZXBW (R10)(DX*8), X3
	VPADDW  X5, X3, X3
	VMOVDQU X3, (DI)
	POPCNTL DX, DX
	LEAQ    (DI)(DX*2), DI
	VPADDW  X6, X5, X5
	SHRL    $8, AX
	DECQ    BX
	JNZ     eight
	ADDQ    $32, SI
	SUBQ    $32, CX
	JGT     rows
	SUBQ    R11, DI
	SHRQ    $1, DI
	MOVQ    DI, ret+56(FP)
	VZEROUPPER
	RET
