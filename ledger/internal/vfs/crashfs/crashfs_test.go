package crashfs_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/ledger/internal/vfs"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

func open(t require.TestingT, f vfs.FS, path string, flag int) vfs.File {
	file, err := f.Open(path, flag)
	require.NoError(t, err)
	return file
}

func write(t require.TestingT, f vfs.File, s string, at int64) {
	_, err := f.WriteAt([]byte(s), at)
	require.NoError(t, err)
}

func text(t require.TestingT, f *crashfs.FS, path string) string {
	b, err := f.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "-"
	}
	require.NoError(t, err)
	return string(b)
}

// outcomes lists what a crash now may leave of a file, and how often.
func outcomes(t require.TestingT, f *crashfs.FS, path string) map[string]int {
	out := map[string]int{}
	for p := range f.Points(f.Ops()) {
		for c := range p.Choices(1024, rand.New(rand.NewPCG(1, 1))) {
			out[text(t, p.Image(c), path)]++
		}
	}
	return out
}

func keys(m map[string]int) (out []string) {
	for k := range m {
		out = append(out, k)
	}
	return out
}

func TestCrashLeavesWhatWasNotSyncedInDoubt(t *testing.T) {
	f := crashfs.New()
	require.NoError(t, f.MkdirAll("a"))
	file := open(t, f, "a/x", os.O_RDWR|os.O_CREATE)
	write(t, file, "one", 0)
	require.NoError(t, file.Sync())
	assert.ElementsMatch(t, []string{"-", "one"}, keys(outcomes(t, f, "a/x")), "a sync of the file does not make its name durable")
	require.NoError(t, f.SyncDir("a"))
	assert.ElementsMatch(t, []string{"-", "one"}, keys(outcomes(t, f, "a/x")), "nor that of the directory the directory's")
	require.NoError(t, f.SyncDir("."))
	assert.ElementsMatch(t, []string{"one"}, keys(outcomes(t, f, "a/x")))

	write(t, file, "two", 0)
	write(t, file, "six", 0)
	seen := outcomes(t, f, "a/x")
	for _, want := range []string{"one", "two", "six"} {
		assert.Contains(t, seen, want, "every version may be what is left")
	}
	for got := range seen {
		assert.Contains(t, []string{"one", "two", "six", "sne", "sie"}, got, "or a torn one: some bytes of the new, the rest as it was")
	}
	require.NoError(t, file.Sync())
	assert.ElementsMatch(t, []string{"six"}, keys(outcomes(t, f, "a/x")))
}

func TestSizeAndSectorsAreInDoubtByThemselves(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	require.NoError(t, f.SyncDir("/"))
	big := make([]byte, 3*crashfs.SectorSize)
	for i := range big {
		big[i] = byte(1 + i/crashfs.SectorSize)
	}
	write(t, file, string(big), 0)
	sizes, kept := map[int]bool{}, map[[3]byte]bool{}
	for s := range outcomes(t, f, "x") {
		sizes[len(s)] = true
		if len(s) == len(big) {
			kept[[3]byte{s[0], s[512], s[1024]}] = true
		}
	}
	assert.True(t, sizes[0] && sizes[len(big)])
	assert.Len(t, kept, 8, "every subset of three sectors")
	require.NoError(t, file.Sync())

	require.NoError(t, file.Truncate(100))
	require.NoError(t, file.Truncate(1536))
	b := text(t, f, "x")
	assert.Equal(t, string(big[:100])+string(make([]byte, 1436)), b, "what was cut off does not come back")
	require.NoError(t, file.Sync())
	assert.Equal(t, map[string]int{b: 1}, outcomes(t, f, "x"))
}

func TestZerosOverZerosAreNotInDoubt(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	require.NoError(t, f.SyncDir(""))
	write(t, file, string(make([]byte, 1<<20)), 0)
	for p := range f.Points(f.Ops()) {
		assert.Equal(t, 2, p.Combinations(), "the size alone")
	}
}

