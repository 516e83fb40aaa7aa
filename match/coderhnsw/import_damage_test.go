package coderhnsw_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	peer "github.com/coder/hnsw"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/coderhnsw"
	"github.com/deeperpoint/csss/match/hnsw"
)

// written returns a file as the peer would write it of such values.
func written(values ...any) (b []byte) {
	for _, v := range values {
		switch v := v.(type) {
		case int:
			b = binary.AppendVarint(b, int64(v))
		case string:
			b = append(binary.AppendVarint(b, int64(len(v))), v...)
		case []float32:
			b = append(binary.AppendVarint(b, int64(len(v))), raw(v)...)
		case []byte:
			b = append(b, v...)
		default:
			b = append(b, raw(v)...)
		}
	}
	return b
}

func raw(v any) []byte {
	b, err := binary.Append(nil, binary.LittleEndian, v)
	if err != nil {
		panic(err)
	}
	return b
}

// headBytes is how long what head returns is.
const headBytes = 1 + 1 + 8 + 1 + 7

func head(distance string) []byte { return written(1, 16, 0.25, 20, distance) }

type vec = []float32

func TestWrittenIsWhatThePeerWrites(t *testing.T) {
	g := peer.NewGraph[int]()
	g.Rng = rand.New(rand.NewSource(1)) // gives the row one layer
	g.Add(peer.MakeNode(-3, vec{1, 2}))
	assert.Equal(t, written(head("cosine"), 1, 1, -3, vec{1, 2}, 0), exported(t, g))
	assert.Len(t, head("cosine"), headBytes)
}

const huge = 1 << 60

