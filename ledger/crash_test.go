package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

var (
	crashPoints = flag.Int("crash.points", 0, "crashes that TestCrashEverywhere goes through; 0 for 50,000, or 5,000 with -short; a tenth of that under the race detector")
	crashSeed   = flag.Uint64("crash.seed", 1, "its first history")
)

// folder is where the log lies in the crashable file systems.
const folder = "log"

// recording is a log over a crashable file system: what was asked of it, what it answered, and between which
// operations of the file system.
type recording struct {
	fs    *crashfs.FS
	o     ledger.DirOptions
	ahead bool // zeros come from a goroutine
	tap   *tap
	mu    sync.Mutex
	calls []call
	notes []remembered

	entries  []ledger.Append // by index, filled by finish
	leaves   []ledger.Hash
	roots    []ledger.Hash // by size
	boundary []bool        // by size: whether a call ends there
}

// call is one Append or Shred that succeeded.
type call struct {
	start, end int // operations done before it began and when it had returned
	entries    []ledger.Append
	first      uint64
	leaves     []ledger.Hash
	gone       [][]byte // what must be in no file once it has returned
}

func (c call) size() uint64 { return c.first + uint64(len(c.entries)) }

// remembered is a checkpoint that was handed out.
type remembered struct {
	end  int
	text []byte
}

// tap is a store that remembers the ciphertexts and keys it was given, and which of them it had to destroy.
type tap struct {
	ledger.Store
	mu       sync.Mutex
	payloads map[uint64][]byte
	secrets  map[string][]byte
	gone     [][]byte
}

func (s *tap) note(b ledger.Batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range b.Frames {
		s.payloads[f.Index] = bytes.Clone(f.Payload)
	}
	for _, v := range b.Secrets {
		s.secrets[v.Name] = bytes.Clone(v.Value)
	}
}

func (s *tap) Commit(ctx context.Context, b ledger.Batch) error {
	s.note(b)
	return s.Store.Commit(ctx, b)
}

func (s *tap) Begin(ctx context.Context, b ledger.Batch) (func() error, error) {
	s.note(b)
	return s.Store.(ledger.Pipeliner).Begin(ctx, b)
}

func (s *tap) LoadCache(name string) ([]byte, func() error, bool, error) {
	return s.Store.(ledger.Cacher).LoadCache(name)
}

func (s *tap) SaveCache(name string, write func(io.Writer) error) error {
	return s.Store.(ledger.Cacher).SaveCache(name, write)
}

func (s *tap) PutSecrets(ctx context.Context, secrets map[string][]byte) error {
	s.mu.Lock()
	for name, v := range secrets {
		s.secrets[name] = bytes.Clone(v)
	}
	s.mu.Unlock()
	return s.Store.PutSecrets(ctx, secrets)
}

func (s *tap) DeleteSecrets(ctx context.Context, names ...string) error {
	s.mu.Lock()
	for _, name := range names {
		s.destroyed(s.secrets[name])
	}
	s.mu.Unlock()
	return s.Store.DeleteSecrets(ctx, names...)
}

func (s *tap) Erase(ctx context.Context, indexes []uint64) error {
	s.mu.Lock()
	for _, i := range indexes {
		s.destroyed(s.payloads[i])
	}
	s.mu.Unlock()
	return s.Store.Erase(ctx, indexes)
}

// destroyed notes what must not be found any more: pieces of b, but not its beginning, which keys may share.
func (s *tap) destroyed(b []byte) {
	for _, at := range []int{len(b) / 2, len(b) - 16} {
		if at >= 0 && at+16 <= len(b) {
			s.gone = append(s.gone, b[at:at+16])
		}
	}
}

// openOver opens the log that lies in a crashable file system.
func openOver(ctx context.Context, f *crashfs.FS, o ledger.DirOptions, options *ledger.Options) (*ledger.Log, error) {
	s, err := ledger.OpenDirOn(f, folder, &o)
	if err != nil {
		return nil, err
	}
	return ledger.Open(ctx, s, options)
}

func (h *recording) open(t *testing.T) *ledger.Log {
	t.Helper()
	open := ledger.OpenDirOn
	if h.ahead {
		open = ledger.OpenDirAhead
	}
	s, err := open(h.fs, folder, &h.o)
	require.NoError(t, err)
	h.tap.Store = s
	l, err := ledger.Open(t.Context(), h.tap, nil)
	require.NoError(t, err)
	return l
}