func TestDirectoriesChangeInOrder(t *testing.T) {
	f := crashfs.New()
	for _, name := range []string{"a", "b"} {
		file := open(t, f, name, os.O_RDWR|os.O_CREATE)
		write(t, file, name, 0)
		require.NoError(t, file.Sync())
	}
	require.NoError(t, f.SyncDir("/"))
	require.NoError(t, f.Rename("a", "b"))
	require.NoError(t, f.Remove("b"))
	var seen []string
	for p := range f.Points(f.Ops()) {
		for c := range p.Choices(100, nil) {
			img := p.Image(c)
			seen = append(seen, text(t, img, "a")+text(t, img, "b"))
		}
	}
	assert.ElementsMatch(t, []string{"ab", "-a", "--"}, seen)
	assert.Error(t, f.Rename("a", "c"))
	assert.ErrorIs(t, f.Remove("a"), fs.ErrNotExist)
}

func TestFailedSyncDropsWhatItShouldHaveWritten(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "old", 0)
	require.NoError(t, file.Sync())
	require.NoError(t, f.SyncDir("/"))
	write(t, file, "new", 0)
	f.SetRule(crashfs.Nth(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	require.ErrorIs(t, file.Sync(), syscall.EIO)
	require.NoError(t, file.Sync(), "the kernel has forgotten")
	assert.Equal(t, "new", text(t, f, "x"), "the cache has it")
	assert.Contains(t, outcomes(t, f, "x"), "old", "the disk may not")
	assert.Contains(t, outcomes(t, f, "x"), "new", "or may")
	rewritten := f.Clone()
	f.Evict()
	assert.Equal(t, "old", text(t, f, "x"))
	assert.Equal(t, "new", text(t, rewritten, "x"))

	write(t, file, "new", 0)
	require.NoError(t, file.Sync())
	assert.Equal(t, map[string]int{"new": 1}, outcomes(t, f, "x"), "written again, it is durable")
}

func TestFailedSyncIsToldToEveryOpenFileOnce(t *testing.T) {
	f := crashfs.New()
	one, other := open(t, f, "x", os.O_RDWR|os.O_CREATE), open(t, f, "x", os.O_RDWR)
	f.SetRule(crashfs.Nth(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	require.ErrorIs(t, one.Sync(), syscall.EIO)
	require.NoError(t, one.Sync())
	require.ErrorIs(t, other.Sync(), syscall.EIO)
	require.NoError(t, other.Sync())
	require.NoError(t, open(t, f, "x", os.O_RDWR).Sync())
}

func TestRewritingAfterAFailedSyncMakesDurable(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	require.NoError(t, f.SyncDir("/"))
	write(t, file, string(make([]byte, 600)), 0)
	require.NoError(t, file.Sync())
	write(t, file, "new", 0)
	f.SetRule(crashfs.Nth(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	require.Error(t, file.Sync())
	write(t, file, "new", 0) // the same bytes again
	require.NoError(t, file.Sync())
	assert.Len(t, outcomes(t, f, "x"), 1)

	f.SetRule(crashfs.Nth(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	write(t, file, "end", 2000)
	require.Error(t, file.Sync())
	write(t, file, "more", 1000)
	require.NoError(t, file.Sync())
	for s := range outcomes(t, f, "x") {
		require.GreaterOrEqual(t, len(s), 1004, "what a sync made durable can be read, though the size before was lost")
		require.Equal(t, "more", s[1000:1004])
	}
}

func TestRules(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "0123456789", 0)
	f.SetRule(crashfs.NoSpace(12))
	n, err := file.WriteAt([]byte("abcdef"), 8)
	assert.Equal(t, 4, n)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	assert.Equal(t, "01234567abcd", text(t, f, "x"))
	n, err = file.WriteAt([]byte("zz"), 12)
	assert.Zero(t, n)
	assert.ErrorIs(t, err, syscall.ENOSPC)
	write(t, file, "still fits", 0)
	assert.ErrorIs(t, file.Truncate(13), syscall.ENOSPC)
	require.NoError(t, file.Truncate(2))

	f.SetRule(crashfs.ReadOnly())
	_, err = f.Open("x", os.O_RDWR)
	assert.ErrorIs(t, err, syscall.EROFS)
	_, err = f.Open("y", os.O_RDWR|os.O_CREATE)
	assert.ErrorIs(t, err, syscall.EROFS)
	_, err = file.WriteAt([]byte("x"), 0)
	assert.ErrorIs(t, err, syscall.EROFS)
	assert.ErrorIs(t, f.Remove("x"), syscall.EROFS)
	open(t, f, "x", os.O_RDONLY)

	f.SetRule(crashfs.From(2, syscall.EIO, crashfs.Of(crashfs.SyncDir, crashfs.Read)))
	require.NoError(t, f.SyncDir("/"))
	assert.ErrorIs(t, f.SyncDir("/"), syscall.EIO)
	_, err = file.ReadAt(make([]byte, 1), 0)
	assert.ErrorIs(t, err, syscall.EIO)
}

func TestForkIsAnotherProcess(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "one", 0)
	require.NoError(t, file.Sync())
	require.NoError(t, f.SyncDir("/"))
	_, err := f.Lock("lock")
	require.NoError(t, err)
	write(t, file, "two", 0)
	then := f.Ops()
	require.NoError(t, file.Sync())
	fork := f.Fork(then)
	_, err = fork.Lock("lock")
	require.NoError(t, err)
	assert.Equal(t, "two", text(t, fork, "x"), "in the cache")
	assert.Contains(t, outcomes(t, fork, "x"), "one", "and not yet on the disk")
	write(t, open(t, fork, "x", os.O_RDWR), "six", 0)
	assert.Equal(t, "two", text(t, f, "x"))
	assert.NotContains(t, outcomes(t, f, "x"), "one")
}

func TestRemovedFilesLeaveTheirBytes(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "secret", 0)
	require.NoError(t, file.Sync())
	require.NoError(t, f.Remove("x"))
	assert.Empty(t, f.Contains([]byte("secret")))
	assert.Equal(t, []int{0}, f.Residue([]byte("secret")))
	write(t, file, "......", 0)
	require.NoError(t, file.Sync())
	assert.Empty(t, f.Residue([]byte("secret")))
}

func TestALieIsASyncThatDoesNothing(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "x", 0)
	f.SetRule(crashfs.From(1, crashfs.ErrLie, crashfs.Of(crashfs.Sync, crashfs.SyncDir)))
	require.NoError(t, file.Sync())
	require.NoError(t, f.SyncDir("/"))
	assert.ElementsMatch(t, []string{"-", "", "\x00", "x"}, keys(outcomes(t, f, "x")))
}

func TestLocksEndWithTheProcess(t *testing.T) {
	f := crashfs.New()
	lock, err := f.Lock("lock")
	require.NoError(t, err)
	_, err = f.Lock("lock")
	require.ErrorIs(t, err, vfs.ErrLocked)
	require.NoError(t, lock.Close())
	lock, err = f.Lock("lock")
	require.NoError(t, err)
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	write(t, file, "kept", 0)
	f.Kill()
	_, err = file.WriteAt([]byte("x"), 0)
	require.ErrorIs(t, err, os.ErrClosed)
	assert.ErrorIs(t, lock.Close(), os.ErrClosed)
	_, err = f.Lock("lock")
	require.NoError(t, err)
	assert.Equal(t, "kept", text(t, f, "x"))
	assert.Equal(t, []string{"lock", "x"}, f.Files())
	assert.Equal(t, []int{1}, f.Contains([]byte("no"), []byte("ept")))
}

// Everything durable and nothing crashed, it behaves as a file does.
func TestFileIsAByteSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := crashfs.New()
		file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
		var want []byte
		grow := func(size int) {
			if size > len(want) {
				want = append(want, make([]byte, size-len(want))...)
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"write": func(t *rapid.T) {
				b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 0, 1, 2}), 1, 1300).Draw(t, "bytes")
				at := rapid.IntRange(0, 3000).Draw(t, "offset")
				write(t, file, string(b), int64(at))
				grow(at + len(b))
				copy(want[at:], b)
			},
			"truncate": func(t *rapid.T) {
				size := rapid.IntRange(0, 4000).Draw(t, "size")
				require.NoError(t, file.Truncate(int64(size)))
				grow(size)
				want = want[:size]
				want = append([]byte(nil), want...)
			},
			"sync": func(t *rapid.T) { require.NoError(t, file.Sync()) },
			"read": func(t *rapid.T) {
				at, n := rapid.IntRange(0, 4000).Draw(t, "offset"), rapid.IntRange(0, 1500).Draw(t, "bytes")
				b := make([]byte, n)
				got, err := file.ReadAt(b, int64(at))
				from := min(at, len(want))
				to := min(at+n, len(want))
				require.Equal(t, string(want[from:to]), string(b[:got]))
				require.Equal(t, got < n, err == io.EOF)
			},
			"": func(t *rapid.T) {
				require.Equal(t, string(want), text(t, f, "x"))
				require.Equal(t, string(want), text(t, f.Clone(), "x"))
				for p := range f.Points(f.Ops()) {
					all := p.Keep()
					if img := p.Image(all); text(t, img, "x") != "-" {
						require.Equal(t, string(want), text(t, img, "x"), "nothing lost is the cache")
					}
				}
			},
		})
	})
}

