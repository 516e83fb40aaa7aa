package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

// lockless is a file system on which locks do not hold.
type lockless struct{ vfs.FS }

func (l lockless) Lock(path string) (vfs.File, error) {
	return l.Open(path, os.O_RDWR|os.O_CREATE)
}

func begin(t testing.TB, s ledger.Store, b ledger.Batch) (wait func() error) {
	t.Helper()
	wait, err := s.(ledger.Pipeliner).Begin(t.Context(), b)
	require.NoError(t, err)
	return wait
}

// leaves reads the leaves of a store.
func leaves(t testing.TB, s ledger.Store, n int) (out []string) {
	t.Helper()
	for f, err := range s.Read(t.Context(), 0, uint64(n)) {
		require.NoError(t, err)
		out = append(out, string(f.Leaf))
	}
	return out
}

func leavesOf(batches ...ledger.Batch) (out []string) {
	for _, b := range batches {
		for _, f := range b.Frames {
			out = append(out, string(f.Leaf))
		}
	}
	return out
}

// A group costs one write and one sync of its segment, however many entries and
// secrets it has, and one unsynced write of the head; also when another is under
// way.
func TestDirStoreSyncsOncePerGroup(t *testing.T) {
	disk := crashfs.New()
	s := openStore(t, disk, "log", nil)
	defer s.Close()
	require.NoError(t, s.Commit(t.Context(), batchOf(0, 1)))  // makes the segment
	require.NoError(t, s.Commit(t.Context(), batchOf(1, 10))) // lays the first zeros
	count := map[string]int{}
	disk.SetRule(func(op crashfs.Op) error {
		if op.Kind <= crashfs.SyncDir {
			count[op.Kind.String()+" "+filepath.Ext(op.Path)]++
		}
		return nil
	})
	var waits []func() error
	for i := range 5 {
		b := batchOf(uint64(11+10*i), 10)
		b.Secrets = []ledger.Secret{{Name: fmt.Sprint("s", i), Value: []byte("v")}}
		waits = append(waits, begin(t, s, b))
		if i > 0 {
			require.NoError(t, waits[i-1]())
		}
	}
	require.NoError(t, waits[4]())
	require.Equal(t, map[string]int{"write .seg": 5, "sync .seg": 5, "write ": 5}, count)
}

// Readers see a group once its wait has returned.
func TestDirStoreShowsWhatIsAcknowledged(t *testing.T) {
	s := openStore(t, crashfs.New(), "log", nil)
	defer s.Close()
	one, two := batchOf(0, 2), batchOf(2, 1)
	two.Secrets = []ledger.Secret{{Name: "n", Value: []byte("v")}}
	first, second := begin(t, s, one), begin(t, s, two)
	for _, err := range s.Read(t.Context(), 0, 1) {
		require.ErrorIs(t, err, ledger.ErrRange)
	}
	require.NoError(t, first())
	require.Equal(t, leavesOf(one), leaves(t, s, 2))
	_, ok, err := s.Secret(t.Context(), "n")
	require.NoError(t, err)
	require.False(t, ok)
	require.NoError(t, second())
	require.Equal(t, leavesOf(one, two), leaves(t, s, 3))
	v, ok, err := s.Secret(t.Context(), "n")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "v", string(v))
}

func TestDirStoreRefusesWaitsOutOfOrder(t *testing.T) {
	s := openStore(t, crashfs.New(), "log", nil)
	defer s.Close()
	first, second := begin(t, s, batchOf(0, 1)), begin(t, s, batchOf(1, 1))
	require.ErrorIs(t, second(), ledger.ErrUnknownOutcome)
	require.ErrorIs(t, first(), ledger.ErrUnknownOutcome, "an error of a wait spoils the others")
}

