package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

// bit is one bit of one file.
type bit struct {
	file string
	at   int
	mask byte
}

func (b bit) String() string { return fmt.Sprintf("%s, byte %d, mask %#x", b.file, b.at, b.mask) }

func (b bit) flip(f *crashfs.FS) error {
	file, err := f.Open(b.file, os.O_RDWR)
	if err != nil {
		return err
	}
	defer file.Close()
	one := make([]byte, 1)
	if _, err := file.ReadAt(one, int64(b.at)); err != nil {
		return err
	}
	one[0] ^= b.mask
	_, err = file.WriteAt(one, int64(b.at))
	return err
}

// flipped is a small closed log of several segments, with caches, a checkpoint, a subject that is left and one that was shredded.
type flipped struct {
	*recording
	want  string             // what a reader sees
	owner map[string][]int64 // by file and byte: an entry, or frame, or idle
}

func newFlipped(t *testing.T) *flipped {
	h := &recording{
		fs:  crashfs.New(),
		o:   ledger.DirOptions{SegmentBytes: 1000},
		tap: &tap{payloads: map[uint64][]byte{}, secrets: map[string][]byte{}},
	}
	l := h.open(t)
	h.append(t, l,
		ledger.Append{Stream: "s", Type: "t", Key: "a", Payload: []byte("first payload")},
		ledger.Append{Stream: "u", Type: "t", Key: "b", Subjects: []string{"stays"}, Public: map[string]string{"k": "v"}, Payload: []byte("second payload")})
	h.append(t, l, ledger.Append{Stream: "s", Type: "t", Key: "c", Subjects: []string{"gone"}, Payload: []byte("third payload")})
	h.shred(t, l, "gone", false)
	h.checkpoint(t, l)
	require.NoError(t, l.Snapshot(t.Context()))
	h.append(t, l, ledger.Append{Stream: "s", Type: "t", Key: "d", Subjects: []string{"stays"}, Payload: []byte("last payload")})
	require.NoError(t, l.Close())
	h.finish(t)
	f := &flipped{recording: h, owner: map[string][]int64{}}
	l, err := openOver(t.Context(), h.fs.Clone(), h.o, nil)
	require.NoError(t, err)
	defer l.Close()
	f.want, err = seen(t.Context(), l)
	require.NoError(t, err)
	f.locate(t)
	return f
}

// What a byte of a segment belongs to, where it is not an entry's leaf, header or payload.
const (
	frame = -1 // lengths, sums, the segment's header, keys
	idle  = -2 // trailers, what was destroyed, zeros behind the end of a segment
)

// locate finds out what the bytes of the segments belong to.
func (f *flipped) locate(t *testing.T) {
	s, err := ledger.OpenDirOn(f.fs.Clone(), folder, &f.o)
	require.NoError(t, err)
	defer s.Close()
	head, err := s.Recover(t.Context())
	require.NoError(t, err)
	for _, file := range f.fs.Files() {
		b, err := f.fs.ReadFile(file)
		require.NoError(t, err)
		f.owner[file] = make([]int64, len(b))
		for i := range b {
			f.owner[file][i] = frame
		}
		f.markIdle(file, b)
		for frame, err := range s.Read(t.Context(), 0, head.Size) {
			require.NoError(t, err)
			for _, part := range [][]byte{frame.Leaf, frame.Header, frame.Payload} {
				if at := bytes.Index(b, part); at >= 0 && len(part) > 0 {
					for i := range part {
						f.owner[file][at+i] = int64(frame.Index)
					}
				}
			}
		}
	}
}

// markIdle marks trailers, records of keys that were destroyed, and the zeros at the end.
func (f *flipped) markIdle(file string, b []byte) {
	mark := func(from, to int) {
		for i := from; i < min(to, len(b)); i++ {
			f.owner[file][i] = idle
		}
	}
	mark(len(bytes.TrimRight(b, "\x00")), len(b))
	for at := 0; ; at++ {
		i := bytes.Index(b[at:], []byte("\x00\x02tail"))
		if i < 0 {
			break
		}
		at += i
		mark(at-1, at+71)
	}
	for name, value := range f.tap.secrets {
		if at := bytes.Index(b, []byte(name)); at >= 0 && !bytes.Contains(b, value) {
			mark(at-5, at+len(name)+8+len(value))
		}
	}
	// What an entry's payload and its check were is zeros now.
	for _, payload := range f.tap.payloads {
		if len(payload) > 0 && !bytes.Contains(b, payload) {
			hole := make([]byte, len(payload)+4)
			for at := 0; ; at++ {
				i := bytes.Index(b[at:], hole)
				if i < 0 {
					break
				}
				at += i
				mark(at+1, at+len(hole))
			}
		}
	}
}