// toy is a log of records (length, checksum, bytes) and a register that is replaced by renaming. Its flaws are what the
// package has to find.
type toy struct {
	fs                                                           vfs.FS
	file                                                         vfs.File
	end                                                          int64
	noSync, lateSync, noSum, noDirSync, noSwapDirSync, swapEarly bool
}

const toyFlags = os.O_RDWR | os.O_CREATE

func (l *toy) start() (records []string, err error) {
	if l.file, err = l.fs.Open("log", toyFlags); err != nil {
		return nil, err
	}
	if !l.noDirSync {
		if err := l.fs.SyncDir("/"); err != nil {
			return nil, err
		}
	}
	for {
		head := make([]byte, 8)
		if n, _ := l.file.ReadAt(head, l.end); n < 8 || binary.BigEndian.Uint32(head) == 0 {
			break
		}
		body := make([]byte, min(1<<16, binary.BigEndian.Uint32(head)))
		n, _ := l.file.ReadAt(body, l.end+8)
		if !l.noSum && (n < len(body) || crc32.ChecksumIEEE(body) != binary.BigEndian.Uint32(head[4:])) {
			break
		}
		records = append(records, string(body))
		l.end += 8 + int64(len(body))
	}
	return records, nil
}

func (l *toy) append(s string) error {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(s)))
	b = append(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE([]byte(s))), s...)
	if _, err := l.file.WriteAt(b, l.end); err != nil {
		return err
	}
	l.end += int64(len(b))
	if l.noSync {
		return nil
	}
	return l.file.Sync()
}

