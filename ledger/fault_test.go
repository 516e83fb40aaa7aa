package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

var tiny = ledger.DirOptions{SegmentBytes: 2000}

// faulty is a log that is used while its file system fails, and what it has acknowledged.
type faulty struct {
	fs           *crashfs.FS
	ahead        bool // a goroutine lays zeros
	l            *ledger.Log
	next         int
	acknowledged map[string]ledger.Hash // by key
	doubtful     []ledger.Append
	shredded     map[string]bool
}

func newFaulty() *faulty {
	return &faulty{fs: crashfs.New(), acknowledged: map[string]ledger.Hash{}, shredded: map[string]bool{}}
}

func (f *faulty) open(ctx context.Context) (err error) {
	if !f.ahead {
		f.l, err = openOver(ctx, f.fs, tiny, nil)
		return err
	}
	s, err := ledger.OpenDirAhead(f.fs, folder, &ledger.DirOptions{SegmentBytes: 300 << 10})
	if err != nil {
		return err
	}
	f.l, err = ledger.Open(ctx, s, nil)
	return err
}

func entry(n, size int, subjects ...string) ledger.Append {
	return ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint("k", n), Subjects: subjects, Payload: bytes.Repeat([]byte("p"), size)}
}

// append appends one entry of about this size and keeps account of the answer.
func (f *faulty) append(ctx context.Context, size int, subjects ...string) error {
	f.next++
	a := entry(f.next, size, subjects...)
	r, err := f.l.Append(ctx, a)
	switch {
	case err == nil:
		f.acknowledged[a.Key] = r[0].Leaf
	case errors.Is(err, ledger.ErrPoisoned) || errors.Is(err, ledger.ErrUnknownOutcome):
		f.doubtful = append(f.doubtful, a)
	}
	return err
}

// script does a little of everything and goes on after errors. It returns the errors.
func (f *faulty) script(ctx context.Context) (errs []error) {
	note := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	if err := f.open(ctx); err != nil {
		return []error{err}
	}
	note(f.append(ctx, 10))
	note(f.append(ctx, 1500, "p"))
	note(f.append(ctx, 700, "q"))
	_, err := f.l.Checkpoint(ctx)
	note(err)
	_, err = f.l.Shred(ctx, "p", nil)
	f.shredded["p"] = err == nil
	note(err)
	note(f.l.Snapshot(ctx))
	note(f.append(ctx, 0))
	for _, err := range f.l.Read(ctx, ledger.Query{}) {
		note(err)
	}
	note(f.l.Close())
	return errs
}

// check opens the log again, well now, and holds it against the account.
func (f *faulty) check(ctx context.Context, img *crashfs.FS) error {
	l, err := openOver(ctx, img, tiny, nil)
	if err != nil {
		return fmt.Errorf("opening: %w", err)
	}
	defer l.Close()
	if _, err := l.Verify(ctx, nil); err != nil {
		return fmt.Errorf("the audit: %w", err)
	}
	for key, leaf := range f.acknowledged {
		if r, ok, err := l.ByKey(ctx, key); err != nil || !ok || r.Leaf != leaf {
			return fmt.Errorf("%s was acknowledged: %v, %w", key, ok, err)
		}
	}
	for e, err := range l.Read(ctx, ledger.Query{}) {
		if err != nil {
			return err
		}
		if _, ok := f.acknowledged[e.Key]; !ok && e.Type != ledger.TypeShredded && !f.isDoubtful(e.Key) {
			return fmt.Errorf("%s was refused, and is there", e.Key)
		}
		if len(e.Subjects) > 0 && e.Type != ledger.TypeShredded && f.shredded[e.Subjects[0]] && !e.Erased {
			return errors.New("was shredded, and is there")
		}
	}
	for _, a := range f.doubtful {
		_, there, _ := l.ByKey(ctx, a.Key)
		r, err := l.Append(ctx, a)
		if errors.Is(err, ledger.ErrShredded) {
			continue
		}
		if err != nil || r[0].Duplicate != there {
			return fmt.Errorf("%s appended again: %v, %w", a.Key, r, err)
		}
	}
	if _, err := l.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: "after"}); err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	return nil
}

