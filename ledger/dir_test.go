package ledger_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
)

// fill appends three batches: 1, 2 and 3 entries, two of them with subjects.
func fill(t testing.TB, l *ledger.Log) {
	t.Helper()
	for batch := range 3 {
		var entries []ledger.Append
		for i := range batch + 1 {
			a := ledger.Append{Stream: fmt.Sprint("s", i), Type: "t", Key: fmt.Sprint(batch, "-", i), Payload: []byte("pay")}
			if i == 1 {
				a.Subjects = []string{"p"}
			}
			entries = append(entries, a)
		}
		_, err := l.Append(t.Context(), entries...)
		require.NoError(t, err)
	}
}

func openDir(t testing.TB, dir string) *ledger.Log {
	t.Helper()
	l, err := ledger.OpenDir(t.Context(), dir, nil)
	require.NoError(t, err)
	return l
}

func openUnsynced(t testing.TB, dir string) (*ledger.Log, error) {
	t.Helper()
	s, err := ledger.OpenDirOn(unsynced, dir, nil)
	require.NoError(t, err)
	return ledger.Open(t.Context(), s, nil)
}

// overwrite changes a file in place: some file systems flush a file that is
// truncated to nothing and written again, which takes a thousand times as long.
func overwrite(t testing.TB, path string, b []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteAt(b, 0)
	require.NoError(t, err)
	require.NoError(t, f.Truncate(int64(len(b))))
}

// used returns the bytes of a segment without the zeros ahead. The last record may end in zeros of its own.
func used(t testing.TB, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	end := 44 // of the header
	for {
		length, n := binary.Uvarint(b[end:])
		require.Positive(t, n)
		if length == 0 {
			return b[:end]
		}
		end += n + int(length)
	}
}

func copyDir(t testing.TB, from string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(to, "log"), os.DirFS(from)))
	return filepath.Join(to, "log")
}

func contents(t testing.TB, l *ledger.Log) string {
	t.Helper()
	var b strings.Builder
	for e, err := range l.Read(t.Context(), ledger.Query{}) {
		require.NoError(t, err)
		fmt.Fprintf(&b, "%+v\n", e)
	}
	return b.String()
}

func onlySegment(t testing.TB, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "segments", "*.seg"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	return names[0]
}

// The crash is in the third batch: the head file is from before it, and the
// segment ends somewhere in it, or has zeros for what did not reach the disk.
func TestTornBatchIsDroppedWhole(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fill(t, l)
	want, size := contents(t, l), l.Size()
	p, err := l.Prove(t.Context(), 0, size)
	require.NoError(t, err)
	before, kept := copyDir(t, dir), copyDir(t, dir) // as a kill finds it: the log is still open
	first := used(t, onlySegment(t, dir))
	_, err = l.Append(t.Context(),
		ledger.Append{Stream: "s0", Type: "t", Key: "torn-1", Payload: []byte("one")},
		ledger.Append{Stream: "s1", Type: "t", Key: "torn-2", Subjects: []string{"p"}, Payload: []byte("two")})
	require.NoError(t, err)
	whole := used(t, onlySegment(t, dir))
	require.NoError(t, l.Close())

	step := 1
	if testing.Short() {
		step = 7
	}
	for end := len(first); end < len(whole); end += step {
		hole := bytes.Clone(whole)
		clear(hole[end:min(end+64, len(hole))])
		for what, torn := range map[string][]byte{
			"cut":   whole[:end],
			"zeros": append(bytes.Clone(whole[:end]), make([]byte, len(whole)-end)...),
			"hole":  hole,
		} {
			if what != "cut" && end%8 != 0 {
				continue
			}
			overwrite(t, onlySegment(t, before), torn)
			l, err := openUnsynced(t, before)
			require.NoError(t, err, "%s at %d", what, end)
			require.Equal(t, want, contents(t, l), "%s at %d", what, end)
			require.NoError(t, l.Close())
		}
	}
	// What was complete but not acknowledged stays, as a whole.
	require.NoError(t, os.WriteFile(onlySegment(t, kept), whole, 0o600))
	l = openDir(t, kept)
	require.Equal(t, size+2, l.Size())
	again, err := l.Prove(t.Context(), 0, size)
	require.NoError(t, err)
	require.Equal(t, p, again)
	require.NoError(t, l.Close())
	// But not once another writer has begun: then it can only be the write of one
	// that was overtaken.
	require.NoError(t, os.WriteFile(onlySegment(t, before), whole, 0o600))
	l = openDir(t, before)
	require.Equal(t, size, l.Size())
	require.NoError(t, l.Close())
}

func TestDirectoryCutBelowItsHeadIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fill(t, l)
	require.NoError(t, l.Close())
	whole, err := os.ReadFile(onlySegment(t, dir))
	require.NoError(t, err)
	for end := 0; end < len(whole); end += 5 {
		overwrite(t, onlySegment(t, dir), whole[:end])
		_, err := ledger.OpenDir(t.Context(), dir, nil)
		require.ErrorIs(t, err, ledger.ErrCorrupt, "cut at %d of %d", end, len(whole))
		left, err := os.ReadFile(onlySegment(t, dir))
		require.NoError(t, err)
		require.Equal(t, whole[:end], left, "a refused log is left as it is")
	}
	require.NoError(t, os.WriteFile(onlySegment(t, dir), whole, 0o600))
	require.NoError(t, openDir(t, dir).Close())
}

// A power cut may leave the head file behind the log. Damage in a batch that
// has whole ones behind it is still not taken for a torn end.
func TestDamageBehindAStaleHeadIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	stale := copyDir(t, dir)
	fill(t, l)
	segment := used(t, onlySegment(t, dir))
	name := filepath.Base(onlySegment(t, dir))
	require.NoError(t, l.Close())
	segment[100] ^= 1 // in the first of three batches
	require.NoError(t, os.WriteFile(filepath.Join(stale, "segments", name), segment, 0o600))
	_, err := ledger.OpenDir(t.Context(), stale, nil)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	damage, ok := errors.AsType[*ledger.CorruptError](err)
	require.True(t, ok)
	assert.Equal(t, int64(0), damage.Index)
	assert.Contains(t, damage.Segment, ".seg")
}

// files lists all files below dir.
func files(t testing.TB, dir string) (out []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			out = append(out, path)
		}
		return err
	}))
	return out
}

// Whatever byte is changed or file removed: either the log does not open, or it
// is the same log as before.
func TestEveryChangedByteIsNoticed(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fill(t, l)
	_, err := l.Shred(t.Context(), "p", &ledger.ShredOptions{Key: "shred"})
	require.NoError(t, err)
	_, err = l.Append(t.Context(), ledger.Append{Stream: "s0", Type: "t", Key: "q", Subjects: []string{"q"}, Payload: []byte("q")})
	require.NoError(t, err)
	_, err = l.Checkpoint(t.Context())
	require.NoError(t, err)
	want := contents(t, l)
	require.NoError(t, l.Close())

	refused, repaired := 0, 0
	try := func(what string) {
		l, err := openUnsynced(t, dir)
		if err != nil {
			require.ErrorIs(t, err, ledger.ErrCorrupt, what)
			refused++
			return
		}
		if _, err = l.Verify(t.Context(), nil); err != nil { // keys are looked at when they are needed
			require.ErrorIs(t, err, ledger.ErrCorrupt, what)
			require.NoError(t, l.Close())
			refused++
			return
		}
		require.Equal(t, want, contents(t, l), what)
		require.NoError(t, l.Close())
		repaired++
	}
	step := 1
	if testing.Short() {
		step = 11
	}
	for _, path := range files(t, dir) {
		step := step
		if filepath.Base(path) == "head" {
			step = max(step, 3) // mostly unused bytes
		}
		good, err := os.ReadFile(path)
		require.NoError(t, err)
		name := filepath.Base(path)
		for i := 0; i < len(good); i += step {
			bad := bytes.Clone(good)
			bad[i] ^= 1 << (i % 8)
			overwrite(t, path, bad)
			before := repaired
			try(fmt.Sprintf("%s at byte %d", name, i))
			if repaired > before && filepath.Ext(name) == ".seg" { // it was in what is erased, and is erased again
				now, err := os.ReadFile(path)
				require.NoError(t, err)
				require.Equal(t, good, now, "byte %d has no bearing", i)
			} else if repaired > before {
				require.Contains(t, []string{"head", "lock"}, name, "byte %d has no bearing", i)
			}
			overwrite(t, path, good)
		}
		require.NoError(t, os.Remove(path))
		before := refused
		try(name + " removed")
		if name != "lock" && name != "checkpoint" && name != "tenant-check" {
			require.Greater(t, refused, before, "%s is gone", name)
		}
		require.NoError(t, os.WriteFile(path, good, 0o600))
	}
	t.Logf("%d damages refused, %d repaired", refused, repaired)
	assert.Positive(t, refused)
}