func (l *toy) swap(s string) error {
	f, err := l.fs.Open("new", toyFlags|os.O_TRUNC)
	if err != nil {
		return err
	}
	if _, err := f.WriteAt([]byte(s), 0); err != nil {
		return err
	}
	if !l.swapEarly {
		if err := f.Sync(); err != nil {
			return err
		}
	}
	if err := errors.Join(f.Close(), l.fs.Rename("new", "register")); err != nil {
		return err
	}
	if l.noSwapDirSync {
		return nil
	}
	return l.fs.SyncDir("/")
}

// told is what the toy's user was told, and after which operation.
type told struct {
	after, register int
	record          string
}

// play runs a toy and then looks at every crash of it.
func play(t *testing.T, flaw func(*toy)) (int, error) {
	f := crashfs.New()
	l := &toy{fs: f}
	flaw(l)
	_, err := l.start()
	require.NoError(t, err)
	var history []told
	for i := range 4 {
		s := fmt.Sprintf("%d %s", i, strings.Repeat("record", i*200))
		require.NoError(t, l.append(s))
		history = append(history, told{after: f.Ops(), record: s})
		if l.lateSync { // was told before
			history[len(history)-1].after--
		}
		require.NoError(t, l.swap(fmt.Sprint(i+1)))
		history = append(history, told{after: f.Ops(), register: i + 1})
	}
	return f.Explore(t.Context(), crashfs.Search{}, func(p *crashfs.Point, c crashfs.Choice) error {
		return survived(p.Op, p.Image(c), history, l.noSum)
	})
}

