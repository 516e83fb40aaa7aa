package vecfile_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/vecfile"
)

// little are numbers as they lie in a file; big are MNIST's.
func little(parts ...any) []byte { return encode(binary.LittleEndian, parts) }
func big(parts ...any) []byte    { return encode(binary.BigEndian, parts) }

func encode(order binary.ByteOrder, parts []any) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		if err := binary.Write(&b, order, p); err != nil {
			panic(err)
		}
	}
	return b.Bytes()
}

var (
	fbin  = little(uint32(2), uint32(3), []float32{1, 2, 3, 4, 5, 6})
	fvecs = little(int32(3), []float32{1, 2, 3}, int32(3), []float32{4, 5, 6})
	bvecs = little(int32(3), []byte{1, 2, 3}, int32(3), []byte{4, 5, 6})
	idx   = big(uint32(0x803), uint32(2), uint32(1), uint32(3), []byte{1, 2, 3, 4, 5, 6})
)

func TestEveryFormatHoldsTheSameVectors(t *testing.T) {
	dir := t.TempDir()
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(idx)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	for name, content := range map[string][]byte{
		"a.fbin": fbin, "a.fvecs": fvecs, "a.bvecs": bvecs, "a.idx": idx, "t10k-images-idx3-ubyte": idx, "t10k-images-idx3-ubyte.gz": zipped.Bytes(),
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, content, 0o600))
		got, err := vecfile.OpenFloats(path, 0)
		require.NoError(t, err, name)
		assert.Equal(t, vecfile.Table[float32]{Dim: 3, Values: []float32{1, 2, 3, 4, 5, 6}}, got, name)
		assert.Equal(t, []float32{4, 5, 6}, got.Row(1))
		got, err = vecfile.OpenFloats(path, 1)
		require.NoError(t, err, name)
		assert.Equal(t, vecfile.Table[float32]{Dim: 3, Values: []float32{1, 2, 3}}, got, name)
	}
}

