package ledger_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
)

// history is what was done to a store on a disk, with the number of the disk's
// operations before and after each step.
type history struct {
	disk    *crashfs.FS
	groups  []step // each adds to the entries and the secrets
	frames  []ledger.Frame
	erased  []step
	deleted []step
}

type step struct {
	begun, done int
	size        int // after it
	secrets     []ledger.Secret
	entries     []uint64 // erased
	name        string   // deleted
}

const never = 1 << 30

// script does a bit of everything: groups under way two at a time, segments that
// end, contents that go, secrets in groups and in files.
func script(t testing.TB, disk *crashfs.FS) *history {
	h := &history{disk: disk}
	s, err := ledger.OpenDirOn(disk, "log", &ledger.DirOptions{SegmentBytes: 2500})
	require.NoError(t, err)
	_, err = s.Recover(t.Context())
	require.NoError(t, err)
	single := h.begin(t, s, 1, "a")
	single()
	first := h.begin(t, s, 2, "b")
	second := h.begin(t, s, 1)
	first()
	third := h.begin(t, s, 3, "c", "d")
	second()
	third()
	h.erase(t, s, 1, 4)
	under := h.begin(t, s, 1)
	h.remove(t, s, "b")
	under()
	h.put(t, s, "file")
	h.begin(t, s, 2, "e")() // of a large payload
	h.remove(t, s, "file")
	h.begin(t, s, 1)
	require.NoError(t, s.Close())
	return h
}

// begin starts a group; what it returns waits for it.
func (h *history) begin(t testing.TB, s ledger.Store, entries int, secrets ...string) (wait func()) {
	b := ledger.Batch{First: uint64(len(h.frames))}
	for i := range entries {
		n := len(h.frames)
		f := ledger.Frame{
			Index: uint64(n), Leaf: fmt.Appendf(nil, "leaf %d", n), Header: bytes.Repeat([]byte{'h'}, 60+n),
			Payload: bytes.Repeat([]byte{'p', byte(n)}, 50+n*i*30),
		}
		b.Frames, h.frames = append(b.Frames, f), append(h.frames, f)
	}
	for _, name := range secrets {
		b.Secrets = append(b.Secrets, ledger.Secret{Name: name, Value: bytes.Repeat([]byte(name), 40)})
	}
	b.Head = ledger.Head{Size: uint64(len(h.frames)), Root: ledger.Hash{byte(len(h.frames))}}
	at := len(h.groups)
	h.groups = append(h.groups, step{begun: h.disk.Ops(), done: never, size: len(h.frames), secrets: b.Secrets})
	done, err := s.(ledger.Pipeliner).Begin(t.Context(), b)
	require.NoError(t, err)
	return func() {
		require.NoError(t, done())
		h.groups[at].done = h.disk.Ops()
	}
}

func (h *history) erase(t testing.TB, s ledger.Store, entries ...uint64) {
	begun := h.disk.Ops()
	require.NoError(t, s.Erase(t.Context(), entries))
	h.erased = append(h.erased, step{begun: begun, done: h.disk.Ops(), entries: entries})
}

func (h *history) remove(t testing.TB, s ledger.Store, name string) {
	begun := h.disk.Ops()
	require.NoError(t, s.DeleteSecrets(t.Context(), name))
	h.deleted = append(h.deleted, step{begun: begun, done: h.disk.Ops(), name: name})
}

func (h *history) put(t testing.TB, s ledger.Store, name string) {
	value := []byte("in a file")
	g := step{begun: h.disk.Ops(), size: len(h.frames), secrets: []ledger.Secret{{Name: name, Value: value}}}
	require.NoError(t, s.PutSecrets(t.Context(), map[string][]byte{name: value}))
	g.done = h.disk.Ops()
	h.groups = append(h.groups, g)
}

// check opens a store on what a crash after op operations left, and returns how
// many entries it has.
func (h *history) check(t testing.TB, disk *crashfs.FS, op int) (int, error) {
	s, err := ledger.OpenDirOn(disk, "log", &ledger.DirOptions{SegmentBytes: 2500})
	if err != nil {
		return 0, err
	}
	defer s.Close()
	head, err := s.Recover(t.Context())
	if err != nil {
		return 0, err
	}
	size, err := h.sizeIs(int(head.Size), op)
	if err != nil {
		return 0, err
	}
	if size > 0 && head.Root != (ledger.Hash{byte(size)}) {
		return 0, fmt.Errorf("root of %d entries is %v", size, head.Root)
	}
	i := 0
	for f, err := range s.Read(t.Context(), 0, head.Size) {
		if err != nil {
			return 0, err
		}
		if err := h.frameIs(f, i, op); err != nil {
			return 0, err
		}
		i++
	}
	if err := h.secretsAre(t, s, size, op); err != nil {
		return 0, err
	}
	return size, h.goesOn(t, s, size, op)
}