// seen is all a log tells: entries, root, proofs of every entry and every earlier size. All of it is checked.
func seen(ctx context.Context, l *ledger.Log) (string, error) {
	var b strings.Builder
	findings, err := l.Verify(ctx, nil)
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&b, findings.Size, findings.Erased)
	for e, err := range l.Read(ctx, ledger.Query{}) {
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%+v\n", e)
	}
	whole, err := l.ProveConsistency(ctx, 0, l.Size())
	if err != nil {
		return "", err
	}
	fmt.Fprintln(&b, whole.ToRoot)
	for i := range l.Size() {
		p, err := l.Prove(ctx, i, l.Size())
		if err != nil {
			return "", err
		}
		if err := p.Verify(whole.ToRoot); err != nil {
			return "", fmt.Errorf("a proof that was handed out: %v", err)
		}
		c, err := l.ProveConsistency(ctx, i, l.Size())
		if err != nil {
			return "", err
		}
		if err := c.Verify(c.FromRoot, whole.ToRoot); err != nil {
			return "", fmt.Errorf("a proof that was handed out: %v", err)
		}
	}
	return b.String(), nil
}

// verdict is what became of a flipped bit.
type verdict int

const (
	refused  verdict = iota // the log does not open
	reported                // it opens, and the audit names the damage
	harmless                // it is the same log as before
)

// try opens the log with a bit flipped.
func (f *flipped) try(ctx context.Context, at bit) (v verdict, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	img := f.fs.Clone()
	if err := at.flip(img); err != nil {
		return 0, err
	}
	l, err := openOver(ctx, img, f.o, nil)
	if err != nil {
		return refused, f.blame(at, err)
	}
	defer l.Close()
	got, err := seen(ctx, l)
	if err != nil {
		return reported, f.blame(at, err)
	}
	if got != f.want {
		return 0, errors.New("it is taken for another log")
	}
	return harmless, nil
}

// blame checks that an error says where the damage is.
func (f *flipped) blame(at bit, err error) error {
	damage, ok := errors.AsType[*ledger.CorruptError](err)
	if !ok {
		return fmt.Errorf("not an error that names damage: %w", err)
	}
	if owner := f.owner[at.file][at.at]; owner >= 0 && damage.Index != owner {
		return fmt.Errorf("entry %d was damaged: %w", owner, err)
	}
	return nil
}

// mayBeHarmless says in which files a flipped bit may change nothing, and why.
func (f *flipped) mayBeHarmless(at bit) (why string, ok bool) {
	switch folder := path.Base(path.Dir(at.file)); {
	case path.Base(at.file) == "head":
		return "the frames say what it says; it guards the end of the log against being cut off", true
	case path.Base(at.file) == "lock":
		return "the epoch is told by the trailers too", true
	case folder == "cache":
		return "caches are rebuilt from the frames", true
	case folder == "segments" && f.owner[at.file][at.at] == idle:
		return "a trailer repeats what the records before it say, and is not read where the index of offsets covers it; " +
			"what was destroyed and what was never written is not read either", true
	}
	return "", false
}