func TestTruthHasDistancesOrNot(t *testing.T) {
	ids := vecfile.Table[int32]{Dim: 2, Values: []int32{1, 2, 3, 4}}
	distances := vecfile.Table[float32]{Dim: 2, Values: []float32{.1, .2, .3, .4}}
	for _, want := range []vecfile.Truth{{IDs: ids}, {IDs: ids, Distances: distances}} {
		var b bytes.Buffer
		require.NoError(t, vecfile.WriteTruth(&b, want))
		got, err := vecfile.ReadTruth(vecfile.IBin, &b)
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	got, err := vecfile.ReadTruth(vecfile.IVecs, bytes.NewReader(little(int32(2), []int32{1, 2}, int32(2), []int32{3, 4})))
	require.NoError(t, err)
	assert.Equal(t, ids, got.IDs)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	want := vecfile.Table[float32]{Dim: 2, Values: []float32{1, -2, 3.5, 0}}
	path := filepath.Join(t.TempDir(), "new", "a.fbin")
	require.NoError(t, vecfile.Replace(path, func(w io.Writer) error { return vecfile.WriteFloats(w, want) }))
	got, err := vecfile.OpenFloats(path, 0)
	require.NoError(t, err)
	assert.Equal(t, want, got)
	require.ErrorIs(t, vecfile.Replace(path, func(io.Writer) error { return os.ErrClosed }), os.ErrClosed)
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	assert.Len(t, left, 1)
}

func TestDamageNamesItsField(t *testing.T) {
	for says, c := range map[string]struct {
		format vecfile.Format
		data   []byte
	}{
		"within a header":                   {vecfile.FBin, fbin[:7]},
		"rows 0 is not in [1, 2147483647]":  {vecfile.FBin, little(uint32(0), uint32(3))},
		"dim 65537 is not in [1, 65536]":    {vecfile.FBin, little(uint32(1), uint32(65537))},
		"is above 1073741824 values":        {vecfile.FBin, little(uint32(1<<31-1), uint32(65536))},
		"after 5 of rows × dim = 2 × 3":     {vecfile.FBin, fbin[:len(fbin)-1]},
		"row 1, component 0 is not finite":  {vecfile.FBin, little(uint32(2), uint32(1), float32(1), float32(math.Inf(1)))},
		"row 1: dim 2 is not the first":     {vecfile.FVecs, little(int32(1), float32(1), int32(2))},
		"row 0: dim 4294967295 is not in":   {vecfile.FVecs, little(int32(-1))},
		"it ends within row 1":              {vecfile.BVecs, bvecs[:len(bvecs)-1]},
		"it has no rows":                    {vecfile.FVecs, nil},
		"magic 00000d03 is not 000008":      {vecfile.IDX, big(uint32(0xd03))},
		"axes 1 is not in [2, 4]":           {vecfile.IDX, big(uint32(0x801))},
		"axis 0 is not in":                  {vecfile.IDX, big(uint32(0x803), uint32(1), uint32(0), uint32(1))},
		"dim 4294967296 is not in":          {vecfile.IDX, big(uint32(0x803), uint32(1), uint32(65536), uint32(65536))},
		"ibin files hold no vectors":        {vecfile.IBin, fbin},
		"query 0, neighbour 1: id -5":       {vecfile.IBin, little(uint32(1), uint32(2), []int32{1, -5})},
		"it ends after 1 of 2 distances":    {vecfile.IBin, little(uint32(1), uint32(2), []int32{1, 5}, float32(1))},
		"bytes follow the last distance":    {vecfile.IBin, little(uint32(1), uint32(1), int32(1), float32(1), byte(0))},
		"fvecs files hold no neighbours":    {vecfile.FVecs, nil},
		"after 1 of rows × dim = 1 × 2 val": {vecfile.IBin, little(uint32(1), uint32(2), int32(1))},
	} {
		_, err := vecfile.ReadFloats(c.format, bytes.NewReader(c.data), 0)
		if c.format == vecfile.IBin && says != "ibin files hold no vectors" || says == "fvecs files hold no neighbours" {
			_, err = vecfile.ReadTruth(c.format, bytes.NewReader(c.data))
		}
		require.ErrorIs(t, err, vecfile.ErrFormat, says)
		assert.ErrorContains(t, err, says)
	}
	_, _, err := vecfile.FormatOf("a.csv")
	require.ErrorIs(t, err, vecfile.ErrFormat)
	_, err = vecfile.OpenFloats(filepath.Join(t.TempDir(), "a.fbin"), 0)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.Equal(t, "Format(9)", vecfile.Format(9).String())
}

func TestAClaimAloneCostsNothing(t *testing.T) {
	claim := little(uint32(1<<20), uint32(1<<10)) // 4 GiB that are not there
	path := filepath.Join(t.TempDir(), "a.fbin")
	require.NoError(t, os.WriteFile(path, claim, 0o600))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := vecfile.ReadFloats(vecfile.FBin, bytes.NewReader(claim), 0)
	require.ErrorIs(t, err, vecfile.ErrFormat)
	_, err = vecfile.OpenFloats(path, 0)
	require.ErrorIs(t, err, vecfile.ErrFormat)
	runtime.ReadMemStats(&after)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(8<<20))
}

func FuzzRead(f *testing.F) {
	for _, seed := range [][]byte{fbin, fvecs, bvecs, idx, little(uint32(1), uint32(1), int32(1), float32(1))} {
		for format := range 6 {
			f.Add(byte(format), seed, 0)
		}
	}
	f.Fuzz(func(t *testing.T, format byte, data []byte, limit int) {
		v, err := vecfile.ReadFloats(vecfile.Format(format), bytes.NewReader(data), limit)
		if err == nil && (len(v.Values) == 0 || len(v.Values) > len(data) || len(v.Values) != v.Rows()*v.Dim || limit > 0 && v.Rows() > limit) {
			t.Fatalf("%d values, %d a row, from %d bytes", len(v.Values), v.Dim, len(data))
		}
		truth, err := vecfile.ReadTruth(vecfile.Format(format), bytes.NewReader(data))
		if err == nil && (truth.IDs.Rows() == 0 || truth.Distances.Values != nil && truth.Distances.Rows() != truth.IDs.Rows()) {
			t.Fatalf("%d and %d rows", truth.IDs.Rows(), truth.Distances.Rows())
		}
	})
}