// Damage that happens below an open log is found by reads and by the audit,
// which name the entry.
func TestDamageUnderAnOpenLogIsNamed(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	defer l.Close()
	fill(t, l)
	path := onlySegment(t, dir)
	b := used(t, path)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	blamed := map[int64]bool{}
	for i := 44; i < len(b); i += 13 {
		_, err = f.WriteAt([]byte{b[i] ^ 4}, int64(i))
		require.NoError(t, err)
		findings, err := l.Verify(t.Context(), nil)
		if err != nil { // a trailer is not read again
			damage, ok := errors.AsType[*ledger.CorruptError](err)
			require.True(t, ok)
			require.Len(t, findings.Faults, 1)
			require.Equal(t, findings.Faults[0].Index, damage.Index)
			blamed[damage.Index] = true
			read := int64(0)
			for _, err = range l.Read(t.Context(), ledger.Query{}) {
				if err != nil {
					break
				}
				read++
			}
			require.ErrorIs(t, err, ledger.ErrCorrupt)
			require.Equal(t, damage.Index, read)
		}
		_, err = f.WriteAt(b[i:i+1], int64(i))
		require.NoError(t, err)
	}
	assert.Len(t, blamed, 6)
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
}

// A rewritten history does not extend the checkpoint that was handed out.
func TestForkIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fork := copyDir(t, dir)
	fill(t, l)
	checkpoint, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Close())

	other := openDir(t, fork) // the same keys
	fill(t, other)
	require.NoError(t, other.Close())
	_, err = ledger.OpenDir(t.Context(), fork, &ledger.Options{Trusted: checkpoint})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	kept, err := os.ReadFile(filepath.Join(dir, "secrets", "checkpoint"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(fork, "secrets", "checkpoint"), kept, 0o600))
	_, err = ledger.OpenDir(t.Context(), fork, nil)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	l, err = ledger.OpenDir(t.Context(), dir, &ledger.Options{Trusted: checkpoint})
	require.NoError(t, err)
	require.NoError(t, l.Close())

	// The same size, but the head file remembers another root.
	require.NoError(t, os.Remove(filepath.Join(fork, "secrets", "checkpoint")))
	head, err := os.ReadFile(filepath.Join(dir, "head"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(fork, "head"), head, 0o600))
	_, err = ledger.OpenDir(t.Context(), fork, nil)
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	assert.ErrorContains(t, err, "remembered head")
}

// A folder that was rolled back as a whole is consistent in itself; only a
// checkpoint remembered elsewhere can tell.
func TestRollbackIsRefusedByATrustedCheckpoint(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	fill(t, l)
	old := copyDir(t, dir)
	_, err := l.Append(t.Context(), ledger.Append{Stream: "s", Type: "t", Key: "later"})
	require.NoError(t, err)
	checkpoint, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	_, err = ledger.OpenDir(t.Context(), old, &ledger.Options{Trusted: checkpoint})
	require.ErrorIs(t, err, ledger.ErrCorrupt)
	assert.ErrorContains(t, err, "6 entries are left of the 7")
	require.NoError(t, openDir(t, old).Close())
}

