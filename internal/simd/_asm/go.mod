module github.com/deeperpoint/csss/internal/simd/_asm

go 1.26