// sizeIs holds the size against what was acknowledged and what was begun.
func (h *history) sizeIs(size, op int) (int, error) {
	least := 0
	fits := size == 0
	for _, g := range h.groups {
		if g.done <= op {
			least = g.size
		}
		fits = fits || g.begun < op && g.size == size
	}
	if size < least || !fits {
		return 0, fmt.Errorf("%d entries, %d were acknowledged", size, least)
	}
	return size, nil
}

func (h *history) frameIs(f ledger.Frame, i, op int) error {
	want := h.frames[i]
	if f.Index != want.Index || !bytes.Equal(f.Leaf, want.Leaf) || !bytes.Equal(f.Header, want.Header) {
		return fmt.Errorf("entry %d is another one", i)
	}
	may, must := false, false
	for _, e := range h.erased {
		for _, index := range e.entries {
			if int(index) == i {
				may, must = e.begun < op, e.done <= op
			}
		}
	}
	whole := !f.Erased && bytes.Equal(f.Payload, want.Payload)
	half := !f.Erased && f.Payload == nil
	if must && !f.Erased || !must && !whole && !may || may && !must && !whole && !half && !f.Erased {
		return fmt.Errorf("payload of entry %d: erased %v, %d bytes", i, f.Erased, len(f.Payload))
	}
	return nil
}

func (h *history) secretsAre(t testing.TB, s ledger.Store, size, op int) error {
	for _, g := range h.groups {
		for _, secret := range g.secrets {
			may, must := g.begun < op, g.done <= op || secret.Name != "file" && g.size <= size
			for _, d := range h.deleted {
				if d.name == secret.Name && d.begun < op {
					must = false
					may = d.done > op
				}
			}
			v, ok, err := s.Secret(t.Context(), secret.Name)
			if err != nil {
				return err
			}
			if ok && !bytes.Equal(v, secret.Value) || ok && !may || !ok && must {
				return fmt.Errorf("secret %s: there %v, may be %v, must be %v", secret.Name, ok, may, must)
			}
		}
	}
	return nil
}

// goesOn finishes what was begun, adds an entry, and finds all of it again.
func (h *history) goesOn(t testing.TB, s ledger.Store, size, op int) error {
	var gone []uint64
	for _, e := range h.erased {
		for _, index := range e.entries {
			if e.begun < op && int(index) < size {
				gone = append(gone, index)
			}
		}
	}
	if err := s.Erase(t.Context(), gone); err != nil {
		return err
	}
	for _, index := range gone {
		for f, err := range s.Read(t.Context(), index, index+1) {
			if err != nil || !f.Erased {
				return fmt.Errorf("entry %d is not erased: %w", index, err)
			}
		}
	}
	for _, d := range h.deleted {
		if d.begun < op {
			if err := s.DeleteSecrets(t.Context(), d.name); err != nil {
				return err
			}
			if _, ok, err := s.Secret(t.Context(), d.name); ok || err != nil {
				return fmt.Errorf("secret %s is still there: %w", d.name, err)
			}
		}
	}
	leaf := []byte("afterwards")
	b := ledger.Batch{First: uint64(size), Head: ledger.Head{Size: uint64(size) + 1, Root: ledger.Hash{200}}}
	b.Frames = []ledger.Frame{{Index: uint64(size), Leaf: leaf, Header: bytes.Repeat([]byte("x"), 60+size), Payload: bytes.Repeat([]byte("y"), 50)}}
	if err := s.Commit(t.Context(), b); err != nil {
		return err
	}
	for f, err := range s.Read(t.Context(), uint64(size), uint64(size)+1) {
		if err != nil || !bytes.Equal(f.Leaf, leaf) {
			return fmt.Errorf("new entry is not there: %w", err)
		}
	}
	return nil
}

// Whatever a loss of power leaves: what was acknowledged is there, batches are
// whole, what was erased stays erased, and the store goes on; also when the power
// goes again while it recovers.
func TestDirStoreSurvivesEveryCrash(t *testing.T) {
	perPoint, again := 200, 4
	if testing.Short() {
		perPoint, again = 4, 1
	}
	disk := crashfs.New()
	h := script(t, disk)
	var count atomic.Int64
	n, err := disk.Explore(t.Context(), crashfs.Search{PerPoint: perPoint, Seed: 1}, func(p *crashfs.Point, c crashfs.Choice) error {
		image := p.Image(c)
		size, err := h.check(t, image, p.Op)
		if err != nil {
			return err
		}
		if count.Add(1)%10 != 0 {
			return nil
		}
		_, err = image.Explore(t.Context(), crashfs.Search{PerPoint: again, Workers: 1, Seed: 2}, func(q *crashfs.Point, c crashfs.Choice) error {
			after := q.Image(c)
			s, err := ledger.OpenDirOn(after, "log", nil)
			if err != nil {
				return err
			}
			defer s.Close()
			head, err := s.Recover(t.Context())
			if err != nil {
				return err
			}
			if int(head.Size) != size && int(head.Size) != size+1 {
				return fmt.Errorf("%d entries after a second crash, %d after the first", head.Size, size)
			}
			return nil
		})
		return err
	})
	require.NoError(t, err)
	t.Logf("%d crashes", n)
}