// append asks for a batch and notes the answer.
func (h *recording) append(t *testing.T, l *ledger.Log, batch ...ledger.Append) {
	start := h.fs.Ops()
	receipts, err := l.Append(t.Context(), batch...)
	end := h.fs.Ops()
	if err != nil {
		t.Error(err)
		return
	}
	c := call{start: start, end: end, entries: batch, first: receipts[0].Index}
	for _, r := range receipts {
		c.leaves = append(c.leaves, r.Leaf)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, c)
}

// one asks for something that appends one entry.
func (h *recording) one(t *testing.T, l *ledger.Log, ask func() (ledger.Receipt, error)) {
	c := call{start: h.fs.Ops()}
	r, err := ask()
	require.NoError(t, err)
	c.end, c.first, c.leaves = h.fs.Ops(), r.Index, []ledger.Hash{r.Leaf}
	for e, err := range l.Read(t.Context(), ledger.Query{From: r.Index, To: r.Index + 1}) {
		require.NoError(t, err)
		c.entries = []ledger.Append{{Stream: e.Stream, Type: e.Type, Key: e.Key, Subjects: e.Subjects, Payload: e.Payload}}
	}
	c.gone, h.tap.gone = h.tap.gone, nil
	require.Empty(t, h.fs.Contains(c.gone...))
	require.Empty(t, h.fs.Residue(c.gone...), "in the space of files that were removed")
	h.calls = append(h.calls, c)
}

func (h *recording) shred(t *testing.T, l *ledger.Log, subject string, keepBlobs bool) {
	h.one(t, l, func() (ledger.Receipt, error) {
		return l.Shred(t.Context(), subject, &ledger.ShredOptions{Reason: "asked", KeepBlobs: keepBlobs})
	})
}

func (h *recording) checkpoint(t *testing.T, l *ledger.Log) {
	c, err := l.Checkpoint(t.Context())
	require.NoError(t, err)
	h.notes = append(h.notes, remembered{h.fs.Ops(), c})
}

// finish puts the calls in the order of the log.
func (h *recording) finish(t *testing.T) {
	slices.SortFunc(h.calls, func(a, b call) int { return int(a.first) - int(b.first) })
	h.boundary = []bool{true}
	for _, c := range h.calls {
		require.EqualValues(t, len(h.entries), c.first)
		h.entries, h.leaves = append(h.entries, c.entries...), append(h.leaves, c.leaves...)
		h.boundary = append(h.boundary, make([]bool, len(c.entries))...)
		h.boundary[len(h.entries)] = true
	}
	hashes := hashList{}
	h.roots = []ledger.Hash{{}}
	for i, leaf := range h.leaves {
		stored, err := tlog.StoredHashesForRecordHash(int64(i), tlog.Hash(leaf), hashes)
		require.NoError(t, err)
		hashes = append(hashes, stored...)
		root, err := tlog.TreeHash(int64(i+1), hashes)
		require.NoError(t, err)
		h.roots = append(h.roots, ledger.Hash(root))
	}
}

type hashList []tlog.Hash

func (s hashList) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, x := range indexes {
		out[i] = s[x]
	}
	return out, nil
}

// record plays a random script of everything a log does.
func record(t *testing.T, seed uint64, rule crashfs.Rule) *recording {
	random := rand.New(rand.NewPCG(seed, 7))
	h := &recording{
		fs:  crashfs.New(),
		o:   ledger.DirOptions{SegmentBytes: int64(1000 + random.IntN(6000))},
		tap: &tap{payloads: map[uint64][]byte{}, secrets: map[string][]byte{}},
	}
	if seed%5 == 0 {
		h.ahead, h.o.SegmentBytes = true, 300<<10
	}
	h.fs.SetRule(rule)
	l := h.open(t)
	keys, subjects, shredded := atomic.Int64{}, 0, 0
	draw := func(random *rand.Rand) ledger.Append {
		a := ledger.Append{
			Stream: fmt.Sprint("s", random.IntN(3)), Type: "t", Key: fmt.Sprint("k", keys.Add(1)),
			Payload: bytes.Repeat([]byte{byte(random.IntN(256))}, []int{0, 30, 300, 700}[random.IntN(4)]),
		}
		for s := shredded; s < subjects; s++ {
			if random.IntN(2) == 0 {
				a.Subjects = append(a.Subjects, fmt.Sprint("p", s))
			}
		}
		if random.IntN(3) == 0 {
			a.Public = map[string]string{"n": a.Key}
		}
		return a
	}
	for range 7 {
		what := random.IntN(13)
		if seed%4 == 2 && random.IntN(2) == 0 {
			what = 11
		}
		switch {
		case what < 3:
			h.append(t, l, draw(random))
		case what < 5: // new subjects come with a batch over several streams
			subjects++
			batch := []ledger.Append{draw(random), draw(random), draw(random)}
			batch[1].Subjects = append(batch[1].Subjects, fmt.Sprint("p", subjects-1))
			h.append(t, l, batch...)
		case what < 7:
			h.together(t, l, random, draw)
		case what < 9:
			if shredded < subjects {
				h.shred(t, l, fmt.Sprint("p", shredded), random.IntN(3) == 0)
				shredded++
			}
		case what == 9:
			h.checkpoint(t, l)
		case what == 10:
			require.NoError(t, l.Snapshot(t.Context()))
		case what == 11 && seed%4 != 2: // signatures of keys are slow to check
		case what == 11:
			keys := slices.DeleteFunc(l.VerifierKeys(), func(k ledger.Key) bool { return k.Retired })
			if len(keys) > 1 { // at most MaxSigners sign
				h.one(t, l, func() (ledger.Receipt, error) { return l.Retire(t.Context(), keys[0].VerifierKey, nil) })
				break
			}
			h.one(t, l, func() (ledger.Receipt, error) { return l.Rotate(t.Context(), nil) })
		default:
			require.NoError(t, l.Close())
			l = h.open(t)
		}
	}
	require.NoError(t, l.Close())
	h.finish(t)
	return h
}