func (f *faulty) isDoubtful(key string) bool {
	for _, a := range f.doubtful {
		if a.Key == key {
			return true
		}
	}
	return false
}

// afterwards checks the log as another process finds it, as one finds it once the cache has forgotten, and after a crash.
func (f *faulty) afterwards(t *testing.T, what string) {
	t.Helper()
	f.fs.SetRule(nil)
	f.fs.Kill()
	random := rand.New(rand.NewPCG(1, 1))
	for p := range f.fs.Points(f.fs.Ops()) {
		for c := range p.Choices(6, random) {
			require.NoError(t, f.check(t.Context(), p.Image(c)), "%s: %s", what, p.Describe(c))
		}
	}
	require.NoError(t, f.check(t.Context(), f.fs.Clone()), what)
	f.secondLife(t, what)
	f.fs.Evict()
	require.NoError(t, f.check(t.Context(), f.fs), "%s, evicted", what)
}

// at is a copy of the account.
func (f *faulty) at() *faulty {
	return &faulty{next: f.next, acknowledged: maps.Clone(f.acknowledged), doubtful: slices.Clone(f.doubtful), shredded: maps.Clone(f.shredded)}
}

// secondLife opens the log again without a crash, so that the cache has what the disk perhaps has not, goes on, and lets the
// power fail then.
func (f *faulty) secondLife(t *testing.T, what string) {
	t.Helper()
	g := f.at()
	g.fs = f.fs.Fork(f.fs.Ops())
	require.NoError(t, g.open(t.Context()), what)
	type account struct {
		op int
		*faulty
	}
	accounts := []account{{g.fs.Ops(), g.at()}}
	for _, step := range []func() error{
		func() error { return g.append(t.Context(), 100, "z") },
		func() error {
			_, err := g.l.Shred(t.Context(), "z", nil)
			g.shredded["z"] = true
			return err
		},
		func() error { return g.append(t.Context(), 900) },
	} {
		require.NoError(t, step(), what)
		accounts = append(accounts, account{g.fs.Ops(), g.at()})
	}
	random := rand.New(rand.NewPCG(2, uint64(g.fs.Ops())))
	for p := range g.fs.Points(accounts[0].op) {
		if p.Op < g.fs.Ops() && random.IntN(4) > 0 {
			continue
		}
		var then *faulty
		for _, a := range accounts {
			if a.op <= p.Op {
				then = a.at()
			}
		}
		for next := then.next; next < g.next; next++ { // were asked for later
			size, subjects := 900, []string(nil)
			if next == f.next {
				size, subjects = 100, []string{"z"}
			}
			then.doubtful = append(then.doubtful, entry(next+1, size, subjects...))
		}
		for c := range p.Choices(2, random) {
			require.NoError(t, then.check(t.Context(), p.Image(c)), "%s, second life: %s\n%s", what, p.Describe(c), g.fs.History(p.Op-20, p.Op))
		}
	}
}