// Where locks do not hold, a writer that was overtaken writes nothing more, and
// what it has under way is not acknowledged.
func TestDirStoreFencesTheOvertakenWriter(t *testing.T) {
	disk := crashfs.New()
	old := openStore(t, lockless{disk}, "log", nil)
	require.NoError(t, old.Commit(t.Context(), batchOf(0, 1)))
	under := begin(t, old, batchOf(1, 1))

	next := openStore(t, lockless{disk}, "log", nil)
	err := under()
	require.ErrorIs(t, err, ledger.ErrFenced)
	require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	before := disk.Ops()
	require.ErrorIs(t, old.Commit(t.Context(), batchOf(2, 1)), ledger.ErrFenced)
	require.ErrorIs(t, old.Erase(t.Context(), []uint64{0}), ledger.ErrFenced)
	require.ErrorIs(t, old.PutSecrets(t.Context(), map[string][]byte{"n": nil}), ledger.ErrFenced)
	require.NoError(t, old.Close())
	require.Equal(t, before, disk.Ops(), "not a byte")

	require.Equal(t, leavesOf(batchOf(0, 1), batchOf(1, 1)), leaves(t, next, 2), "it was whole when the next one came")
	require.NoError(t, next.Commit(t.Context(), batchOf(2, 1)))
	for i, do := range []func(ledger.Store) error{
		func(s ledger.Store) error { return s.Commit(t.Context(), batchOf(3, 1)) },
		func(s ledger.Store) error { return s.Erase(t.Context(), []uint64{0}) },
		func(s ledger.Store) error { return s.Close() },
	} {
		third := openStore(t, lockless{disk}, "log", nil)
		before := disk.Ops()
		if err := do(next); i < 2 {
			require.ErrorIs(t, err, ledger.ErrFenced)
		}
		require.Equal(t, before, disk.Ops(), "not a byte")
		require.NoError(t, next.Close())
		next = third
	}
	require.NoError(t, next.Commit(t.Context(), batchOf(3, 1)))
	require.NoError(t, next.Close())
}

// A power cut may leave an old head, and the lock file may be lost. The epoch
// grows all the same: else what is written now would be taken for the write of a
// writer that was overtaken.
func TestDirStoreNeverGoesBackToAnEpoch(t *testing.T) {
	disk := crashfs.New()
	s := openStore(t, disk, "log", nil)
	old, err := disk.ReadFile("log/head")
	require.NoError(t, err)
	for range 5 {
		require.NoError(t, s.Close())
		s = openStore(t, disk, "log", nil)
	}
	require.NoError(t, s.Commit(t.Context(), batchOf(0, 1)))
	require.NoError(t, s.Close())
	replace(t, disk, "log/head", old)
	require.NoError(t, disk.Remove("log/lock"))
	s = openStore(t, disk, "log", nil)
	require.NoError(t, s.Commit(t.Context(), batchOf(1, 1)))
	require.NoError(t, s.Close())
	s = openStore(t, disk, "log", nil)
	require.Equal(t, leavesOf(batchOf(0, 1), batchOf(1, 1)), leaves(t, s, 2))
	require.NoError(t, s.Close())
}

// replace gives a file other bytes.
func replace(t testing.TB, disk vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := disk.Open(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC)
	require.NoError(t, err)
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Close())
}

// usedOn is the sum of the lengths of all files.
func usedOn(t testing.TB, disk *crashfs.FS) (n int) {
	t.Helper()
	for _, path := range disk.Files() {
		b, err := disk.ReadFile(path)
		require.NoError(t, err)
		n += len(b)
	}
	return n
}