func TestMissingSegmentIsNamed(t *testing.T) {
	dir := t.TempDir()
	open := func() (*ledger.Log, error) {
		s, err := ledger.OpenDirOn(unsynced, dir, &ledger.DirOptions{SegmentBytes: 100})
		require.NoError(t, err)
		return ledger.Open(t.Context(), s, nil)
	}
	l, err := open()
	require.NoError(t, err)
	fill(t, l)
	require.NoError(t, l.Close())
	names, err := filepath.Glob(filepath.Join(dir, "segments", "*"))
	require.NoError(t, err)
	require.Len(t, names, 3)
	for i, name := range names {
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.Remove(name))
		_, err = open()
		require.ErrorIs(t, err, ledger.ErrCorrupt)
		damage, ok := errors.AsType[*ledger.CorruptError](err)
		require.True(t, ok)
		if i < 2 { // the segment behind the gap is named, with the first entry in it
			assert.Equal(t, filepath.Base(names[i+1]), damage.Segment)
			assert.Equal(t, []int64{0, 1}[i], damage.Index)
		}
		require.NoError(t, os.WriteFile(name, b, 0o600))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "segments", "stray"), nil, 0o600))
	_, err = open()
	require.ErrorIs(t, err, ledger.ErrCorrupt)
}

func TestOneWriterHasTheDirectory(t *testing.T) {
	dir := t.TempDir()
	l := openDir(t, dir)
	_, err := ledger.OpenDir(t.Context(), dir, nil)
	require.ErrorIs(t, err, ledger.ErrLocked)
	require.NoError(t, l.Close())
	require.NoError(t, openDir(t, dir).Close())
}

func TestFailedSyncPoisonsUntilReopened(t *testing.T) {
	dir := t.TempDir()
	var failing error
	store, err := ledger.OpenDirOn(disk{sync: func(string) error { return failing }}, dir, nil)
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), store, nil)
	require.NoError(t, err)
	fill(t, l)
	device := errors.New("input/output error")
	failing = device
	a := ledger.Append{Stream: "s", Type: "t", Key: "doubtful"}
	_, err = l.Append(t.Context(), a)
	require.ErrorIs(t, err, ledger.ErrPoisoned)
	require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.ErrorIs(t, err, device)
	failing = nil // the device is well again: the log is not
	_, err = l.Append(t.Context(), a)
	require.ErrorIs(t, err, ledger.ErrPoisoned)
	require.ErrorIs(t, store.Commit(t.Context(), ledger.Batch{First: 6}), ledger.ErrPoisoned)
	require.Equal(t, uint64(6), l.Size())
	require.NoError(t, l.Close())

	l = openDir(t, dir)
	defer l.Close()
	_, found, err := l.ByKey(t.Context(), "doubtful")
	require.NoError(t, err)
	r, err := l.Append(t.Context(), a)
	require.NoError(t, err)
	assert.Equal(t, found, r[0].Duplicate)
	assert.Equal(t, uint64(6), r[0].Index)
}

// After a shredding neither ciphertext, nor key, nor anything in clear is left
// in any file.
func TestShreddedPayloadIsInNoFile(t *testing.T) {
	dir := t.TempDir()
	store, err := ledger.OpenDirStore(dir, &ledger.DirOptions{SegmentBytes: 900})
	require.NoError(t, err)
	l, err := ledger.Open(t.Context(), store, nil)
	require.NoError(t, err)
	defer l.Close()
	fill(t, l)
	var sealed [][]byte
	for _, i := range []uint64{2, 4} { // the entries of subject p
		for f, err := range store.Read(t.Context(), i, i+1) {
			require.NoError(t, err)
			sealed = append(sealed, bytes.Clone(f.Payload))
		}
	}
	secrets, err := ledger.AllSecrets(t.Context(), store)
	require.NoError(t, err)
	for name, v := range secrets {
		if strings.HasPrefix(name, "subject-") {
			sealed = append(sealed, v)
		}
	}
	require.Len(t, sealed, 3)
	count := func() (n int) {
		for _, path := range files(t, dir) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, s := range sealed {
				n += bytes.Count(b, s)
			}
		}
		return n
	}
	require.Equal(t, 3, count())
	_, err = l.Shred(t.Context(), "p", &ledger.ShredOptions{Key: "shred"})
	require.NoError(t, err)
	require.Zero(t, count())
	_, err = l.Verify(t.Context(), nil)
	require.NoError(t, err)
	names, err := filepath.Glob(filepath.Join(dir, "segments", "*"))
	require.NoError(t, err)
	require.Greater(t, len(names), 1)
}