// Each of these stops at a field, at a byte from the end of the head.
func TestImportRefuses(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	cosine, tooWide := head("cosine"), bytes.Repeat([]byte{0xff}, 10)
	type limits = coderhnsw.ImportOptions
	for name, c := range map[string]struct {
		file  []byte
		o     *coderhnsw.ImportOptions
		field string
		at    int64
		err   error
	}{
		"no byte":                     {nil, nil, "version", -headBytes, io.ErrUnexpectedEOF},
		"another version":             {written(2, 16), nil, "version", -headBytes, hnsw.ErrVersion},
		"an integer without end":      {written(1, tooWide), nil, "M", 1 - headBytes, coderhnsw.ErrDamaged},
		"another distance":            {head("manhattan"), nil, "distance", 11 - headBytes, coderhnsw.ErrDistance},
		"a long name":                 {head(strings.Repeat("x", 65)), nil, "distance", 11 - headBytes, hnsw.ErrRange},
		"another metric":              {cosine, &limits{Index: hnsw.Options{Metric: hnsw.Dot}}, "distance", 11 - headBytes, coderhnsw.ErrDistance},
		"layers below zero":           {written(cosine, -1), nil, "layers", 0, hnsw.ErrRange},
		"more layers than there are":  {written(cosine, huge), nil, "layers", 0, hnsw.ErrRange},
		"more layers than come":       {written(cosine, 2, 1, 5, vec{1}, 0), nil, "nodes", 9, io.ErrUnexpectedEOF},
		"more rows than there are":    {written(cosine, 1, huge), nil, "rows", 1, hnsw.ErrRange},
		"more rows than come":         {written(cosine, 1, 1<<31-1), nil, "key", 6, io.ErrUnexpectedEOF},
		"more rows than are wanted":   {written(cosine, 1, 3), &limits{MaxRows: 2}, "rows", 1, hnsw.ErrRange},
		"rows below zero":             {written(cosine, 1, -1), nil, "rows", 1, hnsw.ErrRange},
		"no components":               {written(cosine, 1, 1, 5, vec{}, 0), nil, "vector", 3, hnsw.ErrRange},
		"too many components":         {written(cosine, 1, 1, 5, hnsw.MaxDim+1), nil, "vector", 3, hnsw.ErrRange},
		"more components than wanted": {written(cosine, 1, 1, 5, vec{1, 2}, 0), &limits{MaxDim: 1}, "vector", 3, hnsw.ErrRange},
		"other components than asked": {written(cosine, 1, 1, 5, vec{1, 2}, 0), &limits{Dim: 3}, "vector", 3, hnsw.ErrRange},
		"a shorter vector":            {written(cosine, 1, 2, 5, vec{1, 2}, 0, 6, vec{1}, 0), nil, "vector", 14, hnsw.ErrRange},
		"half a vector":               {written(cosine, 1, 1, 5, 2, float32(1)), nil, "vector", 3, io.ErrUnexpectedEOF},
		"NaN":                         {written(cosine, 1, 2, 9, vec{1, 2}, 0, 6, vec{1, nan}, 0), nil, "vector", 19, hnsw.ErrNotFinite},
		"infinite":                    {written(cosine, 1, 2, 9, vec{inf, 2}, 0, 6, vec{1, 2}, 0), nil, "vector", 4, hnsw.ErrNotFinite},
		"too long":                    {written(head("euclidean"), 1, 1, 9, vec{1, 2e18}, 0), nil, "vector", 3 + 4, hnsw.ErrTooLong},
		"zero under cosine":           {written(cosine, 1, 2, 9, vec{0, 0}, 0, 6, vec{1, 2}, 0), nil, "vector", 4, hnsw.ErrZeroVector},
		"edges below zero":            {written(cosine, 1, 1, 5, vec{1}, -1), nil, "edges", 8, hnsw.ErrRange},
		"more edges than come":        {written(cosine, 1, 1, 5, vec{1}, huge, 5, 5, 5), nil, "edge", 20, io.ErrUnexpectedEOF},
		"a row twice":                 {written(cosine, 1, 2, 5, vec{1}, 0, 5, vec{1}, 0), nil, "key", 9, coderhnsw.ErrDamaged},
		"a node twice":                {written(cosine, 2, 2, 5, vec{1}, 0, 6, vec{1}, 0, 2, 5, vec{1}, 0, 5, vec{1}, 0), nil, "key", 24, coderhnsw.ErrDamaged},
		"a node that is no row":       {written(cosine, 2, 1, 5, vec{1}, 0, 1, 6, vec{1}, 0), nil, "key", 10, coderhnsw.ErrDamaged},
		"a node two layers up":        {written(cosine, 3, 2, 5, vec{1}, 0, 6, vec{1}, 0, 1, 5, vec{1}, 0, 1, 6, vec{1}, 0), nil, "key", 25, coderhnsw.ErrDamaged},
		"more nodes than rows":        {written(cosine, 2, 1, 5, vec{1}, 0, 2), nil, "nodes", 9, hnsw.ErrRange},
		"another vector":              {written(cosine, 2, 1, 5, vec{1}, 0, 1, 5, vec{2}, 0), nil, "vector", 11, coderhnsw.ErrDamaged},
		"another zero":                {written(head("euclidean"), 2, 1, 5, vec{0}, 0, 1, 5, vec{float32(math.Copysign(0, -1))}, 0), nil, "vector", 3 + 11, coderhnsw.ErrDamaged},
		"an edge to nowhere":          {written(cosine, 1, 3, 5, vec{1}, 2, 6, 7, 6, vec{1}, 0, 9, vec{1}, 0), nil, "edge", 10, coderhnsw.ErrDangling},
		"an edge to a key too many":   {written(cosine, 1, 2, 5, vec{1}, 3, 6, 7), nil, "edge", 10, coderhnsw.ErrDangling},
		"two edges to nowhere":        {written(cosine, 1, 3, 5, vec{1}, 2, 7, 8, 6, vec{1}, 0, 9, vec{1}, 0), nil, "edge", 9, coderhnsw.ErrDangling},
		"an edge to nowhere above":    {written(cosine, 2, 1, 5, vec{1}, 0, 1, 5, vec{1}, 1, 6), nil, "edge", 17, coderhnsw.ErrDangling},
		"an edge to a layer below":    {written(cosine, 2, 2, 5, vec{1}, 0, 6, vec{1}, 0, 1, 5, vec{1}, 1, 6), nil, "edge", 24, coderhnsw.ErrDangling},
		"something after the end":     {written(cosine, 1, 1, 5, vec{1}, 0, 0), nil, "end", 9, coderhnsw.ErrDamaged},
		"more bytes than are wanted":  {written(cosine, 1, 1, 5, vec{1}, 0), &limits{MaxBytes: headBytes + 8}, "edges", 8, hnsw.ErrRange},
		"a key below zero":            {written(cosine, 1, 1, -5, vec{1}, 0), nil, "key", 2, coderhnsw.ErrKey},
		"a key beyond 32 bits":        {written(cosine, 1, 1, 1<<32, vec{1}, 0), nil, "key", 2, coderhnsw.ErrKey},
		"a key that is no row number": {written(cosine, 1, 2, 5, vec{1}, 0, 1<<20, vec{1}, 0), &limits{Index: hnsw.Options{RowNumbers: true}}, "key", 9, hnsw.ErrRowNumber},
	} {
		t.Run(name, func(t *testing.T) {
			x, err := coderhnsw.Import[int, uint32](bytes.NewReader(c.file), c.o)
			require.Nil(t, x)
			require.ErrorIs(t, err, c.err)
			e, ok := errors.AsType[*coderhnsw.ImportError](err)
			require.True(t, ok)
			assert.Equal(t, c.field, e.Field, err)
			assert.Equal(t, c.at, e.Offset-headBytes, err)
		})
	}
}