// Whatever operation of the file system fails, and however: what was acknowledged is there, what was refused is not,
// and the log that is opened afterwards works.
func TestEveryOperationMayFail(t *testing.T) {
	changing := func(op crashfs.Op) bool { return op.Changes() }
	all := func(crashfs.Op) bool { return true }
	for name, c := range map[string]struct {
		rule  func(int, error, func(crashfs.Op) bool) crashfs.Rule
		err   error
		match func(crashfs.Op) bool
	}{
		"one operation":             {crashfs.Nth, syscall.EIO, all},
		"all from one on":           {crashfs.From, syscall.EIO, all},
		"one sync":                  {crashfs.Nth, syscall.EIO, crashfs.Of(crashfs.Sync)},
		"all syncs from one on":     {crashfs.From, syscall.EIO, crashfs.Of(crashfs.Sync, crashfs.SyncDir)},
		"short write":               {crashfs.Nth, &crashfs.Short{Bytes: 5, Err: syscall.EIO}, crashfs.Of(crashfs.Write)},
		"short writes from one on":  {crashfs.From, &crashfs.Short{Bytes: 700, Err: syscall.ENOSPC}, crashfs.Of(crashfs.Write)},
		"read-only from one on":     {crashfs.From, syscall.EROFS, changing},
		"no space for one":          {crashfs.Nth, syscall.ENOSPC, crashfs.Of(crashfs.Create, crashfs.Write)},
		"no space from one on":      {crashfs.From, syscall.ENOSPC, crashfs.Of(crashfs.Create, crashfs.Write)},
		"one, zeros ahead":          {crashfs.Nth, syscall.EIO, all},
		"a sync, zeros ahead":       {crashfs.Nth, syscall.EIO, crashfs.Of(crashfs.Sync)},
		"no space, zeros ahead":     {crashfs.From, syscall.ENOSPC, crashfs.Of(crashfs.Create, crashfs.Write)},
		"all directories from then": {crashfs.From, syscall.EIO, crashfs.Of(crashfs.SyncDir, crashfs.Rename, crashfs.Remove)},
	} {
		t.Run(name, func(t *testing.T) {
			for n, met := 1, true; met; n++ {
				f := newFaulty()
				f.ahead = strings.HasSuffix(name, "zeros ahead")
				rule := c.rule(n, c.err, c.match)
				met = false
				f.fs.SetRule(func(op crashfs.Op) error {
					err := rule(op)
					met = met || err != nil
					return err
				})
				f.script(t.Context())
				f.afterwards(t, fmt.Sprintf("operation %d", n))
				if testing.Short() {
					n += 5
				}
				if raced {
					n += 5
				}
			}
		})
	}
}

// What a log that was reopened after a failed sync says is there stays there, though the kernel takes it for written.
func TestReopenedAfterAFailedSyncIsDurable(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	require.NoError(t, f.append(t.Context(), 10))
	f.fs.SetRule(crashfs.From(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	require.ErrorIs(t, f.append(t.Context(), 600), ledger.ErrPoisoned)
	require.ErrorIs(t, f.append(t.Context(), 10), ledger.ErrPoisoned, "until it is opened again")
	f.fs.SetRule(nil)
	require.ErrorIs(t, f.append(t.Context(), 10), ledger.ErrPoisoned, "also when the device is well")
	require.NoError(t, f.l.Close())

	l, err := openOver(t.Context(), f.fs, tiny, nil)
	require.NoError(t, err)
	size := l.Size()
	opened := f.fs.Ops()
	require.NoError(t, l.Close())
	for p := range f.fs.Points(opened) {
		for c := range p.Choices(64, rand.New(rand.NewPCG(1, 2))) {
			again, err := openOver(t.Context(), p.Image(c), tiny, nil)
			require.NoError(t, err, p.Describe(c))
			require.Equal(t, size, again.Size(), p.Describe(c))
			require.NoError(t, again.Close())
		}
	}
}

// A full disk refuses what does not fit, unpoisoned, at whatever byte it ends, and the log goes on once there is room.
func TestFullDisk(t *testing.T) {
	begin := newFaulty()
	require.NoError(t, begin.open(t.Context()))
	require.NoError(t, begin.append(t.Context(), 10))
	require.NoError(t, begin.l.Close())
	used := int64(0)
	for _, file := range begin.fs.Files() {
		b, err := begin.fs.ReadFile(file)
		require.NoError(t, err)
		used += int64(len(b))
	}
	step := int64(97)
	if testing.Short() {
		step = 997
	}
	full := 0
	for room := int64(0); room < 8000; room += step {
		f := &faulty{fs: begin.fs.Clone(), next: 1, acknowledged: map[string]ledger.Hash{}, shredded: map[string]bool{}}
		maps.Copy(f.acknowledged, begin.acknowledged)
		f.fs.SetRule(crashfs.NoSpace(used + room))
		if err := f.open(t.Context()); err != nil {
			require.ErrorIs(t, err, ledger.ErrFull, "room for %d", room)
			f.afterwards(t, fmt.Sprint("opened with room for ", room))
			continue
		}
		for range 8 {
			if err := f.append(t.Context(), 900, fmt.Sprint("p", f.next)); err != nil {
				require.ErrorIs(t, err, ledger.ErrFull, "room for %d", room)
				require.NotErrorIs(t, err, ledger.ErrPoisoned)
				full++
			}
		}
		f.fs.SetRule(nil)
		require.NoError(t, f.append(t.Context(), 900), "there is room again")
		require.NoError(t, f.l.Close())
		f.afterwards(t, fmt.Sprint("room for ", room))
	}
	assert.Positive(t, full)
}

// A read-only file system lets nothing be written; what can be read is right.
func TestReadOnly(t *testing.T) {
	f := newFaulty()
	require.Empty(t, f.script(t.Context()))
	f.fs.SetRule(crashfs.ReadOnly())
	_, err := openOver(t.Context(), f.fs, tiny, nil)
	require.ErrorIs(t, err, syscall.EROFS)
	o := tiny
	o.ReadOnly = true
	l, err := openOver(t.Context(), f.fs, o, nil)
	require.NoError(t, err)
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	require.EqualValues(t, len(f.acknowledged)+1, l.Size())
	_, err = l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "refused"})
	require.ErrorIs(t, err, ledger.ErrReadOnly)
	require.NotErrorIs(t, err, ledger.ErrPoisoned)
	require.NoError(t, l.Close())
	f.afterwards(t, "read-only")
}

