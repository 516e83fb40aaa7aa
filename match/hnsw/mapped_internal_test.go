package hnsw

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// TestUnverifiedDamageIsHarmless damages what Open does not look at in a large
// file: searches go on, and the first change is refused.
func TestUnverifiedDamageIsHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x")
	require.NoError(t, indexOf(t, 4, L2, &Options{M: 4, EfConstruction: 20, ExactBelow: -1}, normals(77, 4*300)).Save(path))
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	h, err := readHeader(whole)
	require.NoError(t, err)
	for i := range sections {
		if !big(i) {
			continue
		}
		for _, fill := range []byte{0x00, 0x3f, 0xff} {
			image := alignedCopy(whole)
			copy(image[h.at[i]:], bytes.Repeat([]byte{fill}, h.size[i]/2))
			x, err := parse[uint32](image, false)
			require.NoError(t, err)
			x.unverified = &parser{header: h, image: image}
			for q := range 50 {
				_, err := x.Search([]float32{float32(q), 1, -1, 0}, 5, nil, nil)
				require.NoError(t, err)
			}
			require.ErrorIs(t, x.Add(1000, []float32{1, 2, 3, 4}), ErrCorrupt, sectionNames[i])
			require.ErrorIs(t, x.Verify(), ErrCorrupt)
			require.ErrorIs(t, x.Save(path), ErrCorrupt)
			_, err = x.Delete(1)
			require.ErrorIs(t, err, ErrCorrupt)
		}
	}
	x, err := parse[uint32](alignedCopy(whole), false)
	require.NoError(t, err)
	x.unverified = &parser{header: h, image: whole}
	require.NoError(t, x.Verify())
	require.Nil(t, x.unverified)
}

func alignedCopy(b []byte) []byte {
	c := make([]byte, len(b)+64)
	c = c[-uintptr(unsafe.Pointer(unsafe.SliceData(c)))&63:][:len(b)]
	copy(c, b)
	return c
}