func TestImportOfAKeyBelowZero(t *testing.T) {
	file := written(head("cosine"), 1, 1, -5, vec{1}, 0)
	_, err := coderhnsw.Import[int, uint64](bytes.NewReader(file), nil)
	assert.ErrorIs(t, err, coderhnsw.ErrKey)
	_, there := imported[int, string](t, file, nil).Get("-5", nil)
	assert.True(t, there)
}

func TestImportErrorNamesTheLimit(t *testing.T) {
	_, err := coderhnsw.Import[int, uint32](bytes.NewReader(written(head("cosine"), 1, huge)), &coderhnsw.ImportOptions{MaxRows: 1000})
	assert.EqualError(t, err, "coderhnsw: import: rows at byte 19: out of range: 1152921504606846976, want 0 to 1000")
}

func TestImportChecksOptionsBeforeItReads(t *testing.T) {
	for field, o := range map[string]coderhnsw.ImportOptions{
		"max_dim": {MaxDim: hnsw.MaxDim + 1}, "max_rows": {MaxRows: -1}, "max_bytes": {MaxBytes: -1}, "dim": {Dim: 3, MaxDim: 2},
	} {
		_, err := coderhnsw.Import[int, uint32](unread(t), &o)
		e, ok := errors.AsType[*match.FieldError](err)
		require.True(t, ok, field)
		assert.Equal(t, field, e.Field)
	}
	for _, o := range []coderhnsw.ImportOptions{{Index: hnsw.Options{M: 1}}, {Batch: hnsw.BatchOptions{Workers: -1}}} {
		_, err := coderhnsw.Import[int, uint32](unread(t), &o)
		assert.ErrorIs(t, err, hnsw.ErrRange)
	}
	_, err := coderhnsw.Import[int, uint64](unread(t), &coderhnsw.ImportOptions{Index: hnsw.Options{RowNumbers: true}})
	assert.ErrorIs(t, err, hnsw.ErrRowNumber)
	_, err = coderhnsw.Import[string, uint32](unread(t), nil)
	assert.ErrorIs(t, err, coderhnsw.ErrKey)
	_, err = coderhnsw.Import[writer, uint32](unread(t), nil)
	assert.ErrorIs(t, err, coderhnsw.ErrKey)
	_, err = coderhnsw.Import[reader, uint32](unread(t), nil)
	assert.ErrorIs(t, err, coderhnsw.ErrKey)
}