// together lets several callers append at once, while syncs take their time: groups form and overlap.
func (h *recording) together(t *testing.T, l *ledger.Log, random *rand.Rand, draw func(*rand.Rand) ledger.Append) {
	h.fs.SetSyncTime(200 * time.Microsecond)
	defer h.fs.SetSyncTime(0)
	var wg sync.WaitGroup
	for range 2 + random.IntN(2) {
		random := rand.New(rand.NewPCG(random.Uint64(), 0))
		wg.Go(func() {
			time.Sleep(time.Duration(random.IntN(400)) * time.Microsecond)
			h.append(t, l, []ledger.Append{draw(random), draw(random)}[:1+random.IntN(2)]...)
		})
	}
	wg.Wait()
}

// acknowledged is the size that somebody was told of before operation op was over.
func (h *recording) acknowledged(op int) (size uint64) {
	for _, c := range h.calls {
		if c.end <= op {
			size = max(size, c.size())
		}
	}
	return size
}

func (h *recording) trusted(op int) (text []byte) {
	for _, n := range h.notes {
		if n.end <= op {
			text = n.text
		}
	}
	return text
}

// survive opens what a crash after operation op left and says what is wrong with it. At least so many entries must be there.
// It returns the size found and after how many operations of its own the log was open.
func (h *recording) survive(ctx context.Context, img *crashfs.FS, op int, least uint64) (size uint64, opened int, err error) {
	for _, c := range h.calls {
		if len(c.gone) > 0 && c.end <= op && len(img.Contains(c.gone...)) > 0 {
			return 0, 0, errors.New("what was shredded is in a file")
		}
	}
	l, err := openOver(ctx, img, h.o, &ledger.Options{Trusted: h.trusted(op)})
	if err != nil {
		return 0, 0, fmt.Errorf("opening: %w", err)
	}
	defer l.Close()
	opened, size = img.Ops(), l.Size()
	switch {
	case size < least:
		return 0, 0, fmt.Errorf("%d entries of %d acknowledged ones", size, least)
	case size >= uint64(len(h.boundary)) || !h.boundary[size]:
		return 0, 0, fmt.Errorf("%d entries are not the end of a call", size)
	}
	if err := h.same(ctx, l, size); err != nil {
		return 0, 0, err
	}
	for _, c := range h.calls {
		if len(c.gone) > 0 && c.first < size && len(img.Contains(c.gone...)) > 0 {
			return 0, 0, errors.New("a shredding is in the log, and what it shreds in a file")
		}
	}
	if err := h.goOn(ctx, l, op, size); err != nil {
		return 0, 0, err
	}
	if err := l.Close(); err != nil {
		return 0, 0, fmt.Errorf("closing: %w", err)
	}
	again, err := openOver(ctx, img, h.o, nil)
	if err != nil {
		return 0, 0, fmt.Errorf("opening again: %w", err)
	}
	defer again.Close()
	if _, ok, err := again.ByKey(ctx, "after"); !ok || err != nil || again.Size() != l.Size() {
		return 0, 0, fmt.Errorf("opened again, the log has %d entries of %d, the last: %v, %v", again.Size(), l.Size(), ok, err)
	}
	return size, opened, nil
}