// A second writer is locked out, also by an administrator who removes the lock file. Where locks do not hold, the first
// one finds that it was overtaken and acknowledges nothing more.
func TestTwoWriters(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	require.NoError(t, f.append(t.Context(), 10))
	_, err := openOver(t.Context(), f.fs, tiny, nil)
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NoError(t, f.fs.Remove(folder+"/lock"))
	_, err = openOver(t.Context(), f.fs, tiny, nil)
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NoError(t, f.append(t.Context(), 10))
	require.NoError(t, f.l.Close())

	require.NoError(t, f.open(t.Context()))
	require.NoError(t, f.append(t.Context(), 10))
	f.fs.LoseLocks()
	second, err := openOver(t.Context(), f.fs, tiny, nil)
	require.NoError(t, err)
	_, err = second.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "second"})
	require.NoError(t, err)
	require.ErrorIs(t, f.append(t.Context(), 10), ledger.ErrFenced, "the epoch is stale")
	_, err = f.l.Shred(t.Context(), "p", nil)
	require.Error(t, err)
	_, err = second.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "more"})
	require.NoError(t, err)
	require.NoError(t, f.l.Close())
	require.NoError(t, second.Close())
	f.acknowledged["second"], f.acknowledged["more"] = leafOf(t, f.fs, "second"), leafOf(t, f.fs, "more")
	require.Len(t, f.acknowledged, 5)
	f.afterwards(t, "two writers")
}

// A writer that is overtaken between writing a batch and syncing it does not acknowledge it.
func TestOvertakenBetweenWriteAndSync(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	require.NoError(t, f.append(t.Context(), 10))
	require.NoError(t, f.l.Close())
	s, err := ledger.OpenDirOn(f.fs, folder, &tiny)
	require.NoError(t, err)
	head, err := s.Recover(t.Context())
	require.NoError(t, err)
	frame := ledger.Frame{Index: head.Size, Leaf: []byte("leaf"), Header: []byte("header"), Payload: []byte("payload")}
	wait, err := s.(ledger.Pipeliner).Begin(t.Context(), ledger.Batch{First: head.Size, Frames: []ledger.Frame{frame}, Head: ledger.Head{Size: head.Size + 1}})
	require.NoError(t, err)
	f.fs.LoseLocks()
	second, err := ledger.OpenDirOn(f.fs, folder, &tiny)
	require.NoError(t, err)
	_, err = second.Recover(t.Context())
	require.NoError(t, err)
	require.ErrorIs(t, wait(), ledger.ErrFenced)
	require.NoError(t, second.Close())
	require.NoError(t, s.Close())
}