func unread(t *testing.T) io.Reader {
	return readerFunc(func([]byte) (int, error) {
		t.Error("read")
		return 0, io.EOF
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

type (
	writer int32
	reader int32
)

func (writer) WriteTo(io.Writer) (int64, error)   { return 0, nil }
func (*reader) ReadFrom(io.Reader) (int64, error) { return 0, nil }

// What the reader returns comes back, and how it cuts the file does not matter.
func TestImportFromOddReaders(t *testing.T) {
	file := exported(t, grown(spaces[0], 30, 3, wordOf))
	broken := errors.New("disk on fire")
	for _, n := range []int64{0, 1, 40, int64(len(file))} {
		_, err := coderhnsw.Import[string, string](io.MultiReader(io.LimitReader(bytes.NewReader(file), n), iotest.ErrReader(broken)), nil)
		require.ErrorIs(t, err, broken)
		e, ok := errors.AsType[*coderhnsw.ImportError](err)
		require.True(t, ok)
		assert.LessOrEqual(t, e.Offset, n)
	}
	for _, odd := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader, iotest.HalfReader} {
		x, err := coderhnsw.Import[string, string](odd(bytes.NewReader(file)), nil)
		require.NoError(t, err)
		assert.Equal(t, 30, x.Len())
	}
}

func wordOf(i int) string { return strings.Repeat("w", i) }

func TestImportOfAPrefixIsAnError(t *testing.T) {
	for name, file := range map[string][]byte{
		"int":    exported(t, grown(spaces[0], 40, 2, func(i int) int { return i * i * i })),
		"string": exported(t, grown(spaces[1], 20, 3, wordOf)),
	} {
		for n := range file {
			err := importAny(name, file[:n])
			require.ErrorIs(t, err, io.ErrUnexpectedEOF, "%s, %d bytes", name, n)
			e, ok := errors.AsType[*coderhnsw.ImportError](err)
			require.True(t, ok)
			require.LessOrEqual(t, e.Offset, int64(n))
		}
		require.NoError(t, importAny(name, file))
	}
}

// The format has no checksum, so a flipped bit may give another graph; but then it
// is one.
func TestImportOfFlippedBits(t *testing.T) {
	file := exported(t, grown(spaces[0], 20, 2, func(i int) uint32 { return uint32(i) }))
	for i := range 8 * len(file) {
		flipped := bytes.Clone(file)
		flipped[i/8] ^= 1 << (i % 8)
		err := importAny("uint32", flipped)
		if err == nil {
			continue
		}
		_, ok := errors.AsType[*coderhnsw.ImportError](err)
		require.True(t, ok, "bit %d: %v", i, err)
	}
}

// importAny imports a file with keys of a type given by name. What it takes, the
// peer has to take too, with the same rows.
func importAny(keys string, file []byte) error {
	switch keys {
	case "int":
		return importBoth(file, func(k uint64) int { return int(k) })
	case "int16":
		return importBoth(file, func(k string) int16 { n, _ := strconv.Atoi(k); return int16(n) })
	case "uint32":
		return importBoth(file, itself[uint32])
	case "uint64":
		return importBoth(file, itself[uint64])
	}
	return importBoth(file, itself[string])
}

func importBoth[F coderhnsw.SavedKey, K hnsw.Key](file []byte, back func(K) F) error {
	x, err := coderhnsw.Import[F, K](bytes.NewReader(file), &coderhnsw.ImportOptions{Index: hnsw.Options{ExactBelow: -1}})
	if err != nil {
		return err
	}
	var g peer.Graph[F]
	if err := errors.Join(x.Check(), g.Import(bytes.NewReader(file))); err != nil {
		return err
	}
	hits, err := x.Search(make(vec, g.Dims()), x.Len(), nil, nil)
	s := spaces[1]
	if errors.Is(err, hnsw.ErrZeroVector) {
		s = spaces[0]
		q := make(vec, g.Dims())
		q[0] = 1
		hits, err = x.Search(q, x.Len(), nil, nil)
	}
	if err != nil || len(hits) != g.Len() {
		return fmt.Errorf("%d rows, want %d: %w", len(hits), g.Len(), err)
	}
	for _, h := range hits {
		got, _ := x.Get(h.Key, nil)
		want, there := g.Lookup(back(h.Key))
		if !there || !slices.Equal(got, scaled(s, want)) {
			return fmt.Errorf("%v, want %v", got, want)
		}
	}
	return nil
}

// indexBytes is what an index takes however small it is, and then some.
const indexBytes = 6 << 20

func TestImportTakesMemoryForWhatHasCome(t *testing.T) {
	cosine := head("cosine")
	for name, file := range map[string][]byte{
		"rows":       written(cosine, 1, 1<<31-1),
		"components": written(cosine, 1, 1, "k", hnsw.MaxDim, float32(1)),
		"edges":      written(cosine, 1, 1, "k", vec{1}, huge, "k"),
		"key":        written(cosine, 1, 1, 1<<29),
		"edge":       written(cosine, 1, 1, "k", vec{1}, 1, 1<<29),
	} {
		spent := allocated(func() {
			require.ErrorIs(t, importAny("string", file), io.ErrUnexpectedEOF, name)
		})
		assert.Less(t, spent, uint64(256<<10), name)
	}
	keys := written(cosine, 1, 1<<31-1, 0, vec{1}, huge)
	for i := range 100_000 {
		keys = binary.AppendVarint(keys, int64(i))
	}
	for name, c := range map[string]struct {
		file []byte
		most int // of what is made on the way, bytes a byte
	}{
		"rows":  {exported(t, grown(spaces[0], 2000, 64, itself[int])), 10},
		"edges": {keys, 100},
	} {
		spent := allocated(func() { _, _ = coderhnsw.Import[int, uint64](bytes.NewReader(c.file), nil) })
		assert.Less(t, spent, uint64(indexBytes+c.most*len(c.file)), name)
	}
}

// allocated returns how much memory a call took, given back or not.
func allocated(call func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	call()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// Whatever it is given, Import returns an index that holds together or says where
// the file is wrong; and what it takes, the peer takes, with the same rows.
func FuzzImport(f *testing.F) {
	f.Add("int", exported(f, grown(spaces[0], 12, 2, func(i int) int { return 100 * i })))
	f.Add("int16", exported(f, grown(spaces[1], 3, 1, func(i int) int16 { return int16(-i) })))
	f.Add("uint32", exported(f, grown(spaces[1], 20, 3, func(i int) uint32 { return uint32(i) })))
	f.Add("uint64", exported(f, grown(spaces[0], 5, 9, func(i int) uint64 { return uint64(i) << 40 })))
	f.Add("string", exported(f, grown(spaces[1], 12, 2, wordOf)))
	f.Add("int", exported(f, peer.NewGraph[int]()))
	f.Fuzz(func(t *testing.T, keys string, file []byte) {
		err := importAny(keys, file)
		if err == nil {
			return
		}
		e, ok := errors.AsType[*coderhnsw.ImportError](err)
		if !ok || e.Offset < 0 || e.Offset > int64(len(file)) || e.Field == "" || e.Err == nil {
			t.Fatal(err)
		}
	})
}