func survived(op int, img *crashfs.FS, history []told, noSum bool) error {
	records, err := (&toy{fs: img, noSum: noSum}).start()
	if err != nil {
		return err
	}
	register := "0"
	if b, err := img.ReadFile("register"); err == nil {
		register = string(b)
	}
	acknowledged, least := 0, 0
	var all []string
	for _, h := range history {
		if h.record != "" {
			all = append(all, h.record)
		}
		if h.after > op {
			continue
		}
		if h.register > 0 {
			least = h.register
		} else {
			acknowledged++
		}
	}
	if len(records) < acknowledged {
		return fmt.Errorf("lost: %d of %d", len(records), acknowledged)
	}
	for i, r := range records {
		if i >= len(all) || r != all[i] {
			return fmt.Errorf("record %d was never written", i)
		}
	}
	if register != fmt.Sprint(least) && register != fmt.Sprint(least+1) {
		return fmt.Errorf("register is %q after %d", register, least)
	}
	return nil
}

func TestExploreFindsFlaws(t *testing.T) {
	points, err := play(t, func(*toy) {})
	require.NoError(t, err)
	assert.Greater(t, points, 200)
	for name, flaw := range map[string]func(*toy){
		"no sync":                     func(l *toy) { l.noSync = true },
		"sync after the answer":       func(l *toy) { l.lateSync = true },
		"no checksum":                 func(l *toy) { l.noSum = true },
		"directory not synced":        func(l *toy) { l.noDirSync, l.noSwapDirSync = true, true },
		"rename without its sync":     func(l *toy) { l.noSwapDirSync = true },
		"renamed before it is synced": func(l *toy) { l.swapEarly = true },
	} {
		_, err := play(t, flaw)
		assert.ErrorContains(t, err, "crash after operation", name)
	}
}

func TestExploreIsBounded(t *testing.T) {
	f := crashfs.New()
	file := open(t, f, "x", os.O_RDWR|os.O_CREATE)
	for i := range 40 {
		write(t, file, "x", int64(i)*crashfs.SectorSize)
	}
	n, err := f.Explore(t.Context(), crashfs.Search{PerPoint: 64, Total: 500}, func(*crashfs.Point, crashfs.Choice) error { return nil })
	require.NoError(t, err)
	assert.Equal(t, 500, n)
	for p := range f.Points(f.Ops()) {
		seen := map[string]bool{}
		for c := range p.Choices(200, rand.New(rand.NewPCG(1, 2))) {
			seen[text(t, p.Image(c), "x")] = true
		}
		assert.Greater(t, len(seen), 50, "samples differ")
		assert.Equal(t, 40*crashfs.SectorSize-511, len(text(t, p.Image(p.Keep()), "x")))
	}
}

func BenchmarkImage(b *testing.B) {
	f := crashfs.New()
	require.NoError(b, f.MkdirAll("log/segments"))
	for i := range 4 {
		file := open(b, f, fmt.Sprint("log/segments/", i), os.O_RDWR|os.O_CREATE)
		write(b, file, string(make([]byte, 256<<10)), 0)
		write(b, file, "some bytes", 0)
		require.NoError(b, file.Sync())
		write(b, file, "other", 4000)
	}
	for p := range f.Points(f.Ops()) {
		all := p.Keep()
		for b.Loop() {
			p.Image(all)
		}
	}
}
