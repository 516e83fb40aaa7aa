//go:build !amd64 || purego

package simd

import "unsafe"

func rowKernels() []RowKernels { return []RowKernels{goRows} }

func prefetch(unsafe.Pointer) {}