// A shredding is cut off at each of its syncs. The log opens again, and the
// subject is erased if and only if the entry that says so is there; then no key
// of it is left, in no file.
func TestShreddingCutOffAnywhereIsFinished(t *testing.T) {
	cut := errors.New("cut")
	for variant := range 4 {
		together, retried := variant&1 != 0, variant&2 != 0 // keys in one pack or alone; finished by a retry or by opening
		finished := false
		for n := 1; !finished; n++ {
			dir := t.TempDir()
			left := 0 // the sync, counted from now, from which on all are cut off; 0: none
			hooked := disk{sync: func(string) error {
				if left > 0 {
					if left--; left == 0 {
						left = 1
						return cut
					}
				}
				return nil
			}}
			store, err := ledger.OpenDirOn(hooked, dir, &ledger.DirOptions{SegmentBytes: 900})
			require.NoError(t, err)
			l, err := ledger.Open(t.Context(), store, nil)
			require.NoError(t, err)
			fill(t, l)
			a := ledger.Append{Stream: "s", Type: "t", Key: "a", Subjects: []string{"gone"}, Payload: []byte("pay")}
			if together {
				a.Subjects = []string{"gone", "stays"}
			}
			_, err = l.Append(t.Context(), a)
			require.NoError(t, err)
			before, err := ledger.AllSecrets(t.Context(), store)
			require.NoError(t, err)

			left = n
			_, err = l.Shred(t.Context(), "gone", &ledger.ShredOptions{Key: "shred"})
			finished = err == nil
			if !finished {
				require.ErrorIs(t, err, cut)
			}
			left = 0
			if retried {
				if _, err = l.Shred(t.Context(), "gone", &ledger.ShredOptions{Key: "shred"}); err != nil {
					require.ErrorIs(t, err, ledger.ErrPoisoned)
				} else {
					require.Zero(t, countKeys(t, dir, store, before))
				}
			}
			require.NoError(t, l.Close())

			store, err = ledger.OpenDirOn(unsynced, dir, &ledger.DirOptions{SegmentBytes: 900})
			require.NoError(t, err)
			l, err = ledger.Open(t.Context(), store, nil)
			require.NoError(t, err, "cut at sync %d", n)
			findings, err := l.Verify(t.Context(), nil)
			require.NoError(t, err)
			_, logged, err := l.ByKey(t.Context(), "shred")
			require.NoError(t, err)
			require.Equal(t, logged, findings.Erased == 1)
			after, err := ledger.AllSecrets(t.Context(), store)
			require.NoError(t, err)
			if logged {
				require.Len(t, after, len(before)-1)
			}
			require.Zero(t, countKeys(t, dir, store, before), "cut at sync %d", n)
			require.NoError(t, l.Close())
		}
	}
}

// countKeys counts the files that hold a secret the store no longer has.
func countKeys(t testing.TB, dir string, store ledger.Store, before map[string][]byte) (n int) {
	t.Helper()
	after, err := ledger.AllSecrets(t.Context(), store)
	require.NoError(t, err)
	for name, secret := range before {
		if _, kept := after[name]; kept {
			continue
		}
		for _, path := range files(t, dir) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			if bytes.Contains(b, secret) {
				n++
			}
		}
	}
	return n
}

func TestDirectoryIsPrivate(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "log")
	l := openDir(t, dir)
	fill(t, l)
	_, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	require.NoError(t, l.Close())
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := d.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s is open to others", d.Name())
		return nil
	}))
	for _, path := range files(t, dir) {
		b, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.NotContains(t, string(b), "pay", hex.EncodeToString(b[:min(8, len(b))]))
	}
}

func TestDirOptionsAreChecked(t *testing.T) {
	_, err := ledger.OpenDirStore(t.TempDir(), &ledger.DirOptions{SegmentBytes: -1})
	assert.ErrorIs(t, err, ledger.ErrInvalid)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err = ledger.OpenDir(t.Context(), file, nil)
	assert.Error(t, err)
}
