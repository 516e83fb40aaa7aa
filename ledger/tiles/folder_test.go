package tiles_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	tlogformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/tiles"
)

// Each check of the reader, and the test that fails without it:
//
//	checkpoint signature                    TestOpenTrustsTheKeyOnly
//	key bears the origin                    TestOpenTrustsTheKeyOnly
//	canonical checkpoint                    TestEveryByteCounts
//	size limit of the checkpoint            TestOpenTrustsTheKeyOnly
//	root of the empty tree                  TestOpenTrustsTheKeyOnly
//	edge tiles lead to the root             TestOpenChecksTheEdge
//	length of a tile                        TestVerifyNamesTheEntry
//	entry against its hash (Leaves)         TestLeavesAreChecked
//	entry against its hash (Verify)         TestVerifyNamesTheEntry
//	tile against the tile below             TestVerifyNamesTheEntry
//	root against the checkpoint (Verify)    TestVerifyNamesTheEntry
//	bundle too short, too long              TestVerifyNamesTheEntry
//	limit of a file's length                TestHostileFilesEnd
//	range of hashes and entries             TestOutsideTheTree
//	origin and order in Consistent          TestConsistentNamesTheFirstDifference

func TestOpenTrustsTheKeyOnly(t *testing.T) {
	log, other := newLog(t, 3), newLog(t, 3)
	list := files(t, export(t, log, 3))
	try := func(signed []byte, vkeys ...string) error {
		changed := maps.Clone(list)
		changed["checkpoint"] = signed
		_, err := tiles.Open(folder(changed), vkeys...)
		return err
	}
	good := log.at(t, 3)
	require.NoError(t, try(good, log.vkey))
	require.NoError(t, try(good, other.vkey, log.vkey), "any of the keys")
	root := log.root(t, 3)
	text := func(origin string, size uint64) string {
		return string(tlogformat.Checkpoint{Origin: origin, Size: size, Hash: root[:]}.Marshal())
	}
	for what, err := range map[string]error{
		"other key":           try(good, other.vkey),
		"no key":              try(good),
		"no checkpoint":       try(nil, log.vkey),
		"other origin":        try(log.sign(t, text("example.org/other", 3)), log.vkey),
		"too many entries":    try(log.sign(t, text(log.name, math.MaxInt64)), log.vkey),
		"beyond 64 bits":      try(log.sign(t, strings.Replace(text(log.name, 3), "\n3\n", "\n18446744073709551619\n", 1)), log.vkey),
		"leading zero":        try(log.sign(t, strings.Replace(text(log.name, 3), "\n3\n", "\n03\n", 1)), log.vkey),
		"empty extension":     try(log.sign(t, text(log.name, 3)+"\n"), log.vkey),
		"too large":           try(log.sign(t, text(log.name, 3)+strings.Repeat("x", 70<<10)+"\n"), log.vkey),
		"signature twice":     try(append(bytes.Clone(good), good[bytes.LastIndex(good, []byte("— ")):]...), log.vkey),
		"damaged key":         try(good, log.vkey+"x"),
		"key without strict…": try(good, strings.ToUpper(log.vkey)),
	} {
		assert.ErrorIs(t, err, tiles.ErrCheckpoint, what)
	}
	require.NoError(t, try(log.sign(t, text(log.name, 3)+"an extension\n"), log.vkey))
	assert.ErrorIs(t, try(log.sign(t, text(log.name, 0)), log.vkey), tiles.ErrDamaged, "empty tree with another root")
	_, err := tiles.Open(fstest.MapFS{}, log.vkey)
	assert.ErrorIs(t, err, tiles.ErrCheckpoint)
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpenChecksTheEdge(t *testing.T) {
	log := newLog(t, 600)
	list := files(t, export(t, log, 600))
	for _, name := range []string{"tile/0/002.p/88", "tile/1/000.p/2"} {
		for what, data := range map[string][]byte{"flipped": flip(list[name], 40), "short": list[name][:32], "long": append(bytes.Clone(list[name]), 0)} {
			changed := maps.Clone(list)
			changed[name] = data
			_, err := tiles.Open(folder(changed), log.vkey)
			assert.ErrorIs(t, err, tiles.ErrDamaged, "%s %s", name, what)
		}
		changed := maps.Clone(list)
		delete(changed, name)
		_, err := tiles.Open(folder(changed), log.vkey)
		assert.ErrorIs(t, err, fs.ErrNotExist, name)
	}
}

func flip(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1
	return b
}

// with returns the files with one changed.
func with(list map[string][]byte, name string, change func([]byte) []byte) map[string][]byte {
	out := maps.Clone(list)
	out[name] = change(bytes.Clone(list[name]))
	return out
}

// lengthOf is the length of the first n entries in a bundle.
func lengthOf(log *fakeLog, from, n int) (length int) {
	for _, leaf := range log.leaves[from : from+n] {
		length += 2 + len(leaf)
	}
	return length
}

func TestVerifyNamesTheEntry(t *testing.T) {
	log := newLog(t, 0)
	for i := range 700 {
		log.add(t, fmt.Appendf(nil, "entry number %d", i))
	}
	list := files(t, export(t, log, 700))
	hash := func(i int) func([]byte) []byte { return func(b []byte) []byte { return flip(b, i*32+7) } }
	forge := func(m map[string][]byte, bundle, tile string, at, length int) map[string][]byte {
		m = with(m, bundle, func(b []byte) []byte { return flip(b, length+2) })
		h := tlog.RecordHash(m[bundle][length+2 : length+2+len(log.leaves[at])])
		return with(m, tile, func(b []byte) []byte { copy(b[at%256*32:], h[:]); return b })
	}
	for what, c := range map[string]struct {
		files    map[string][]byte
		from, to uint64
		path     string
	}{
		"first entry":        {with(list, "tile/entries/000", func(b []byte) []byte { return flip(b, 5) }), 0, 1, "tile/entries/000"},
		"entry 300":          {with(list, "tile/entries/001", func(b []byte) []byte { return flip(b, lengthOf(log, 256, 44)+2) }), 300, 301, "tile/entries/001"},
		"last entry":         {with(list, "tile/entries/002.p/188", func(b []byte) []byte { return flip(b, len(b)-1) }), 699, 700, "tile/entries/002.p/188"},
		"a longer entry":     {with(list, "tile/entries/001", func(b []byte) []byte { b[1]++; return b }), 256, 257, "tile/entries/001"},
		"bundle cut":         {with(list, "tile/entries/001", func(b []byte) []byte { return b[:lengthOf(log, 256, 100)+3] }), 356, 357, "tile/entries/001"},
		"bundle too long":    {with(list, "tile/entries/001", func(b []byte) []byte { return append(b, 0, 0) }), 511, 512, "tile/entries/001"},
		"bundle empty":       {with(list, "tile/entries/000", func([]byte) []byte { return nil }), 0, 1, "tile/entries/000"},
		"leaf hash 300":      {with(list, "tile/0/001", hash(44)), 300, 301, "tile/entries/001"},
		"tile short":         {with(list, "tile/0/001", func(b []byte) []byte { return b[:8191] }), 256, 512, "tile/0/001"},
		"tile long":          {with(list, "tile/0/001", func(b []byte) []byte { return append(b, 0) }), 256, 512, "tile/0/001"},
		"upper hash":         {with(list, "tile/1/000.p/2", hash(1)), 256, 512, "tile/1/000.p/2"},
		"entry and its hash": {forge(list, "tile/entries/001", "tile/0/001", 300, lengthOf(log, 256, 44)), 256, 512, "tile/1/000.p/2"},
		"at the edge too":    {forge(list, "tile/entries/002.p/188", "tile/0/002.p/188", 699, lengthOf(log, 512, 187)), 0, 700, "checkpoint"},
	} {
		x, err := tiles.Open(folder(c.files), log.vkey)
		if err != nil { // the edge is looked at when it is opened
			assert.ErrorIs(t, err, tiles.ErrDamaged, what)
			continue
		}
		var d *tiles.DamageError
		require.ErrorAs(t, x.Verify(t.Context(), nil), &d, what)
		assert.Equal(t, []uint64{c.from, c.to}, []uint64{d.From, d.To}, "%s: %v", what, d)
		assert.Equal(t, c.path, d.Path, what)
	}

	// The root of what Verify built again: damage that appears after the opening.
	live := folder(list)
	x, err := tiles.Open(live, log.vkey)
	require.NoError(t, err)
	maps.Copy(live, folder(forge(list, "tile/entries/002.p/188", "tile/0/002.p/188", 699, lengthOf(log, 512, 187))))
	var d *tiles.DamageError
	require.ErrorAs(t, x.Verify(t.Context(), nil), &d)
	assert.Equal(t, tiles.DamageError{Path: "checkpoint", To: 700, What: d.What}, *d)
}

func TestLeavesAreChecked(t *testing.T) {
	log := newLog(t, 0)
	for i := range 300 {
		log.add(t, fmt.Appendf(nil, "entry number %d", i))
	}
	list := files(t, export(t, log, 300))
	bad := with(list, "tile/entries/000", func(b []byte) []byte { return flip(b, lengthOf(log, 0, 7)+3) })
	x, err := tiles.Open(folder(bad), log.vkey)
	require.NoError(t, err)
	var d *tiles.DamageError
	for leaf, err := range x.Leaves(t.Context(), 3, 300) {
		require.Nil(t, leaf)
		require.ErrorAs(t, err, &d)
	}
	assert.Equal(t, uint64(7), d.From)
	n := 0
	for _, err := range x.Leaves(t.Context(), 256, 300) {
		require.NoError(t, err)
		n++
	}
	assert.Equal(t, 44, n)
	for leaf, err := range x.Leaves(t.Context(), 256, 300) {
		require.NoError(t, err)
		require.Equal(t, "entry number 256", string(leaf))
		break
	}

	// A wrong hash of a full tile is caught by the tile above.
	bad = with(list, "tile/0/000", func(b []byte) []byte { return flip(b, 9) })
	x, err = tiles.Open(folder(bad), log.vkey)
	require.NoError(t, err)
	for _, err := range x.Leaves(t.Context(), 0, 1) {
		require.ErrorIs(t, err, tiles.ErrDamaged)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range x.Leaves(ctx, 0, 1) {
		require.ErrorIs(t, err, context.Canceled)
	}
	require.ErrorIs(t, x.Verify(ctx, nil), context.Canceled)
}

// No byte of a folder can be changed without Verify or Open noticing, and what
// Leaves yields is right or an error.
func TestEveryByteCounts(t *testing.T) {
	log := newLog(t, 0)
	const size = 260
	list := files(t, export(t, log, size))
	for name, data := range list {
		step := 1
		if testing.Short() || len(data) > 4096 {
			step = 61
		}
		for at := 0; at < len(data); at += step {
			changed := maps.Clone(list)
			changed[name] = flip(data, at)
			x, err := tiles.Open(folder(changed), log.vkey)
			if err != nil {
				continue
			}
			require.Error(t, x.Verify(t.Context(), nil), "%s byte %d", name, at)
			i := 0
			for leaf, err := range x.Leaves(t.Context(), 0, size) {
				if err != nil {
					break
				}
				require.Equal(t, string(log.leaves[i]), string(leaf))
				i++
			}
		}
		changed := maps.Clone(list)
		delete(changed, name)
		if x, err := tiles.Open(folder(changed), log.vkey); err == nil {
			require.ErrorIs(t, x.Verify(t.Context(), nil), fs.ErrNotExist, name)
		}
	}
}

func TestOutsideTheTree(t *testing.T) {
	log := newLog(t, 10)
	x := open(t, log, export(t, log, 10))
	for _, r := range [][2]uint64{{0, 11}, {5, 4}, {11, 12}, {math.MaxUint64, math.MaxUint64}} {
		n := 0
		for _, err := range x.Leaves(t.Context(), r[0], r[1]) {
			require.ErrorIs(t, err, tiles.ErrRange)
			n++
		}
		require.Equal(t, 1, n)
	}
	for _, i := range []int64{-1, tlog.StoredHashIndex(0, 10), math.MaxInt64} {
		_, err := x.ReadHashes([]int64{0, i})
		require.ErrorIs(t, err, tiles.ErrRange)
	}
	none, err := x.ReadHashes(nil)
	require.NoError(t, err)
	require.Empty(t, none)
	empty := open(t, log, export(t, log, 0))
	_, err = empty.ReadHashes([]int64{0})
	require.ErrorIs(t, err, tiles.ErrRange)
	require.NoError(t, empty.Verify(t.Context(), nil))
}

// A partial file that is gone because the folder has grown is cut from the full one.
func TestAnOlderCheckpointReadsAGrownFolder(t *testing.T) {
	log := newLog(t, 900)
	list := files(t, export(t, log, 900))
	list["checkpoint"] = log.at(t, 300)
	_, err := tiles.Open(folder(list), log.vkey)
	require.ErrorIs(t, err, tiles.ErrDamaged, "tile/1/000 is not full, and its width of then was never written")
	require.ErrorIs(t, err, fs.ErrNotExist)

	dir := export(t, log, 300)
	x := open(t, log, dir)
	exportInto(t, log, 900, dir)
	require.NotContains(t, names(files(t, dir)), "tile/entries/001.p/44")
	require.NoError(t, x.Verify(t.Context(), nil))
	for leaf, err := range x.Leaves(t.Context(), 299, 300) {
		require.NoError(t, err)
		require.Equal(t, string(log.leaves[299]), string(leaf))
	}
}

// endless is a file system whose files never end, or never answer sensibly.
type endless struct {
	fs.FS
	name string
	with io.Reader
}

type endlessFile struct {
	io.Reader
}

func (endlessFile) Close() error               { return nil }
func (endlessFile) Stat() (fs.FileInfo, error) { return nil, errors.New("no") }

func (e endless) Open(name string) (fs.File, error) {
	if name == e.name {
		return endlessFile{e.with}, nil
	}
	return e.FS.Open(name)
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errBroken }

func TestHostileFilesEnd(t *testing.T) {
	log := newLog(t, 300)
	list := files(t, export(t, log, 300))
	start := time.Now()
	for name := range list {
		for _, r := range []io.Reader{zeros{}, failing{}} {
			x, err := tiles.Open(endless{folder(list), name, r}, log.vkey)
			if err == nil {
				err = x.Verify(t.Context(), nil)
			}
			require.Error(t, err, name)
		}
	}
	assert.Less(t, time.Since(start), 20*time.Second)
}

func TestConsistentNamesTheFirstDifference(t *testing.T) {
	log := newLog(t, 0)
	at := map[int]*tiles.Folder{}
	all := []int{0, 1, 2, 255, 256, 300, 700}
	for _, size := range all {
		at[size] = open(t, log, export(t, log, size))
	}
	for i, a := range all {
		for j, b := range all {
			err := tiles.Consistent(t.Context(), at[a], at[b])
			if i <= j {
				require.NoError(t, err, "%d to %d", a, b)
				continue
			}
			var fork *tiles.ForkError
			require.ErrorAs(t, err, &fork)
			require.Equal(t, tiles.ForkError{Old: uint64(a), New: uint64(b), First: uint64(b)}, *fork)
			require.ErrorContains(t, err, "rolled back")
		}
	}
	for _, first := range []int{0, 1, 254, 255, 256, 299, 511, 512, 698, 699} {
		forked := open(t, log, export(t, log.fork(t, first, 700), 700))
		var fork *tiles.ForkError
		require.ErrorAs(t, tiles.Consistent(t.Context(), at[700], forked), &fork)
		require.Equal(t, tiles.ForkError{Old: 700, New: 700, First: uint64(first)}, *fork)
		require.ErrorIs(t, fork, tiles.ErrFork)
		err := tiles.Consistent(t.Context(), at[300], forked)
		if first < 300 {
			require.ErrorAs(t, err, &fork)
			require.Equal(t, uint64(first), fork.First)
		} else {
			require.NoError(t, err)
		}
	}
	other := newLog(t, 0)
	other.name = "example.org/log"
	require.NoError(t, tiles.Consistent(t.Context(), at[0], open(t, other, export(t, other, 0))))
	other = newNamedLog(t, "example.org/other", 700)
	err := tiles.Consistent(t.Context(), at[0], open(t, other, export(t, other, 0)))
	require.ErrorIs(t, err, tiles.ErrFork, "an empty log of another name is another log")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, tiles.Consistent(ctx, at[1], at[2]), context.Canceled)
}

// The tools of package tlog work on an opened folder.
func TestFolderIsAHashReader(t *testing.T) {
	log := newLog(t, 0)
	x := open(t, log, export(t, log, 700))
	for _, i := range []int64{0, 255, 256, 699} {
		p, err := tlog.ProveRecord(700, i, x)
		require.NoError(t, err)
		require.NoError(t, tlog.CheckRecord(p, 700, x.Root(), i, tlog.RecordHash(log.leaves[i])))
	}
	p, err := tlog.ProveTree(700, 300, x)
	require.NoError(t, err)
	require.NoError(t, tlog.CheckTree(p, 700, x.Root(), 300, log.root(t, 300)))
}

func FuzzFolder(f *testing.F) {
	log := newLog(f, 260)
	list := files(f, export(f, log, 260))
	order := names(list)
	for i, name := range order {
		f.Add(uint8(i), list[name])
		f.Add(uint8(i), []byte{})
	}
	f.Fuzz(func(t *testing.T, which uint8, data []byte) {
		changed := maps.Clone(list)
		name := order[int(which)%len(order)]
		changed[name] = data
		x, err := tiles.Open(folder(changed), log.vkey)
		if err != nil {
			return
		}
		if err := x.Verify(t.Context(), nil); err == nil {
			require.Equal(t, list[name], data)
		}
		i := 0
		for leaf, err := range x.Leaves(t.Context(), 0, x.Size()) {
			if err != nil {
				break
			}
			require.Equal(t, string(log.leaves[i]), string(leaf))
			i++
		}
	})
}
