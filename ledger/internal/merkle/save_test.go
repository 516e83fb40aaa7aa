package merkle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

func TestASavedTreeGrowsOn(t *testing.T) {
	const size = 5000
	all := leaves(size)
	whole := grown(size).View()
	for _, n := range []uint64{0, 1, 2, 3, 255, 512, 513, 1023, 1024, 1025, 4999, 5000} {
		tree := reload(t, all[:n])
		require.Equal(t, n, tree.Size())
		for _, to := range []uint64{n, min(size, n+1), min(size, n+1100), size} {
			tree.AppendAll(all[tree.Size():to])
			want, err := whole.RootAt(to)
			require.NoError(t, err)
			require.Equal(t, want, tree.View().Root(), "%d after loading %d", to, n)
		}
		var again, once bytes.Buffer
		require.NoError(t, tree.View().Save(&again))
		require.NoError(t, whole.Save(&once))
		require.True(t, bytes.Equal(once.Bytes(), again.Bytes()), "saved after loading %d", n)
		for i := uint64(0); i < size; i += 33 {
			proof, err := tree.View().Prove(i, size)
			require.NoError(t, err)
			require.True(t, merkle.VerifyInclusion(proof, i, size, all[i], whole.Root()))
		}
	}
}

func TestOnlyTheFormThatIsWrittenIsLoaded(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, grown(5).View().Save(&b))
	good := b.Bytes()
	for i := range 64 {
		bad := bytes.Clone(good)
		bad[i] ^= 0x40
		_, err := merkle.Load(bad)
		assert.ErrorIs(t, err, merkle.ErrMalformed, "byte %d of the header", i)
	}
	for n := range good {
		_, err := merkle.Load(good[:n])
		assert.ErrorIs(t, err, merkle.ErrMalformed, "%d bytes of %d", n, len(good))
	}
	_, err := merkle.Load(append(good, 0))
	assert.ErrorIs(t, err, merkle.ErrMalformed)
	huge := bytes.Clone(good[:64])
	binary.LittleEndian.PutUint64(huge[16:], 1<<58+1) // whose hashes take 2^64 bytes
	_, err = merkle.Load(huge)
	assert.ErrorIs(t, err, merkle.ErrMalformed)
}

// failing fails to write from byte n on.
type failing struct{ n int }

var errNoRoom = errors.New("no room")

func (f *failing) Write(p []byte) (int, error) {
	if f.n -= len(p); f.n < 0 {
		return 0, errNoRoom
	}
	return len(p), nil
}

func TestSavingReportsTheWriter(t *testing.T) {
	var w io.Writer
	tree := reload(t, leaves(700))
	tree.AppendAll(leaves(700))
	var size bytes.Buffer
	require.NoError(t, tree.View().Save(&size))
	for _, n := range []int{0, 63, 64, 1000, 50_000, size.Len() - 1} {
		w = &failing{n}
		assert.ErrorIs(t, tree.View().Save(w), errNoRoom, "after %d bytes", n)
	}
	w = &failing{size.Len()}
	assert.NoError(t, tree.View().Save(w))
}

func FuzzLoad(f *testing.F) {
	for _, n := range []uint64{0, 1, 2, 5, 8} {
		var b bytes.Buffer
		require.NoError(f, grown(n).View().Save(&b))
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		tree, err := merkle.Load(b)
		if err != nil {
			if !errors.Is(err, merkle.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		var again bytes.Buffer
		if err := tree.View().Save(&again); err != nil || !bytes.Equal(again.Bytes(), b) {
			t.Fatal("another form of the same tree was accepted", err)
		}
		tree.Append(merkle.Hash{})
		for i := range tree.Size() {
			if _, err := tree.View().Prove(i, tree.Size()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestTilesAreThoseOfTlog(t *testing.T) {
	size := uint64(1<<16 + 700)
	if testing.Short() {
		size = 3000
	}
	view := grown(size).View()
	tiles := tlog.NewTiles(8, 0, int64(size))
	require.NotEmpty(t, tiles)
	for _, tile := range tiles {
		want, err := tlog.ReadTileData(tile, view)
		require.NoError(t, err)
		got, err := view.AppendTile([]byte("x"), tile.L, uint64(tile.N), tile.W)
		require.NoError(t, err)
		require.True(t, bytes.Equal(append([]byte("x"), want...), got), "tile %s", tile.Path())
	}
	for _, bad := range []struct {
		level int
		n     uint64
		width int
	}{{0, size / 256, int(size%256) + 1}, {0, size/256 + 1, 1}, {0, 1<<64 - 1, 1}, {0, 1 << 56, 1}, {-1, 0, 1}, {8, 0, 1}, {7, 0, 1}, {0, 0, 0}, {0, 0, 257}} {
		_, err := view.AppendTile(nil, bad.level, bad.n, bad.width)
		assert.ErrorIs(t, err, merkle.ErrRange, "%+v", bad)
	}
}