// The caches of another time, as a backup may put them back, are not believed.
func TestCachesOfAnotherTime(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	var backups []*crashfs.FS
	var seen []string
	for i := range 5 {
		require.NoError(t, f.append(t.Context(), 300, fmt.Sprint("p", i)))
		require.NoError(t, f.append(t.Context(), 700))
		if i > 2 {
			_, err := f.l.Shred(t.Context(), fmt.Sprint("p", i-2), nil)
			require.NoError(t, err)
		}
		require.NoError(t, f.l.Snapshot(t.Context()))
		require.NoError(t, f.l.Close())
		backups = append(backups, f.fs.Clone())
		require.NoError(t, f.open(t.Context()))
		seen = append(seen, contents(t, f.l))
	}
	require.NoError(t, f.l.Close())
	other := newFaulty() // of another log of the same shape
	require.NoError(t, other.open(t.Context()))
	for range 10 {
		require.NoError(t, other.append(t.Context(), 500))
	}
	require.NoError(t, other.l.Snapshot(t.Context()))
	require.NoError(t, other.l.Close())
	for i, backup := range backups {
		for _, from := range append(backups[:len(backups):len(backups)], other.fs) {
			for _, name := range []string{"_offsets", "index"} {
				img := backup.Clone()
				cached, err := from.ReadFile(folder + "/cache/" + name)
				require.NoError(t, err)
				file, err := img.Open(folder+"/cache/"+name, os.O_RDWR|os.O_TRUNC)
				require.NoError(t, err)
				_, err = file.WriteAt(cached, 0)
				require.NoError(t, err)
				l, err := openOver(t.Context(), img, tiny, nil)
				require.NoError(t, err)
				require.Equal(t, seen[i], contents(t, l))
				_, err = l.Verify(t.Context(), nil)
				require.NoError(t, err)
				require.NoError(t, l.Close())
			}
		}
	}
}

func leafOf(t *testing.T, fs *crashfs.FS, key string) ledger.Hash {
	l, err := openOver(t.Context(), fs.Clone(), tiny, nil)
	require.NoError(t, err)
	defer l.Close()
	r, ok, err := l.ByKey(t.Context(), key)
	require.NoError(t, err)
	require.True(t, ok)
	return r.Leaf
}

// A folder that was put back as it was some time ago is consistent in itself; a checkpoint remembered elsewhere tells.
func TestRolledBackFolderIsRefusedAtEverySize(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	var backups []*crashfs.FS
	var notes [][]byte
	for range 6 {
		require.NoError(t, f.append(t.Context(), 300))
		c, err := f.l.Checkpoint(t.Context())
		require.NoError(t, err)
		backups, notes = append(backups, f.fs.Clone()), append(notes, c)
	}
	require.NoError(t, f.l.Close())
	for i, backup := range backups {
		for j, note := range notes {
			l, err := openOver(t.Context(), backup.Clone(), tiny, &ledger.Options{Trusted: note})
			if j > i {
				require.ErrorIs(t, err, ledger.ErrCorrupt, "backup %d, checkpoint %d", i, j)
				continue
			}
			require.NoError(t, err)
			require.NoError(t, l.Close())
		}
	}
}

// The clock jumps back and forth between openings; engine time only grows, and says what the clock says where it can.
func TestClockJumps(t *testing.T) {
	f := newFaulty()
	var last time.Time
	visit := func(ctx context.Context) (first time.Time) {
		l, err := openOver(ctx, f.fs, tiny, nil)
		require.NoError(t, err)
		for range 3 {
			f.next++
			r, err := l.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(f.next)})
			require.NoError(t, err)
			require.True(t, r[0].Time.After(last), "%v after %v", r[0].Time, last)
			if last = r[0].Time; first.IsZero() {
				first = last
			}
		}
		_, err = l.Verify(ctx, nil)
		require.NoError(t, err)
		require.NoError(t, l.Close())
		return first
	}
	now := time.Now()
	require.WithinDuration(t, now, visit(t.Context()), time.Minute)
	before := last
	synctest.Test(t, func(t *testing.T) { // midnight, 1 January 2000
		require.Equal(t, before.Add(1), visit(t.Context()), "a clock that is behind counts on")
		time.Sleep(100 * 365 * 24 * time.Hour)
		require.WithinDuration(t, time.Now(), visit(t.Context()), time.Minute, "a clock that is ahead is believed")
	})
	before = last
	require.Equal(t, before.Add(1), visit(t.Context()))
	require.Greater(t, last.Year(), 2090)
}

