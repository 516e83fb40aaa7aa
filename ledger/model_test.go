package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/ledger/internal/vfs/crashfs"
	"github.com/deeperpoint/csss/ledger/ledgertest"
)

// model is the log as one would explain it: a list.
type model struct {
	entries  []ledger.Append
	shredded map[string]bool
}

func (m *model) version(stream string) (n uint64) {
	for _, e := range m.entries {
		if e.Stream == stream {
			n++
		}
	}
	return n
}

func (m *model) find(key string) int {
	return slices.IndexFunc(m.entries, func(e ledger.Append) bool { return e.Key == key })
}

func (m *model) erased(a ledger.Append) bool {
	return a.Type != ledger.TypeShredded && slices.ContainsFunc(a.Subjects, func(s string) bool { return m.shredded[s] })
}

// append answers with the class of the error and whether the batch was known.
func (m *model) append(batch []ledger.Append) (known bool, want error) {
	n := 0
	for i, a := range batch {
		if slices.ContainsFunc(batch[:i], func(b ledger.Append) bool { return a.Key == b.Key }) {
			return false, ledger.ErrKeyReused
		}
		at := m.find(a.Key)
		if at < 0 {
			continue
		}
		n++
		e := m.entries[at]
		if e.Stream != a.Stream || e.Type != a.Type || !slices.Equal(e.Subjects, a.Subjects) || !m.erased(e) && string(e.Payload) != string(a.Payload) {
			return false, ledger.ErrKeyReused
		}
	}
	if n > 0 {
		if n < len(batch) {
			return false, ledger.ErrKeyReused
		}
		return true, nil
	}
	before := len(m.entries)
	for _, a := range batch {
		if have := m.version(a.Stream); a.Expect != ledger.Any && a.Expect != ledger.Exactly(have) {
			m.entries = m.entries[:before]
			return false, ledger.ErrConflict
		}
		m.entries = append(m.entries, a)
	}
	if slices.ContainsFunc(batch, m.erased) {
		m.entries = m.entries[:before]
		return false, ledger.ErrShredded
	}
	return false, nil
}

func drawAppend(t *rapid.T) ledger.Append {
	expect := rapid.SampledFrom([]ledger.Version{
		ledger.Any, ledger.Any, ledger.Any, ledger.NoStream, ledger.Exactly(1), ledger.Exactly(2), ledger.Exactly(3),
	}).Draw(t, "expect")
	return ledger.Append{
		Stream:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "stream"),
		Type:     "t",
		Key:      fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "key")),
		Expect:   expect,
		Subjects: rapid.SampledFrom([][]string{nil, nil, {"p"}, {"q"}, {"p", "q"}, {"r"}}).Draw(t, "subjects"),
		Payload:  []byte(rapid.SampledFrom([]string{"", "x"}).Draw(t, "payload")),
	}
}

// medium is a file system that a model's log lies on. Power may fail.
type medium struct{ fs *crashfs.FS }

func (m *medium) open() (ledger.Store, error) { return ledger.OpenDirOn(m.fs, folder, &tiny) }

// fail lets the power fail after an operation between from and to, and says after which.
func (m *medium) fail(t *rapid.T, from, to int) (op int) {
	op = rapid.IntRange(from, to).Draw(t, "operation")
	for p := range m.fs.Points(op) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "subset"), 1))
		for c := range p.Choices(1+random.IntN(20), random) {
			m.fs = p.Image(c) // the last one
		}
		break
	}
	return op
}