// A disk of every size is full at some time. Then a commit writes nothing, and
// the next one goes on once there is room.
func TestDirStoreOutlivesAFullDisk(t *testing.T) {
	step := int64(997)
	if testing.Short() {
		step = 9973
	}
	for limit := int64(2000); limit < 45_000; limit += step {
		disk := crashfs.New()
		s := openStore(t, disk, "log", &ledger.DirOptions{SegmentBytes: 5000})
		disk.SetRule(crashfs.NoSpace(limit))
		var want []ledger.Batch
		size, refused := 0, 0
		for i := range 12 {
			b := batchOf(uint64(size), 1+i%4)
			before := usedOn(t, disk)
			err := s.Commit(t.Context(), b)
			if err != nil {
				require.ErrorIs(t, err, ledger.ErrFull)
				require.ErrorIs(t, err, syscall.ENOSPC)
				require.Equal(t, before, usedOn(t, disk))
				refused++
				continue
			}
			size += len(b.Frames)
			want = append(want, b)
		}
		if err := s.PutSecrets(t.Context(), map[string][]byte{"name": make([]byte, 5000)}); err != nil {
			require.ErrorIs(t, err, ledger.ErrFull)
		}
		disk.SetRule(nil)
		b := batchOf(uint64(size), 7)
		require.NoError(t, s.Commit(t.Context(), b), "there is room again")
		want = append(want, b)
		require.Equal(t, leavesOf(want...), leaves(t, s, size+7))
		require.NoError(t, s.Close())
		s = openStore(t, disk, "log", nil)
		require.Equal(t, leavesOf(want...), leaves(t, s, size+7), "%d refused with %d bytes", refused, limit)
		require.NoError(t, s.Close())
	}
}

// tree is all files of a directory with their bytes.
func tree(t testing.TB, dir string) map[string]string {
	out := map[string]string{}
	for _, path := range files(t, dir) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		out[strings.TrimPrefix(path, dir)] = string(b)
	}
	return out
}

// A reader opens the log beside its writer, sees what was acknowledged, and
// changes nothing.
func TestDirStoreReadsBesideTheWriter(t *testing.T) {
	dir := t.TempDir()
	s := openStore(t, vfs.OS{}, dir, nil)
	defer s.Close()
	one := batchOf(0, 3)
	one.Secrets = []ledger.Secret{{Name: "n", Value: []byte("v")}}
	require.NoError(t, s.Commit(t.Context(), one))
	require.NoError(t, s.PutSecrets(t.Context(), map[string][]byte{"file": []byte("f")}))
	require.NoError(t, s.Erase(t.Context(), []uint64{1}))
	before := tree(t, dir)

	r := openStore(t, vfs.OS{}, dir, &ledger.DirOptions{ReadOnly: true})
	defer r.Close()
	require.Equal(t, leavesOf(one), leaves(t, r, 3))
	for name, want := range map[string]string{"n": "v", "file": "f"} {
		v, ok, err := r.Secret(t.Context(), name)
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, want, string(v))
	}
	require.ErrorIs(t, r.Commit(t.Context(), batchOf(3, 1)), ledger.ErrReadOnly)
	require.ErrorIs(t, r.Erase(t.Context(), []uint64{0}), ledger.ErrReadOnly)
	require.ErrorIs(t, r.PutSecrets(t.Context(), map[string][]byte{"x": nil}), ledger.ErrReadOnly)
	require.ErrorIs(t, r.DeleteSecrets(t.Context(), "n"), ledger.ErrReadOnly)
	require.NoError(t, r.DeleteSecrets(t.Context(), "unknown"), "there is nothing to do")
	require.ErrorIs(t, r.(ledger.Cacher).SaveCache("c", func(io.Writer) error { return nil }), ledger.ErrReadOnly)
	require.Equal(t, before, tree(t, dir))

	require.NoError(t, s.Commit(t.Context(), batchOf(3, 1)), "the writer does not notice")
	for _, err := range r.Read(t.Context(), 3, 4) {
		require.ErrorIs(t, err, ledger.ErrRange)
	}
	require.NoError(t, r.Close())
	_, err := os.ReadDir(filepath.Join(dir, "none"))
	require.Error(t, err)
	none, err := ledger.OpenDirStore(filepath.Join(dir, "none"), &ledger.DirOptions{ReadOnly: true})
	require.NoError(t, err)
	_, err = none.Recover(t.Context())
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, none.Close())
}

