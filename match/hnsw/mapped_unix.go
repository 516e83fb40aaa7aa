//go:build unix

package hnsw

import (
	"fmt"
	"math"
	"os"
	"syscall"

	"github.com/deeperpoint/csss/internal/simd"
)

// mapImage maps a file, so that what is written to the memory never reaches it.
// Where it cannot be mapped it is read.
func mapImage(path string) (image []byte, release func() error, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("hnsw: open: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("hnsw: open: %w", err)
	}
	if info.Size() < headerBytes || info.Size() > math.MaxInt-simd.Align {
		return nil, nil, &SnapshotError{"header", 0, "the file is too short or too long for a snapshot"}
	}
	image, err = syscall.Mmap(int(f.Fd()), 0, int(info.Size()), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_PRIVATE)
	if err != nil {
		image, err = readImage(path)
		return image, func() error { return nil }, err
	}
	return image, func() error { return syscall.Munmap(image) }, nil
}