func shreds(a ledger.Append) bool {
	return a.Type == ledger.TypeShredded || a.Type == ledger.TypeKeyShredded
}

// glance opens what a crash left for reading, which changes nothing and shows what was acknowledged.
func (h *recording) glance(ctx context.Context, img *crashfs.FS, op int, least uint64) error {
	if least == 0 {
		return nil // there may be no log yet
	}
	o := h.o
	o.ReadOnly = true
	img.SetRule(crashfs.ReadOnly())
	defer img.SetRule(nil)
	l, err := openOver(ctx, img, o, nil)
	if err != nil {
		return fmt.Errorf("opening for reading: %w", err)
	}
	defer l.Close()
	if size := l.Size(); size < least || size >= uint64(len(h.boundary)) || !h.boundary[size] {
		return fmt.Errorf("for reading, %d entries of %d acknowledged ones", size, least)
	}
	if err := h.same(ctx, l, l.Size()); err != nil {
		return fmt.Errorf("for reading: %w", err)
	}
	if _, err := l.Append(ctx, ledger.Append{Stream: "s", Type: "t", Key: "refused"}); !errors.Is(err, ledger.ErrReadOnly) {
		return fmt.Errorf("for reading, it was written: %w", err)
	}
	return l.Close()
}

// same compares the first size entries with those that were acknowledged, or would have been.
func (h *recording) same(ctx context.Context, l *ledger.Log, size uint64) error {
	erased := map[string]bool{}
	for _, c := range h.calls {
		if shreds(c.entries[0]) && c.first < size {
			erased[c.entries[0].Subjects[0]] = true
		}
	}
	n := uint64(0)
	for e, err := range l.Read(ctx, ledger.Query{}) {
		if err != nil {
			return fmt.Errorf("reading: %w", err)
		}
		a := h.entries[n]
		gone := !shreds(a) && slices.ContainsFunc(a.Subjects, func(s string) bool { return erased[s] })
		switch {
		case e.Index != n || e.Leaf != h.leaves[n] || e.Key != a.Key || e.Stream != a.Stream:
			return fmt.Errorf("entry %d is another one", n)
		case e.Erased != gone:
			return fmt.Errorf("entry %d: erased is %v", n, e.Erased)
		case !gone && !bytes.Equal(e.Payload, a.Payload):
			return fmt.Errorf("entry %d: payload differs", n)
		}
		n++
	}
	if n != size {
		return fmt.Errorf("%d entries of %d were read", n, size)
	}
	if size > 0 {
		root, err := tlog.TreeHash(int64(size), l)
		if err != nil || ledger.Hash(root) != h.roots[size] {
			return fmt.Errorf("root is another one: %w", err)
		}
	}
	return nil
}

// goOn asks again for what was in flight, and for something new.
func (h *recording) goOn(ctx context.Context, l *ledger.Log, op int, size uint64) error {
	for _, c := range h.calls {
		if c.start > op || c.end <= op || c.entries[0].Type != "t" {
			continue
		}
		receipts, err := l.Append(ctx, c.entries...)
		switch {
		case err != nil:
			return fmt.Errorf("appending again: %w", err)
		case receipts[0].Duplicate != (c.first < size):
			return fmt.Errorf("appended again, entry %d of %d: duplicate is %v", c.first, size, receipts[0].Duplicate)
		case receipts[0].Duplicate && receipts[0].Leaf != c.leaves[0]:
			return fmt.Errorf("appended again, entry %d has another leaf", c.first)
		}
	}
	if _, err := l.Append(ctx, ledger.Append{Stream: "s0", Type: "t", Key: "after", Payload: []byte("p")}); err != nil {
		return fmt.Errorf("appending: %w", err)
	}
	if op%8 > 0 || h.ahead {
		return nil
	}
	for _, key := range []string{"large", "next"} { // begins another segment
		if _, err := l.Append(ctx, ledger.Append{Stream: "s0", Type: "t", Key: key, Payload: make([]byte, h.o.SegmentBytes)}); err != nil {
			return fmt.Errorf("appending: %w", err)
		}
	}
	return nil
}

// kill ends the process after an operation. The next one finds all that was written, synced or not; then the power fails, and
// what it told must still be there.
func (h *recording) kill(ctx context.Context, op int, least uint64, random *rand.Rand) error {
	fork := h.fs.Fork(op)
	size, opened, err := h.survive(ctx, fork, op, least)
	if err != nil {
		return fmt.Errorf("only the process ended: %w", err)
	}
	for p := range fork.Points(opened) {
		for c := range p.Choices(1+random.IntN(8), random) {
			if _, _, err := h.survive(ctx, p.Image(c), op, size); err != nil {
				return fmt.Errorf("the process ended, then the power: %w\n%s\n%s", err, p.Describe(c), fork.History(op, p.Op))
			}
		}
		break
	}
	return nil
}