// TestEveryBitFlipped flips each bit of each file of a small closed log (of zeros and of caches, only some; all of them with
// -crash.points). It does not open, or the audit names the damage, with
// the entry it lies in; or it is exactly the log it was.
func TestEveryBitFlipped(t *testing.T) {
	f := newFlipped(t)
	defer thrifty()()
	few := *crashPoints == 0 // of the bits that are checksummed as a whole or that are zeros
	bits := make(chan bit, 64)
	counts := map[string]*[3]int{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for at := range bits {
				guard := time.AfterFunc(time.Minute, func() { panic(at.String() + " hangs") })
				v, err := f.try(t.Context(), at)
				guard.Stop()
				if _, may := f.mayBeHarmless(at); err == nil && v == harmless && !may {
					err = errors.New("it has no bearing")
				}
				mu.Lock()
				if err != nil {
					t.Errorf("%v: %v", at, err)
				}
				kind := path.Dir(strings.TrimPrefix(at.file, folder+"/"))
				if kind == "." {
					kind = path.Base(at.file)
				}
				if counts[kind] == nil {
					counts[kind] = new([3]int)
				}
				counts[kind][v]++
				failed := t.Failed()
				mu.Unlock()
				if failed {
					for range bits {
					}
				}
			}
		})
	}
	for _, file := range f.fs.Files() {
		b, err := f.fs.ReadFile(file)
		require.NoError(t, err)
		cached := path.Base(path.Dir(file)) == "cache"
		for at := range b {
			for i := range 8 {
				quiet := b[at] == 0 && f.owner[file][at] < 0
				switch {
				case testing.Short() && (at%7 > 0 || i != at%8):
				case few && quiet && (at%3 > 0 || i != at%8):
				case few && cached && i != at%8 && i != (at+3)%8:
				default:
					bits <- bit{file, at, 1 << i}
				}
			}
		}
	}
	close(bits)
	wg.Wait()
	for kind, n := range counts {
		t.Logf("%s: %d refused, %d reported by the audit, %d without effect", kind, n[refused], n[reported], n[harmless])
	}
	assert.Positive(t, counts["segments"][refused]+counts["segments"][reported])
}

// TestEveryFileMissing removes each file. A log without one of its files does not open, or it is the log it was.
func TestEveryFileMissing(t *testing.T) {
	f := newFlipped(t)
	for _, file := range f.fs.Files() {
		img := f.fs.Clone()
		require.NoError(t, img.Remove(file))
		l, err := openOver(t.Context(), img, f.o, nil)
		if err != nil {
			assert.ErrorIs(t, err, ledger.ErrCorrupt, file)
			continue
		}
		got, err := seen(t.Context(), l)
		require.NoError(t, l.Close())
		if err != nil {
			assert.ErrorIs(t, err, ledger.ErrCorrupt, file)
			continue
		}
		assert.Equal(t, f.want, got, file)
		switch path.Base(file) {
		case "lock", "checkpoint", "tenant-check": // a checkpoint that is remembered nowhere else is not missed; the check is made again
		default:
			assert.Equal(t, "cache", path.Base(path.Dir(file)), "%s is not missed", file)
		}
	}
}

// After a loss of power the head file may be as old as the last sync of it. Damage is then still not taken for a torn end: a
// trailer says what was acknowledged before it. Of the last call alone nothing says so.
func TestFlippedBehindAStaleHead(t *testing.T) {
	h := &recording{
		fs:  crashfs.New(),
		o:   ledger.DirOptions{SegmentBytes: 1000},
		tap: &tap{payloads: map[uint64][]byte{}, secrets: map[string][]byte{}},
	}
	l := h.open(t)
	for i := range 6 {
		h.append(t, l, ledger.Append{Stream: "s", Type: "t", Key: fmt.Sprint(i), Payload: bytes.Repeat([]byte{byte(i)}, 300)})
	}
	last := h.fs.Ops()
	h.finish(t)
	var img *crashfs.FS
	for p := range h.fs.Points(last) {
		for c := range p.Choices(1000, rand.New(rand.NewPCG(1, 1))) {
			img = p.Image(c) // the first one lost everything
			break
		}
	}
	require.Greater(t, len(img.Files()), 6)
	step := 3
	if testing.Short() {
		step = 31
	}
	refused, dropped := 0, 0
	for _, file := range img.Files() {
		if path.Base(path.Dir(file)) != "segments" {
			continue
		}
		b, err := img.ReadFile(file)
		require.NoError(t, err)
		for at := 0; at < len(bytes.TrimRight(b, "\x00")); at += step {
			damaged := img.Clone()
			where := bit{file, at, 1 << (at % 8)}
			require.NoError(t, where.flip(damaged))
			l, err := openOver(t.Context(), damaged, h.o, nil)
			if err != nil {
				require.ErrorIs(t, err, ledger.ErrCorrupt, "%v", where)
				refused++
				continue
			}
			size := l.Size()
			require.GreaterOrEqual(t, size, uint64(5), "%v", where)
			if size == 5 {
				dropped++
			}
			if _, err := l.Verify(t.Context(), nil); err != nil {
				require.ErrorIs(t, err, ledger.ErrCorrupt, "%v", where)
			} else {
				require.NoError(t, h.same(t.Context(), l, size), "%v", where)
			}
			require.NoError(t, l.Close())
		}
	}
	t.Logf("%d refused, %d without the last call", refused, dropped)
	require.Greater(t, refused, dropped)
}