// Behind the last acknowledged group there may be whole ones. A reader makes
// them durable if it can, and leaves them out if it cannot. What is torn it does
// not touch.
func TestDirStoreReadsOnlyWhatIsDurable(t *testing.T) {
	disk := crashfs.New()
	s := openStore(t, disk, "log", &ledger.DirOptions{SegmentBytes: 1500})
	require.NoError(t, s.Commit(t.Context(), batchOf(0, 2)))
	for i := range 2 {
		begin(t, s, batchOf(uint64(2+i), 1)) // one in the first segment, one in the next
	}
	disk.Kill()
	_ = s.Close()
	read := func(disk *crashfs.FS) int {
		r := openStore(t, disk, "log", &ledger.DirOptions{ReadOnly: true, SegmentBytes: 1500})
		defer r.Close()
		n := 0
		for _, err := range r.Read(t.Context(), 0, 9) {
			if err != nil {
				require.ErrorIs(t, err, ledger.ErrRange)
				break
			}
			n++
		}
		return n
	}
	still := disk.Clone()
	still.SetRule(crashfs.From(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	require.Equal(t, 2, read(still))
	require.Equal(t, 4, read(disk))
	for p := range disk.Points(disk.Ops()) {
		for c := range p.Choices(50, rand.New(rand.NewPCG(1, 1))) {
			require.Equal(t, 4, read(p.Image(c)), "and they stay")
		}
	}
}

// counting counts the bytes that are read of segments.
type counting struct {
	vfs.FS
	bytes *atomic.Int64
}

type countingFile struct {
	vfs.File
	bytes *atomic.Int64
}

func (c counting) Open(path string, flag int) (vfs.File, error) {
	f, err := c.FS.Open(path, flag)
	if err == nil && strings.HasSuffix(path, ".seg") {
		f = countingFile{f, c.bytes}
	}
	return f, err
}

func (c countingFile) ReadAt(b []byte, offset int64) (int, error) {
	n, err := c.File.ReadAt(b, offset)
	c.bytes.Add(int64(n))
	return n, err
}

// With the index of offsets only the end of the log is read when it is opened.
// An index that is damaged, or of another log, costs time and nothing else.
func TestDirStoreReadsOnlyWhatCameAfterItsIndex(t *testing.T) {
	base := crashfs.New()
	var read atomic.Int64
	disk := counting{base, &read}
	o := ledger.WithIndex(ledger.DirOptions{SegmentBytes: 20_000}, 50_000)
	s := openStore(t, disk, "log", o)
	var want []ledger.Batch
	size := 0
	add := func(s ledger.Store, n int) {
		b := batchOf(uint64(size), n)
		b.Secrets = []ledger.Secret{{Name: fmt.Sprint("s", size), Value: fmt.Append(nil, "v", size)}}
		require.NoError(t, s.Commit(t.Context(), b))
		want, size = append(want, b), size+n
	}
	check := func(s ledger.Store) {
		t.Helper()
		require.Equal(t, leavesOf(want...), leaves(t, s, size))
		for _, b := range want {
			v, ok, err := s.Secret(t.Context(), b.Secrets[0].Name)
			require.NoError(t, err)
			require.True(t, ok)
			require.Equal(t, string(b.Secrets[0].Value), string(v))
		}
	}
	for range 40 {
		add(s, 10)
	}
	early, err := base.ReadFile("log/head")
	require.NoError(t, err)
	add(s, 10)
	require.NoError(t, s.Close()) // writes the index: it is worth it
	whole := int64(size) * 480

	read.Store(0)
	s = openStore(t, disk, "log", o)
	require.Less(t, read.Load(), whole/10)
	check(s)
	for range 3 {
		add(s, 10)
	}
	require.NoError(t, s.Close()) // does not: it is not
	read.Store(0)
	s = openStore(t, disk, "log", o)
	require.Less(t, read.Load(), whole/5)
	check(s)
	require.NoError(t, s.(ledger.Cacher).SaveCache("other", func(w io.Writer) error {
		_, err := w.Write([]byte("cached"))
		return err
	}))
	require.NoError(t, s.Close())

	const index = "log/cache/_offsets"
	good, err := base.ReadFile(index)
	require.NoError(t, err)
	put := func(b []byte) { replace(t, base, index, b) }
	for at := 0; at < len(good); at += 211 {
		bad := bytes.Clone(good)
		bad[at] ^= 4
		put(bad)
		read.Store(0)
		s = openStore(t, disk, "log", &ledger.DirOptions{ReadOnly: true})
		require.Greater(t, read.Load(), whole, "changed at %d", at)
		check(s)
		require.NoError(t, s.Close())
	}
	put(good[:len(good)-5])
	s = openStore(t, disk, "log", &ledger.DirOptions{ReadOnly: true})
	check(s)
	require.NoError(t, s.Close())

	// The same groups with other salts: one segment, or all but one.
	other := crashfs.New()
	twin := openStore(t, other, "log", o)
	for _, b := range want {
		require.NoError(t, twin.Commit(t.Context(), b))
	}
	require.NoError(t, twin.Close())
	dropped := func(why string) {
		t.Helper()
		read.Store(0)
		s = openStore(t, disk, "log", &ledger.DirOptions{ReadOnly: true})
		require.Greater(t, read.Load(), whole, why)
		check(s)
		require.NoError(t, s.Close())
	}
	foreign, err := other.ReadFile(index)
	require.NoError(t, err)
	put(foreign)
	dropped("the index of another log")
	put(good)
	names, err := base.ReadDir("log/segments")
	require.NoError(t, err)
	segment := "log/segments/" + names[2]
	mine, err := base.ReadFile(segment)
	require.NoError(t, err)
	theirs, err := other.ReadFile(segment)
	require.NoError(t, err)
	replace(t, base, segment, theirs)
	dropped("a segment of another log")
	replace(t, base, segment, mine)
	replace(t, base, "log/head", early)
	dropped("a head that is older")
}

func TestDirStoreKeepsCaches(t *testing.T) {
	s := openStore(t, nil, t.TempDir(), nil)
	defer s.Close()
	c := s.(ledger.Cacher)
	_, _, ok, err := c.LoadCache("tree")
	require.NoError(t, err)
	require.False(t, ok)
	save := func(text string) error {
		return c.SaveCache("tree", func(w io.Writer) error {
			_, err := io.WriteString(w, text)
			return err
		})
	}
	require.NoError(t, save("first"))
	b, release, ok, err := c.LoadCache("tree")
	require.NoError(t, err)
	require.True(t, ok)
	require.NoError(t, save("second"))
	require.Equal(t, "first", string(b), "as it was for its reader")
	require.NoError(t, release())
	failed := errors.New("failed")
	require.ErrorIs(t, c.SaveCache("tree", func(io.Writer) error { return failed }), failed)
	b, release, ok, err = c.LoadCache("tree")
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, "second", string(b))
	require.NoError(t, release())
	require.ErrorIs(t, c.SaveCache("_offsets", nil), ledger.ErrInvalid)
	_, _, _, err = c.LoadCache("../lock")
	require.ErrorIs(t, err, ledger.ErrInvalid)
}

// Of two secrets with one name the later one counts, wherever the two lie, and
// nothing is left of the other one where it was replaced or deleted.
func TestDirStoreKeepsTheNewestSecret(t *testing.T) {
	disk := crashfs.New()
	var s ledger.Store
	values := 0
	value := func() []byte { values++; return fmt.Appendf(nil, "a value of its own, number %d;", values) }
	inGroup := func(name string, v []byte) {
		var size uint64
		for _, err := range s.Read(t.Context(), 1<<40, 1<<41) {
			r, ok := errors.AsType[*ledger.RangeError](err)
			require.True(t, ok)
			size = r.Limit
		}
		b := batchOf(size, 1)
		b.Secrets = []ledger.Secret{{Name: name, Value: v}}
		require.NoError(t, s.Commit(t.Context(), b))
	}
	inFile := func(name string, v []byte) {
		require.NoError(t, s.PutSecrets(t.Context(), map[string][]byte{name: v}))
	}
	many := func(name string, v []byte) {
		secrets := map[string][]byte{name: v}
		for i := range 20 {
			secrets[fmt.Sprintf("beside-%d", i)] = value()
		}
		require.NoError(t, s.PutSecrets(t.Context(), secrets))
	}
	is := func(name string, want []byte) {
		t.Helper()
		for range 2 {
			v, ok, err := s.Secret(t.Context(), name)
			require.NoError(t, err)
			require.Equal(t, want != nil, ok)
			require.Equal(t, string(want), string(v))
			require.NoError(t, s.Close())
			s = openStore(t, disk, "log", nil)
		}
	}
	s = openStore(t, disk, "log", nil)
	ways := []func(string, []byte){inGroup, inFile, many}
	for i, first := range ways {
		for j, second := range ways {
			name, old, v := fmt.Sprintf("name-%d-%d", i, j), value(), value()
			first(name, old)
			is(name, old)
			second(name, v)
			is(name, v)
			if j > 0 { // PutSecrets destroys what it replaces
				require.Empty(t, disk.Contains(old), "%d %d", i, j)
			}
			require.NoError(t, s.DeleteSecrets(t.Context(), name, "unknown"))
			require.Empty(t, disk.Contains(old, v), "%d %d", i, j)
			is(name, nil)
			first(name, old)
			is(name, old)
		}
	}
	require.ErrorIs(t, s.PutSecrets(t.Context(), map[string][]byte{"Big": nil}), ledger.ErrInvalid)
	require.ErrorIs(t, s.PutSecrets(t.Context(), map[string][]byte{"big": make([]byte, 64<<10+1)}), ledger.ErrTooLarge)
	inFile("big", make([]byte, 64<<10))
	inGroup("bigger", make([]byte, 64<<10))
	is("bigger", make([]byte, 64<<10))
	require.NoError(t, s.Close())
}

func TestDirStoreHoldsItsLimits(t *testing.T) {
	s := openStore(t, crashfs.New(), "log", nil)
	defer s.Close()
	for what, f := range map[string]struct {
		change func(*ledger.Batch)
		want   error
	}{
		"leaf":        {func(b *ledger.Batch) { b.Frames[0].Leaf = make([]byte, 1025) }, ledger.ErrTooLarge},
		"no leaf":     {func(b *ledger.Batch) { b.Frames[0].Leaf = nil }, ledger.ErrInvalid},
		"header":      {func(b *ledger.Batch) { b.Frames[0].Header = make([]byte, 64<<10+1) }, ledger.ErrTooLarge},
		"payload":     {func(b *ledger.Batch) { b.Frames[0].Payload = make([]byte, 1<<20+17) }, ledger.ErrTooLarge},
		"secret":      {func(b *ledger.Batch) { b.Secrets = []ledger.Secret{{Name: "s", Value: make([]byte, 64<<10+1)}} }, ledger.ErrTooLarge},
		"secret name": {func(b *ledger.Batch) { b.Secrets = []ledger.Secret{{Name: ""}} }, ledger.ErrInvalid},
		"size":        {func(b *ledger.Batch) { b.Head.Size++ }, ledger.ErrInvalid},
		"index":       {func(b *ledger.Batch) { b.Frames[1].Index++ }, ledger.ErrInvalid},
		"first":       {func(b *ledger.Batch) { *b = at(*b, 1) }, ledger.ErrFenced},
	} {
		b := batchOf(0, 2)
		f.change(&b)
		require.ErrorIs(t, s.Commit(t.Context(), b), f.want, what)
	}
	b := batchOf(0, 2)
	b.Frames[0].Leaf, b.Frames[0].Header, b.Frames[0].Payload = make([]byte, 1024), make([]byte, 64<<10), make([]byte, 1<<20+16)
	b.Frames[1].Leaf, b.Frames[1].Header, b.Frames[1].Payload = []byte{1}, nil, nil
	require.NoError(t, s.Commit(t.Context(), b))
	i := 0
	for f, err := range s.Read(t.Context(), 0, 2) {
		require.NoError(t, err)
		require.True(t, bytes.Equal(f.Leaf, b.Frames[i].Leaf) && bytes.Equal(f.Header, b.Frames[i].Header) && bytes.Equal(f.Payload, b.Frames[i].Payload))
		i++
	}
	for i := range uint64(10) {
		_, err := s.(ledger.Pipeliner).Begin(t.Context(), batchOf(2+i, 1))
		if i > 8 {
			require.ErrorIs(t, err, ledger.ErrInvalid, "too many are under way")
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, s.Commit(ctx, batchOf(2, 1)), context.Canceled)
	require.NoError(t, s.Close())
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.Commit(t.Context(), batchOf(2, 1)), ledger.ErrClosed)
	for _, err := range s.Read(t.Context(), 0, 1) {
		require.ErrorIs(t, err, ledger.ErrClosed)
	}
	_, err := s.Recover(t.Context())
	require.ErrorIs(t, err, ledger.ErrClosed)
}

// Zeros lie ahead of the writer while the store is open, laid by a goroutine,
// and are gone when it is closed. Segments end at their size.
func TestDirStoreLaysZerosAhead(t *testing.T) {
	dir := t.TempDir()
	const limit = 1 << 20
	s := openStore(t, nil, dir, &ledger.DirOptions{SegmentBytes: limit})
	n := 40
	batch := batchOf(0, 200)
	sizes := func() (out []int64) {
		for _, path := range files(t, filepath.Join(dir, "segments")) {
			info, err := os.Stat(path)
			require.NoError(t, err)
			out = append(out, info.Size())
		}
		return out
	}
	for i := range n {
		require.NoError(t, s.Commit(t.Context(), at(batch, uint64(200*i))))
	}
	require.Greater(t, len(sizes()), 3)
	for _, size := range sizes() {
		assert.Zero(t, size%4096, "in pages")
		assert.LessOrEqual(t, size, int64(limit))
	}
	require.NoError(t, s.Close())
	last := sizes()[len(sizes())-1]
	assert.NotZero(t, last%4096, "to the byte")
	s = openStore(t, nil, dir, &ledger.DirOptions{SegmentBytes: limit})
	require.Len(t, leaves(t, s, 200*n), 200*n)
	require.NoError(t, s.Close())
	assert.Equal(t, last, sizes()[len(sizes())-1], "opening and closing leaves nothing")
}

// Readers, a writer with two groups under way, and one that erases, all at once.
func TestDirStoreReadsBesideEverything(t *testing.T) {
	s := openStore(t, nil, t.TempDir(), &ledger.DirOptions{SegmentBytes: 100_000})
	defer s.Close()
	const per, groups = 20, 60
	want := batchOf(0, per)
	require.NoError(t, s.Commit(t.Context(), want))
	var size atomic.Int64
	size.Store(per)
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 3 {
		wg.Go(func() {
			for seen := false; !seen; {
				select {
				case <-done:
					seen = true
				default:
				}
				n := int(size.Load())
				i := 0
				for f, err := range s.Read(t.Context(), 0, uint64(n)) {
					if !assert.NoError(t, err) || !assert.Equal(t, want.Frames[i%per].Leaf, f.Leaf) {
						return
					}
					if !f.Erased && !assert.Equal(t, want.Frames[i%per].Payload, f.Payload) {
						return
					}
					i++
				}
				assert.Equal(t, n, i)
			}
		})
	}
	wait := func() error { return nil }
	for g := 1; g < groups; g++ {
		next := begin(t, s, at(batchOf(0, per), uint64(per*g)))
		require.NoError(t, wait())
		if g > 1 {
			size.Store(int64(per * g))
		}
		if g%7 == 0 {
			require.NoError(t, s.Erase(t.Context(), []uint64{uint64(g), uint64(2 * g)}))
		}
		wait = next
	}
	require.NoError(t, wait())
	close(done)
	wg.Wait()
}