// crash lets the power fail after an operation, and now and then once more while the log is being opened again.
func (h *recording) crash(ctx context.Context, p *crashfs.Point, c crashfs.Choice, random *rand.Rand) (points int, err error) {
	least := h.acknowledged(p.Op)
	img := p.Image(c)
	if random.IntN(16) == 0 {
		if err := h.glance(ctx, p.Image(c), p.Op, least); err != nil {
			return 1, err
		}
	}
	if random.IntN(16) == 0 {
		if err := h.kill(ctx, p.Op, least, random); err != nil {
			return 1, err
		}
	}
	size, opened, err := h.survive(ctx, img, p.Op, least)
	if err != nil || random.IntN(8) > 0 {
		return 1, err
	}
	at := random.IntN(opened + 1)
	for q := range img.Points(at) {
		if q.Op == opened {
			least = size // has been told
		}
		for c := range q.Choices(1+random.IntN(8), random) {
			if points++; points > 4 {
				break
			}
			if _, _, err := h.survive(ctx, q.Image(c), p.Op, least); err != nil {
				return points, fmt.Errorf("crashed once more: %w\n%s\n%s", err, q.Describe(c), img.History(0, q.Op))
			}
		}
		break
	}
	return points + 1, nil
}

// thrifty lets the garbage of ten thousand small logs lie until it is worth collecting. The limit is needed, since a pool, and
// with it its log, outlives the next collection.
func thrifty() (restore func()) {
	percent, limit := debug.SetGCPercent(800), debug.SetMemoryLimit(512<<20)
	return func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}
}

// explore lets the power fail all over a history.
func (h *recording) explore(ctx context.Context, each, total int, seed uint64) (int, error) {
	var points atomic.Int64
	_, err := h.fs.Explore(ctx, crashfs.Search{PerPoint: each, Total: total, Seed: seed}, func(p *crashfs.Point, c crashfs.Choice) error {
		n, err := h.crash(ctx, p, c, rand.New(rand.NewPCG(seed, uint64(points.Load()))))
		points.Add(int64(n))
		return err
	})
	return int(points.Load()), err
}

// TestCrashEverywhere plays random histories and lets the power fail after every operation of the file system, with all
// or many of the subsets of what was not synced on the disk, and some of it torn. What was acknowledged is there, with
// the same leaves and root; what was not is there as a whole call or not at all; what was shredded is in no file; and
// the log goes on.
func TestCrashEverywhere(t *testing.T) {
	want, each := 50_000, 256
	if testing.Short() {
		want, each = 5_000, 32
	}
	if raced {
		want /= 10
	}
	if *crashPoints > 0 {
		want, each = *crashPoints, 1024
	}
	defer thrifty()()
	begin := time.Now()
	points, histories, operations := 0, 0, 0
	for seed := *crashSeed; points < want; seed++ {
		h := record(t, seed, nil)
		n, err := h.explore(t.Context(), each, want-points, seed)
		require.NoError(t, err, "history %d", seed)
		points, histories, operations = points+n, histories+1, operations+h.fs.Ops()
	}
	t.Logf("%d crash points after %d operations of %d histories, %.0f per second", points, operations, histories, float64(points)/time.Since(begin).Seconds())
}

// The test above is worth what it finds: on a disk that only claims to have synced, entries are lost, and it says so.
func TestCrashTestNoticesADiskThatLies(t *testing.T) {
	for name, about := range map[string]func(crashfs.Op) bool{
		"files":       crashfs.Of(crashfs.Sync),
		"directories": crashfs.Of(crashfs.SyncDir),
		"segments":    func(op crashfs.Op) bool { return op.Kind == crashfs.Sync && strings.Contains(op.Path, "segments") },
		"their names": func(op crashfs.Op) bool { return op.Kind == crashfs.SyncDir && strings.Contains(op.Path, "segments") },
		"secrets":     func(op crashfs.Op) bool { return op.Kind == crashfs.Sync && strings.Contains(op.Path, "secrets") },
	} {
		found := false
		for seed := uint64(1); seed < 9 && !found; seed++ {
			_, err := record(t, seed, crashfs.From(1, crashfs.ErrLie, about)).explore(t.Context(), 24, 0, seed)
			found = err != nil
		}
		require.True(t, found, "nobody noticed that %s are not synced", name)
	}
}