// The smallest and the largest entry there can be survive a crash in the middle of them, whole or not at all.
func TestSmallestAndLargestEntries(t *testing.T) {
	long := func(prefix string, n int) string { return prefix + strings.Repeat("x", n-len(prefix)) }
	largest := ledger.Append{
		Stream: long("s", ledger.MaxName), Type: long("t", ledger.MaxName), Key: long("k", ledger.MaxName),
		Payload: bytes.Repeat([]byte{7}, ledger.MaxPayload), Public: map[string]string{"k": strings.Repeat("v", ledger.MaxPublic-1)},
	}
	for i := range ledger.MaxSubjects {
		largest.Subjects = append(largest.Subjects, long(fmt.Sprintf("p%02d", i), ledger.MaxName))
	}
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	_, err := f.l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "k"})
	require.NoError(t, err)
	before := f.fs.Ops()
	_, err = f.l.Append(t.Context(), largest)
	require.NoError(t, err)
	for name, change := range map[string]func(*ledger.Append){
		"Payload": func(a *ledger.Append) { a.Payload = make([]byte, ledger.MaxPayload+1) },
		"Key":     func(a *ledger.Append) { a.Key += "x" },
		"Public":  func(a *ledger.Append) { a.Public = map[string]string{"k": strings.Repeat("v", ledger.MaxPublic)} },
		"Subjects": func(a *ledger.Append) {
			a.Subjects = append(a.Subjects[:len(a.Subjects):len(a.Subjects)], "one more")
		},
	} {
		a := largest
		a.Key = long("other", ledger.MaxName)
		change(&a)
		_, err = f.l.Append(t.Context(), a)
		require.ErrorIs(t, err, ledger.ErrTooLarge, name)
	}
	require.NoError(t, f.l.Close())
	each := 20
	if testing.Short() {
		each = 4
	}
	sizes := map[uint64]int{}
	for p := range f.fs.Points(before) {
		for c := range p.Choices(each, rand.New(rand.NewPCG(1, uint64(p.Op)))) {
			l, err := openOver(t.Context(), p.Image(c), tiny, nil)
			require.NoError(t, err, p.Describe(c))
			sizes[l.Size()]++
			for e, err := range l.Read(t.Context(), ledger.Query{}) {
				require.NoError(t, err)
				if e.Index == 1 {
					require.Equal(t, largest.Payload, e.Payload)
					require.Equal(t, largest.Subjects, e.Subjects)
					require.Equal(t, largest.Public, e.Public)
				} else {
					require.Empty(t, e.Payload)
				}
			}
			require.NoError(t, l.Close())
		}
	}
	require.Len(t, sizes, 2)
	require.Positive(t, sizes[1])
	require.Positive(t, sizes[2])
}

// Around every power of two: the log is opened again, and root and proofs are those of another implementation.
func TestSizesAroundPowersOfTwo(t *testing.T) {
	f := newFaulty()
	require.NoError(t, f.open(t.Context()))
	var hashes hashList
	most := 257
	if testing.Short() {
		most = 65
	}
	for size := 1; size <= most; size++ {
		r, err := f.l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(size)})
		require.NoError(t, err)
		stored, err := tlog.StoredHashesForRecordHash(int64(size-1), tlog.Hash(r[0].Leaf), hashes)
		require.NoError(t, err)
		hashes = append(hashes, stored...)
		if size&(size-1) != 0 && (size+1)&size != 0 && (size-1)&(size-2) != 0 {
			continue
		}
		if size%3 == 0 {
			require.NoError(t, f.l.Snapshot(t.Context()))
		}
		require.NoError(t, f.l.Close())
		require.NoError(t, f.open(t.Context()))
		root, err := tlog.TreeHash(int64(size), hashes)
		require.NoError(t, err)
		for i := range size {
			p, err := f.l.Prove(t.Context(), uint64(i), uint64(size))
			require.NoError(t, err)
			require.NoError(t, p.Verify(ledger.Hash(root)))
			if i == 0 {
				continue
			}
			c, err := f.l.ProveConsistency(t.Context(), uint64(i), uint64(size))
			require.NoError(t, err)
			old, err := tlog.TreeHash(int64(i), hashes)
			require.NoError(t, err)
			require.NoError(t, c.Verify(ledger.Hash(old), ledger.Hash(root)))
		}
	}
	require.NoError(t, f.l.Close())
}
