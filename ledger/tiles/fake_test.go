package tiles_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	tlogformat "github.com/transparency-dev/formats/log"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger/tiles"
)

// fakeLog is a log in memory that signs any size of itself.
type fakeLog struct {
	name   string
	vkey   string
	signer note.Signer
	leaves [][]byte
	nodes  []tlog.Hash
	broken uint64 // Leaves fails at this entry, if it is not 0
}

func newLog(t testing.TB, size int) *fakeLog { return newNamedLog(t, "example.org/log", size) }

func newNamedLog(t testing.TB, name string, size int) *fakeLog {
	t.Helper()
	skey, vkey, err := note.GenerateKey(nil, name)
	require.NoError(t, err)
	signer, err := note.NewSigner(skey)
	require.NoError(t, err)
	f := &fakeLog{name: name, vkey: vkey, signer: signer}
	f.grow(t, size)
	return f
}

// entry is the content of an entry; some are empty, as leaf records never are.
func entry(i int) []byte { return []byte(strings.Repeat(fmt.Sprintf("entry %d ", i), i%5)) }

func (f *fakeLog) grow(t testing.TB, size int) {
	for i := len(f.leaves); i < size; i++ {
		f.add(t, entry(i))
	}
}

func (f *fakeLog) add(t testing.TB, leaf []byte) {
	more, err := tlog.StoredHashes(int64(len(f.leaves)), leaf, f)
	require.NoError(t, err)
	f.leaves, f.nodes = append(f.leaves, leaf), append(f.nodes, more...)
}

// fork is a log with the same key that differs from an entry on.
func (f *fakeLog) fork(t testing.TB, at, size int) *fakeLog {
	o := &fakeLog{name: f.name, vkey: f.vkey, signer: f.signer}
	o.grow(t, at)
	for i := at; i < size; i++ {
		o.add(t, fmt.Appendf(nil, "forked %d", i))
	}
	return o
}

func (f *fakeLog) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var out []tlog.Hash
	for _, x := range indexes {
		if x >= int64(len(f.nodes)) {
			return nil, errors.New("beyond the log")
		}
		out = append(out, f.nodes[x])
	}
	return out, nil
}

var errBroken = errors.New("source is broken")

func (f *fakeLog) Leaves(_ context.Context, from, to uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		reused := make([]byte, 0, 64)
		for i := from; i < to; i++ {
			if f.broken != 0 && i == f.broken {
				yield(nil, errBroken)
				return
			}
			if reused = append(reused[:0], f.leaves[i]...); !yield(reused, nil) {
				return
			}
		}
	}
}

func (f *fakeLog) root(t testing.TB, size int) tlog.Hash {
	if size == 0 {
		return sha256.Sum256(nil)
	}
	h, err := tlog.TreeHash(int64(size), f)
	require.NoError(t, err)
	return h
}

// at signs the tree of a size.
func (f *fakeLog) at(t testing.TB, size int) []byte {
	root := f.root(t, size)
	return f.sign(t, string(tlogformat.Checkpoint{Origin: f.name, Size: uint64(size), Hash: root[:]}.Marshal()))
}

func (f *fakeLog) sign(t testing.TB, text string) []byte {
	msg, err := note.Sign(&note.Note{Text: text}, f.signer)
	require.NoError(t, err)
	return msg
}

func (f *fakeLog) Checkpoint(context.Context) ([]byte, error) {
	size := len(f.leaves)
	root := tlog.Hash(sha256.Sum256(nil))
	if size > 0 {
		var err error
		if root, err = tlog.TreeHash(int64(size), f); err != nil {
			return nil, err
		}
	}
	return note.Sign(&note.Note{Text: string(tlogformat.Checkpoint{Origin: f.name, Size: uint64(size), Hash: root[:]}.Marshal())}, f.signer)
}

// export writes a folder of a size, unsynced, and returns its path.
func export(t testing.TB, f *fakeLog, size int) string {
	t.Helper()
	dir := t.TempDir()
	exportInto(t, f, size, dir)
	return dir
}

func exportInto(t testing.TB, f *fakeLog, size int, dir string) {
	t.Helper()
	f.grow(t, size)
	require.NoError(t, tiles.Export(t.Context(), f, dir, &tiles.ExportOptions{Checkpoint: f.at(t, size), Unsynced: true}))
}

// files reads a folder.
func files(t testing.TB, dir string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	require.NoError(t, filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, p)
		if err != nil {
			return err
		}
		out[filepath.ToSlash(name)], err = os.ReadFile(p)
		return err
	}))
	return out
}

// folder is a file system of these files.
func folder(list map[string][]byte) fstest.MapFS {
	out := fstest.MapFS{}
	for name, data := range list {
		out[name] = &fstest.MapFile{Data: data}
	}
	return out
}

func open(t testing.TB, f *fakeLog, dir string) *tiles.Folder {
	t.Helper()
	x, err := tiles.Open(os.DirFS(dir), f.vkey)
	require.NoError(t, err)
	return x
}

func names(m map[string][]byte) []string { return slices.Sorted(maps.Keys(m)) }