// reopen opens the store on a disk again.
func reopen(t testing.TB, disk *crashfs.FS) ledger.Store {
	s, err := ledger.OpenDirOn(disk, "log", &ledger.DirOptions{SegmentBytes: 2500})
	require.NoError(t, err)
	_, err = s.Recover(t.Context())
	require.NoError(t, err)
	return s
}

// The slots of the head are not synced, so a crash may tear several of them; one
// is whole all the same, also when the process was killed before and what it
// wrote was still in the cache.
func TestDirStoreRemembersThroughTornHeads(t *testing.T) {
	disk := crashfs.New()
	h := &history{disk: disk}
	dirty, made := map[int64]bool{}, false // slots that a crash may tear
	disk.SetRule(func(op crashfs.Op) error {
		switch {
		case op.Path != "log/head":
		case op.Kind == crashfs.Sync:
			clear(dirty)
			made = true
		case op.Kind == crashfs.Write:
			dirty[op.Offset/512] = true
			assert.True(t, !made || len(dirty) < 3, "no slot is safe")
		}
		return nil
	})
	for range 3 {
		s := reopen(t, disk)
		for range 4 {
			h.begin(t, s, 1)()
		}
		disk.Kill()
		_ = s.Close()
	}
	require.True(t, made)
	for seed := range uint64(4) {
		_, err := disk.Explore(t.Context(), crashfs.Search{PerPoint: 7, Seed: seed}, func(p *crashfs.Point, c crashfs.Choice) error {
			_, err := h.check(t, p.Image(c), p.Op)
			return err
		})
		require.NoError(t, err)
	}
}

// After a sync that failed, the cache may hold what never comes to the disk. A
// batch that is found whole when the store is opened again is there for good.
func TestDirStoreWritesAgainWhatAFailedSyncLeft(t *testing.T) {
	disk := crashfs.New()
	h := &history{disk: disk}
	s := reopen(t, disk)
	h.begin(t, s, 1)()
	disk.SetRule(crashfs.Nth(1, syscall.EIO, crashfs.Of(crashfs.Sync)))
	first, err := s.(ledger.Pipeliner).Begin(t.Context(), at(batchOf(1, 2), 1))
	require.NoError(t, err)
	second, err := s.(ledger.Pipeliner).Begin(t.Context(), at(batchOf(3, 1), 3))
	require.NoError(t, err)
	for _, wait := range []func() error{first, second} {
		err := wait()
		require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	}
	syncs := disk.Ops()
	require.ErrorIs(t, s.Commit(t.Context(), at(batchOf(4, 1), 4)), ledger.ErrPoisoned)
	require.Equal(t, syncs, disk.Ops(), "nothing is written or synced any more")
	require.NoError(t, s.Close())
	require.Equal(t, syncs, disk.Ops())

	s = reopen(t, disk)
	defer s.Close()
	require.NoError(t, s.Commit(t.Context(), at(batchOf(4, 1), 4)), "the two batches were whole in the cache")
	for p := range disk.Points(disk.Ops()) {
		for c := range p.Choices(200, rand.New(rand.NewPCG(1, 1))) {
			again := reopen(t, p.Image(c))
			n := uint64(0)
			for f, err := range again.Read(t.Context(), 1, 5) {
				require.NoError(t, err)
				n++
				require.Equal(t, n, f.Index)
			}
			require.Equal(t, uint64(4), n)
			require.NoError(t, again.Close())
		}
	}
}

// Nothing is left of a torn batch, so that nothing of it can come back.
func TestDirStoreLeavesNothingOfATornBatch(t *testing.T) {
	disk := crashfs.New()
	s := reopen(t, disk)
	require.NoError(t, s.Commit(t.Context(), batchOf(0, 1)))
	disk.SetRule(crashfs.Nth(1, &crashfs.Short{Bytes: 700, Err: syscall.EIO}, crashfs.Of(crashfs.Write)))
	torn := batchOf(1, 3)
	err := s.Commit(t.Context(), torn)
	require.ErrorIs(t, err, ledger.ErrUnknownOutcome)
	require.ErrorIs(t, err, syscall.EIO)
	require.NoError(t, s.Close())
	needle := torn.Frames[0].Leaf[:40]
	require.NotEmpty(t, disk.Contains(needle))
	s = reopen(t, disk)
	require.Empty(t, disk.Contains(needle))
	require.NoError(t, s.Close())
}