// testModel runs random commands against the list, with reopenings, failing
// commits, shreddings and audits between them, and, where there is a medium,
// with crashes.
func testModel(t *rapid.T, reopen ledgertest.Reopener, disk *medium) {
	m := &model{shredded: map[string]bool{}}
	ctx := t.Context()
	fail := func(string, int) error { return nil }
	open := func() *ledger.Log {
		s, err := reopen()
		require.NoError(t, err)
		l, err := ledger.Open(ctx, ledgertest.FaultStore(s, func(op string, n int) error { return fail(op, n) }), nil)
		require.NoError(t, err)
		return l
	}
	l := open()
	defer func() { l.Close() }()
	var checkpoints []ledger.ConsistencyProof
	shreds, first := 0, l.VerifierKey()
	commands := map[string]func(*rapid.T){
		"append": func(t *rapid.T) {
			batch := rapid.SliceOfN(rapid.Custom(drawAppend), 1, 3).Draw(t, "batch")
			first := len(m.entries)
			known, want := m.append(batch)
			receipts, err := l.Append(ctx, batch...)
			if want != nil {
				require.ErrorIs(t, err, want)
				return
			}
			require.NoError(t, err)
			for i, r := range receipts {
				require.Equal(t, known, r.Duplicate)
				index := first + i
				if known {
					index = m.find(batch[i].Key)
				}
				require.Equal(t, uint64(index), r.Index)
			}
		},
		"failing append": func(t *rapid.T) {
			a := drawAppend(t)
			at := rapid.SampledFrom([]string{ledgertest.OpCommit, ledgertest.OpCommitted}).Draw(t, "at")
			fault := errors.New("fault")
			fail = func(op string, _ int) error {
				if op == at {
					return fault
				}
				return nil
			}
			before := slices.Clone(m.entries)
			known, want := m.append([]ledger.Append{a})
			_, err := l.Append(ctx, a)
			fail = func(string, int) error { return nil }
			switch {
			case want != nil:
				require.ErrorIs(t, err, want)
				return
			case known:
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, ledger.ErrPoisoned)
			if at == ledgertest.OpCommit {
				m.entries = before
			}
			require.NoError(t, l.Close())
			l = open()
		},
		"shred": func(t *rapid.T) {
			subject := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "subject")
			shreds++
			key := fmt.Sprint("shred", shreds)
			_, err := l.Shred(ctx, subject, &ledger.ShredOptions{Key: key, Reason: "why"})
			require.NoError(t, err)
			m.shredded[subject] = true
			m.entries = append(m.entries, ledger.Append{Stream: ledger.StreamShredded, Type: ledger.TypeShredded, Key: key, Subjects: []string{subject}, Payload: []byte("why")})
		},
		"rotate": func(t *rapid.T) {
			keys := slices.DeleteFunc(l.VerifierKeys(), func(k ledger.Key) bool { return k.Retired })
			a := ledger.Append{Stream: ledger.StreamKeys, Type: ledger.TypeKeyAdded}
			var r ledger.Receipt
			var err error
			if len(keys) > 1 && (len(keys) == ledger.MaxSigners || rapid.Bool().Draw(t, "retire")) {
				a.Type, a.Key = ledger.TypeKeyRetired, rapid.SampledFrom(keys).Draw(t, "key").VerifierKey
				r, err = l.Retire(ctx, a.Key, nil)
			} else {
				r, err = l.Rotate(ctx, nil)
				a.Key = l.VerifierKey()
			}
			require.NoError(t, err)
			require.Equal(t, uint64(len(m.entries)), r.Index)
			a.Key = a.Type + "/" + a.Key
			m.entries = append(m.entries, a)
		},
		"reopen": func(*rapid.T) {
			require.NoError(t, l.Close())
			l = open()
		},
		"checkpoint": func(t *rapid.T) {
			signed, err := l.Checkpoint(ctx)
			require.NoError(t, err)
			rotations, err := l.Rotations(ctx)
			require.NoError(t, err)
			v, err := ledger.NewVerifier([]ledger.Key{{VerifierKey: first}}, nil)
			require.NoError(t, err)
			v, err = v.Follow(rotations...)
			require.NoError(t, err)
			_, err = v.Checkpoint(signed)
			require.NoError(t, err)
			require.Equal(t, l.VerifierKeys(), v.Keys())
			p, err := l.ProveConsistency(ctx, 0, l.Size())
			require.NoError(t, err)
			checkpoints = append(checkpoints, p)
		},
		"": func(t *rapid.T) {
			i := 0
			for e, err := range l.Read(ctx, ledger.Query{}) {
				require.NoError(t, err)
				a := m.entries[i]
				require.Equal(t, []string{a.Stream, a.Type, a.Key}, []string{e.Stream, e.Type, e.Key})
				require.Equal(t, a.Subjects, e.Subjects)
				require.Equal(t, m.erased(a), e.Erased)
				if !e.Erased {
					require.Equal(t, string(a.Payload), string(e.Payload))
				}
				i++
			}
			require.Equal(t, len(m.entries), i)
			for _, stream := range []string{"a", "b", "c"} {
				require.Equal(t, m.version(stream), l.StreamVersion(stream))
			}
			for _, c := range checkpoints {
				p, err := l.ProveConsistency(ctx, c.To, l.Size())
				require.NoError(t, err)
				require.NoError(t, p.Verify(c.ToRoot, p.ToRoot))
			}
			_, err := l.Verify(ctx, nil)
			require.NoError(t, err)
		},
	}
	if disk != nil {
		commands["crash"] = func(t *rapid.T) {
			disk.fail(t, disk.fs.Ops(), disk.fs.Ops())
			l.Close()
			l = open()
		}
		commands["crash in a batch"] = func(t *rapid.T) {
			batch := rapid.SliceOfN(rapid.Custom(drawAppend), 1, 3).Draw(t, "batch")
			before := slices.Clone(m.entries)
			if known, want := m.append(batch); known || want != nil {
				m.entries = before
				return
			}
			from := disk.fs.Ops()
			_, err := l.Append(ctx, batch...)
			require.NoError(t, err)
			to := disk.fs.Ops()
			op := disk.fail(t, from, to)
			l.Close()
			l = open()
			if l.Size() == uint64(len(before)) && op < to {
				m.entries = before
			}
		}
		commands["crash in a shredding"] = func(t *rapid.T) {
			subject := rapid.SampledFrom([]string{"p", "q", "r"}).Draw(t, "subject")
			shreds++
			key := fmt.Sprint("shred", shreds)
			from := disk.fs.Ops()
			_, err := l.Shred(ctx, subject, &ledger.ShredOptions{Key: key, Reason: "why"})
			require.NoError(t, err)
			to := disk.fs.Ops()
			op := disk.fail(t, from, to)
			l.Close()
			l = open()
			if l.Size() == uint64(len(m.entries)) && op < to {
				return
			}
			m.shredded[subject] = true
			m.entries = append(m.entries, ledger.Append{Stream: ledger.StreamShredded, Type: ledger.TypeShredded, Key: key, Subjects: []string{subject}, Payload: []byte("why")})
		}
	}
	t.Repeat(commands)
}

func TestMemoryLogIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := ledger.NewMemoryStore()
		testModel(t, func() (ledger.Store, error) { return s, nil }, nil)
	})
}

func TestDirLogIsAList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		disk := &medium{fs: crashfs.New()}
		testModel(t, disk.open, disk)
	})
}
