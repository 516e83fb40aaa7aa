// Package ledgertest is the contract of the ledger.Store seam as a test suite,
// and a store that fails on command.
//
// [Run] drives a store the way a log does and by hand: order, expected
// versions, idempotency, atomic batches, queries, subscriptions, proofs,
// shredding, reopening, the store's own promises on heads, fences, secrets and
// erasure, and those of the optional interfaces it has. Every store passes it; a
// store's own crashes and damages are for its own tests.
// [FaultStore] makes any store fail at a chosen call, for the tests of those who
// build on a log and must fail closed.
package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/deeperpoint/csss/ledger"
)

// Reopener opens the same storage each time it is called. The suite closes one
// store before it asks for the next, unless the store is a [ledger.Follower].
type Reopener func() (ledger.Store, error)

// Run runs the suite. open makes new, empty storage and returns its Reopener;
// it is called once per subtest.
func Run(t *testing.T, open func(t *testing.T) Reopener) {
	t.Helper()
	for _, test := range []struct {
		name string
		run  func(*fixture)
	}{
		{"Order", testOrder},
		{"EngineTime", testEngineTime},
		{"ExpectedVersions", testExpectedVersions},
		{"Idempotency", testIdempotency},
		{"AtomicBatches", testAtomicBatches},
		{"Limits", testLimits},
		{"Reads", testReads},
		{"Proofs", testProofs},
		{"Receipts", testReceipts},
		{"Shredding", testShredding},
		{"SharedSubjects", testSharedSubjects},
		{"ShreddingResumes", testShreddingResumes},
		{"Reopening", testReopening},
		{"FailedCommit", testFailedCommit},
		{"UnknownOutcome", testUnknownOutcome},
		{"Concurrency", testConcurrency},
		{"Closed", testClosed},
		{"StoreFence", testStoreFence},
		{"StoreSecrets", testStoreSecrets},
		{"Queries", testQueries},
		{"Subscription", testSubscription},
		{"StoreErase", testStoreErase},
		{"StorePipeline", testStorePipeline},
		{"StoreCache", testStoreCache},
		{"StoreFollow", testStoreFollow},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.run(&fixture{T: t, reopen: open(t)})
		})
	}
}

// fixture is one subtest with its storage.
type fixture struct {
	*testing.T
	reopen Reopener
}

func (f *fixture) store() ledger.Store {
	f.Helper()
	s, err := f.reopen()
	f.must(err)
	return s
}

func (f *fixture) open() *ledger.Log {
	f.Helper()
	return f.openOn(f.store())
}

func (f *fixture) openOn(s ledger.Store) *ledger.Log {
	f.Helper()
	l, err := ledger.Open(f.Context(), s, nil)
	f.must(err)
	f.Cleanup(func() { l.Close() })
	return l
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatalf("unexpected error: %v", err)
	}
}

func (f *fixture) is(err, want error) {
	f.Helper()
	if !errors.Is(err, want) {
		f.Fatalf("error is %v, want %v", err, want)
	}
}

func (f *fixture) equal(what string, got, want any) {
	f.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		f.Fatalf("%s is %s, want %s", what, g, w)
	}
}

func (f *fixture) append(l *ledger.Log, entries ...ledger.Append) []ledger.Receipt {
	f.Helper()
	r, err := l.Append(f.Context(), entries...)
	f.must(err)
	return r
}

// entry is an append with a payload that tells entries apart.
func entry(stream, key string) ledger.Append {
	return ledger.Append{Stream: stream, Type: "noted", Key: key, Payload: []byte("payload of " + key)}
}

func (f *fixture) read(l *ledger.Log) []ledger.Entry {
	f.Helper()
	var out []ledger.Entry
	for e, err := range l.Read(f.Context(), ledger.Query{}) {
		f.must(err)
		out = append(out, e)
	}
	return out
}

func (f *fixture) verify(l *ledger.Log) ledger.Findings {
	f.Helper()
	findings, err := l.Verify(f.Context(), nil)
	f.must(err)
	f.equal("size of the audit", findings.Size, l.Size())
	return findings
}

func testOrder(f *fixture) {
	l := f.open()
	want := []string{"c", "a", "b", "e", "d"}
	r := f.append(l, entry("s1", "c"), entry("s2", "a"), entry("s1", "b"))
	r = append(r, f.append(l, entry("s2", "e"), entry("s2", "d"))...)
	for i, e := range f.read(l) {
		f.equal("key", e.Key, want[i])
		f.equal("index", e.Index, i)
		f.equal("receipt's index", r[i].Index, i)
		f.equal("stream version", e.StreamVersion, r[i].StreamVersion)
		f.equal("leaf", e.Leaf, r[i].Leaf)
	}
	f.equal("versions", []uint64{r[0].StreamVersion, r[1].StreamVersion, r[2].StreamVersion, r[3].StreamVersion, r[4].StreamVersion}, []uint64{1, 1, 2, 2, 3})
	f.equal("size", l.Size(), 5)
	f.verify(l)
}

func testEngineTime(f *fixture) {
	l := f.open()
	claimed := time.Date(1999, 12, 31, 23, 59, 59, 5, time.FixedZone("", 3600))
	a := entry("s", "a")
	a.Time = claimed
	r := f.append(l, a, entry("s", "b"), entry("s", "c"))
	r = append(r, f.append(l, entry("s", "d"))...)
	for i := 1; i < len(r); i++ {
		if !r[i].Time.After(r[i-1].Time) {
			f.Fatalf("engine time %v does not follow %v", r[i].Time, r[i-1].Time)
		}
	}
	got := f.read(l)
	if !got[0].Claimed.Equal(claimed) || !got[1].Claimed.IsZero() || !got[3].Time.Equal(r[3].Time) {
		f.Fatalf("times do not come back: %v, %v, %v", got[0].Claimed, got[1].Claimed, got[3].Time)
	}
}

func testExpectedVersions(f *fixture) {
	l := f.open()
	with := func(key string, v ledger.Version) ledger.Append {
		a := entry("s", key)
		a.Expect = v
		return a
	}
	f.append(l, with("1", ledger.NoStream), with("2", ledger.Exactly(1)), with("3", ledger.Any))
	for _, v := range []ledger.Version{ledger.NoStream, ledger.Exactly(2), ledger.Exactly(4), ledger.Exactly(1<<64 - 1)} {
		_, err := l.Append(f.Context(), with("4", v))
		f.is(err, ledger.ErrConflict)
		conflict, ok := errors.AsType[*ledger.ConflictError](err)
		if !ok || conflict.Have != 3 || conflict.Want != v || conflict.Entry != 0 {
			f.Fatalf("conflict is %+v", conflict)
		}
	}
	f.equal("size", l.Size(), 3)
	f.append(l, with("4", ledger.Exactly(3)))
	f.equal("version", l.StreamVersion("s"), 4)
	f.equal("version of an unknown stream", l.StreamVersion("t"), 0)
}

func testIdempotency(f *fixture) {
	l := f.open()
	a, b := entry("s", "a"), entry("t", "b")
	a.Expect, a.Subjects = ledger.NoStream, []string{"x", "y", "x"}
	first := f.append(l, a, b)
	a.Time, a.Subjects = time.Now(), []string{"y", "x"}
	again := f.append(l, a, b)
	for i := range first {
		want := first[i]
		want.Duplicate = true
		f.equal("repeated receipt", again[i], want)
	}
	one := f.append(l, b)
	if !one[0].Duplicate || one[0].Index != 1 {
		f.Fatalf("one of the batch alone is %+v", one[0])
	}
	for what, change := range map[string]func(*ledger.Append){
		"stream":   func(e *ledger.Append) { e.Stream = "u" },
		"type":     func(e *ledger.Append) { e.Type = "changed" },
		"subjects": func(e *ledger.Append) { e.Subjects = nil },
		"payload":  func(e *ledger.Append) { e.Payload = []byte("other") },
	} {
		other := a
		change(&other)
		_, err := l.Append(f.Context(), other)
		f.is(err, ledger.ErrKeyReused)
		if e, ok := errors.AsType[*ledger.KeyReusedError](err); !ok || e.What != what || e.First != 0 {
			f.Fatalf("changed %s: %+v", what, e)
		}
	}
	_, err := l.Append(f.Context(), b, entry("t", "new"))
	f.is(err, ledger.ErrKeyReused)
	_, err = l.Append(f.Context(), entry("t", "n"), entry("t", "n"))
	f.is(err, ledger.ErrKeyReused)
	f.equal("size", l.Size(), 2)
	r, ok, err := l.ByKey(f.Context(), "b")
	f.must(err)
	if !ok || r.Index != 1 || r.Duplicate || r.Leaf != first[1].Leaf {
		f.Fatalf("by key: %+v, %v", r, ok)
	}
	if _, ok, err := l.ByKey(f.Context(), "new"); ok || err != nil {
		f.Fatalf("unknown key: %v, %v", ok, err)
	}
}

func testAtomicBatches(f *fixture) {
	l := f.open()
	f.append(l, entry("s", "0"))
	bad := entry("t", "3")
	bad.Expect = ledger.Exactly(1)
	root := f.verify(l).Root
	_, err := l.Append(f.Context(), entry("s", "1"), entry("u", "2"), bad)
	f.is(err, ledger.ErrConflict)
	f.equal("root after a refused batch", f.verify(l).Root, root)
	f.equal("size", l.Size(), 1)
	f.equal("version", l.StreamVersion("u"), 0)
	for _, key := range []string{"1", "2", "3"} {
		if _, ok, _ := l.ByKey(f.Context(), key); ok {
			f.Fatalf("key %s of a refused batch is taken", key)
		}
	}
	if r, err := l.Append(f.Context()); err != nil || len(r) != 0 {
		f.Fatalf("empty batch: %v, %v", r, err)
	}
	cancelled, cancel := context.WithCancel(f.Context())
	cancel()
	_, err = l.Append(cancelled, entry("s", "1"))
	f.is(err, context.Canceled)
	f.append(l, entry("s", "1"))
}

func testLimits(f *fixture) {
	l := f.open()
	for _, field := range []string{"Stream", "Type", "Key"} {
		a := entry("s", "k")
		*map[string]*string{"Stream": &a.Stream, "Type": &a.Type, "Key": &a.Key}[field] = ""
		_, err := l.Append(f.Context(), entry("s", "other"), a)
		f.is(err, ledger.ErrInvalid)
		if e, ok := errors.AsType[*ledger.InvalidError](err); !ok || e.Field != field || e.Entry != 1 {
			f.Fatalf("empty %s: %v", field, err)
		}
	}
	big := entry("s", "big")
	big.Payload = make([]byte, ledger.MaxPayload+1)
	_, err := l.Append(f.Context(), big)
	f.is(err, ledger.ErrTooLarge)
	if e, ok := errors.AsType[*ledger.TooLargeError](err); !ok || e.Limit != ledger.MaxPayload {
		f.Fatalf("payload above the limit: %v", err)
	}
	_, err = l.Append(f.Context(), make([]ledger.Append, ledger.MaxBatch+1)...)
	f.is(err, ledger.ErrTooLarge)
	reserved := entry("s", "r")
	reserved.Type = ledger.TypeShredded
	_, err = l.Append(f.Context(), reserved)
	f.is(err, ledger.ErrInvalid)
	f.equal("size", l.Size(), 0)
	big.Payload = big.Payload[:ledger.MaxPayload]
	empty := entry("s", "empty")
	empty.Payload = nil
	f.append(l, big, empty)
	got := f.read(l)
	if len(got[0].Payload) != ledger.MaxPayload || got[1].Payload == nil || len(got[1].Payload) != 0 {
		f.Fatalf("payloads of %d and %d bytes", len(got[0].Payload), len(got[1].Payload))
	}
}

func testReads(f *fixture) {
	l := f.open()
	var batch []ledger.Append
	for i := range 20 {
		batch = append(batch, entry(fmt.Sprint("s", i%3), fmt.Sprint(i)), entry("all", fmt.Sprint("all", i)))
	}
	f.append(l, batch[:25]...)
	f.append(l, batch[25:]...)
	var keys []string
	for e, err := range l.Read(f.Context(), ledger.Query{Stream: "s1", After: 2}) {
		f.must(err)
		keys = append(keys, e.Key)
		f.equal("payload", string(e.Payload), "payload of "+e.Key)
	}
	f.equal("stream above version 2", keys, []string{"7", "10", "13", "16", "19"})
	for _, after := range []uint64{7, 8, 1<<64 - 1} {
		for e, err := range l.Read(f.Context(), ledger.Query{Stream: "s1", After: after}) {
			f.Fatalf("read behind the end: %v, %v", e.Key, err)
		}
	}
	for e, err := range l.Read(f.Context(), ledger.Query{Stream: "none"}) {
		f.Fatalf("read of no stream: %v, %v", e.Key, err)
	}
	n := 0
	for e, err := range l.Read(f.Context(), ledger.Query{From: 31}) {
		f.must(err)
		f.equal("index", e.Index, 31+n)
		if n++; n == 3 {
			break
		}
	}
	f.equal("entries before the break", n, 3)
	for e, err := range l.Read(f.Context(), ledger.Query{From: 40}) {
		f.Fatalf("read behind the end: %v, %v", e.Key, err)
	}
	cancelled, cancel := context.WithCancel(f.Context())
	cancel()
	for _, err := range l.Read(cancelled, ledger.Query{}) {
		f.is(err, context.Canceled)
	}
}

func testProofs(f *fixture) {
	l := f.open()
	const n = 33
	roots := map[uint64]ledger.Hash{}
	for size := uint64(0); size < n; { // in growing batches
		var batch []ledger.Append
		for len(batch) <= int(size/2) && size+uint64(len(batch)) < n {
			batch = append(batch, entry("s", fmt.Sprint(size, "/", len(batch))))
		}
		f.append(l, batch...)
		for ; size < l.Size(); size++ {
			p, err := l.Prove(f.Context(), 0, size+1)
			f.must(err)
			roots[size+1] = p.Root
		}
	}
	for size := uint64(1); size <= n; size++ {
		for index := range size {
			p, err := l.Prove(f.Context(), index, size)
			f.must(err)
			f.must(p.Verify(roots[size]))
			f.is(p.Verify(roots[size%n+1]), ledger.ErrProof)
		}
		for from := range size + 1 {
			p, err := l.ProveConsistency(f.Context(), from, size)
			f.must(err)
			f.must(p.Verify(p.FromRoot, roots[size]))
			if from > 0 {
				f.equal("earlier root", p.FromRoot, roots[from])
			}
			if from > 0 && from < size {
				f.is(p.Verify(p.ToRoot, p.FromRoot), ledger.ErrProof)
			}
		}
	}
	_, err := l.Prove(f.Context(), 0, n+1)
	f.is(err, ledger.ErrRange)
	_, err = l.Prove(f.Context(), 5, 5)
	f.is(err, ledger.ErrRange)
	_, err = l.ProveConsistency(f.Context(), 6, 5)
	f.is(err, ledger.ErrRange)
	_, err = l.ExportReceipt(f.Context(), n)
	f.is(err, ledger.ErrRange)
}

func testReceipts(f *fixture) {
	l := f.open()
	f.append(l, entry("s", "a"), entry("s", "b"), entry("s", "c"))
	file, err := l.ExportReceipt(f.Context(), 1)
	f.must(err)
	f.append(l, entry("s", "d"))
	info, err := ledger.VerifyReceipt(file, l.VerifierKey())
	f.must(err)
	e := f.read(l)[1]
	f.equal("receipt's place", []uint64{info.Index, info.Size}, []uint64{1, 3})
	if info.Leaf != e.Leaf || !info.Time.Equal(e.Time) || info.Origin != l.Name() {
		f.Fatalf("receipt says %+v", info)
	}
	opening, err := l.OpenPayload(f.Context(), 1)
	f.must(err)
	if !info.Opens(opening) || !bytes.Equal(opening.Payload, e.Payload) {
		f.Fatal("opening does not fit the receipt")
	}
	opening.Payload = []byte("payload of c")
	if info.Opens(opening) {
		f.Fatal("another payload fits the receipt")
	}
	stranger, err := ledger.OpenMemory(nil)
	f.must(err)
	defer stranger.Close()
	_, err = ledger.VerifyReceipt(file, stranger.VerifierKey())
	f.is(err, ledger.ErrReceipt)
}

func testShredding(f *fixture) {
	l := f.open()
	a, b := entry("s", "a"), entry("s", "b")
	a.Subjects = []string{"p"}
	b.Subjects = []string{"q"}
	f.append(l, a, b, entry("s", "c"))
	file, err := l.ExportReceipt(f.Context(), 0)
	f.must(err)
	before := f.verify(l)
	r, err := l.Shred(f.Context(), "p", &ledger.ShredOptions{Key: "shred-1", Reason: "asked for"})
	f.must(err)
	f.equal("receipt of the shredding", []any{r.Index, r.Duplicate}, []any{3, false})
	again, err := l.Shred(f.Context(), "p", &ledger.ShredOptions{Key: "shred-1", Reason: "asked for"})
	f.must(err)
	f.equal("repeated shredding", []any{again.Index, again.Duplicate}, []any{3, true})
	_, err = l.Shred(f.Context(), "q", &ledger.ShredOptions{Key: "shred-1", Reason: "asked for"})
	f.is(err, ledger.ErrKeyReused)

	check := func(l *ledger.Log) {
		f.Helper()
		got := f.read(l)
		if !got[0].Erased || got[0].Payload != nil || got[0].Key != "a" {
			f.Fatalf("shredded entry reads %+v", got[0])
		}
		f.equal("payload of another subject", string(got[1].Payload), "payload of b")
		f.equal("payload of no subject", string(got[2].Payload), "payload of c")
		f.equal("shredding", []any{got[3].Type, got[3].Subjects, string(got[3].Payload), got[3].Erased}, []any{ledger.TypeShredded, []string{"p"}, "asked for", false})
		_, err := ledger.VerifyReceipt(file, l.VerifierKey())
		f.must(err)
		f.equal("erased entries", f.verify(l).Erased, 1)
		p, err := l.ProveConsistency(f.Context(), 3, 4)
		f.must(err)
		f.equal("root from before", p.FromRoot, before.Root)
		_, err = l.OpenPayload(f.Context(), 0)
		f.is(err, ledger.ErrShredded)
		_, err = l.Append(f.Context(), ledger.Append{Stream: "s", Type: "noted", Key: "late", Subjects: []string{"q", "p"}})
		f.is(err, ledger.ErrShredded)
		a.Payload = []byte("nobody can compare any more")
		dup := f.append(l, a)
		f.equal("repetition of a shredded entry", []any{dup[0].Index, dup[0].Duplicate}, []any{0, true})
	}
	check(l)
	f.must(l.Close())
	l = f.open()
	check(l)
	_, err = l.Shred(f.Context(), "never seen", &ledger.ShredOptions{Key: "shred-2"})
	f.must(err)
	_, err = l.Append(f.Context(), ledger.Append{Stream: "s", Type: "noted", Key: "late", Subjects: []string{"never seen"}})
	f.is(err, ledger.ErrShredded)
}

func testSharedSubjects(f *fixture) {
	l := f.open()
	both, one := entry("s", "both"), entry("s", "one")
	both.Subjects = []string{"p", "q"}
	one.Subjects = []string{"p"}
	f.append(l, both, one)
	_, err := l.Shred(f.Context(), "q", &ledger.ShredOptions{Key: "k"})
	f.must(err)
	for range 2 {
		got := f.read(l)
		if !got[0].Erased || got[0].Payload != nil || got[1].Erased {
			f.Fatalf("erased are %v and %v", got[0].Erased, got[1].Erased)
		}
		f.verify(l)
		f.must(l.Close())
		l = f.open()
	}
}

// testShreddingResumes cuts a shredding off between the entry and the
// destruction of the key, and of the payloads.
func testShreddingResumes(f *fixture) {
	cut := errors.New("cut")
	var names []string // of the subjects' keys, as the store got them
	for i, op := range []string{OpDeleteSecrets, OpErase} {
		f.reopenWith(func(l *ledger.Log) {
			a := entry("s", fmt.Sprint("a", i))
			a.Subjects = []string{fmt.Sprint("p", i)}
			f.append(l, a)
		}, nil, &names)
		f.equal("keys of subjects", len(names), i+1)
		f.reopenWith(func(l *ledger.Log) {
			_, err := l.Shred(f.Context(), fmt.Sprint("p", i), &ledger.ShredOptions{Key: fmt.Sprint("k", i)})
			f.is(err, cut)
			for e, err := range l.Read(f.Context(), ledger.Query{Stream: "s", After: uint64(i)}) {
				f.must(err)
				f.equal("erased at once", e.Erased, true)
			}
		}, func(at string, _ int) error {
			if at == op {
				return cut
			}
			return nil
		})
		before := f.store()
		head, err := before.Recover(f.Context())
		f.must(err)
		f.must(before.Close())
		f.reopenWith(func(l *ledger.Log) {
			f.equal("size", l.Size(), head.Size)
			f.equal("erased", f.verify(l).Erased, i+1)
		}, nil)
		s := f.store()
		_, err = s.Recover(f.Context())
		f.must(err)
		for _, name := range names {
			if _, left, err := s.Secret(f.Context(), name); left || err != nil {
				f.Fatalf("key of a shredded subject is left: %v, %v", name, err)
			}
		}
		for frame, err := range s.Read(f.Context(), head.Size-2, head.Size-1) {
			f.must(err)
			if !frame.Erased || frame.Payload != nil {
				f.Fatal("ciphertext of a shredded subject is left")
			}
		}
		f.must(s.Close())
	}
}

// reopenWith opens the log on a store that may fail, and closes it after use.
func (f *fixture) reopenWith(use func(*ledger.Log), fail func(string, int) error, names ...*[]string) {
	f.Helper()
	s := f.store()
	for _, names := range names {
		s = &secretNames{Store: s, names: names}
	}
	if fail != nil {
		s = FaultStore(s, fail)
	}
	l := f.openOn(s)
	use(l)
	f.must(l.Close())
}

// secretNames remembers the names of the secrets that come with batches.
type secretNames struct {
	ledger.Store
	names *[]string
}

func (s *secretNames) Commit(ctx context.Context, b ledger.Batch) error {
	for _, secret := range b.Secrets {
		*s.names = append(*s.names, secret.Name)
	}
	return s.Store.Commit(ctx, b)
}

func testReopening(f *fixture) {
	l := f.open()
	a := entry("s", "a")
	a.Subjects = []string{"p"}
	first := f.append(l, a, entry("t", "b"))
	checkpoint, err := l.Checkpoint(f.Context())
	f.must(err)
	want, vkey := f.read(l), l.VerifierKey()
	f.must(l.Close())

	l = f.open()
	f.equal("entries after reopening", f.read(l), want)
	f.equal("public key", l.VerifierKey(), vkey)
	same, err := l.Checkpoint(f.Context())
	f.must(err)
	f.equal("checkpoint", string(same), string(checkpoint))
	dup := f.append(l, a)
	f.equal("key after reopening", []any{dup[0].Index, dup[0].Duplicate}, []any{0, true})
	stale := entry("s", "c")
	stale.Expect = ledger.NoStream
	_, err = l.Append(f.Context(), stale)
	f.is(err, ledger.ErrConflict)
	stale.Expect = ledger.Exactly(1)
	r := f.append(l, stale)
	if !r[0].Time.After(first[1].Time) || r[0].StreamVersion != 2 {
		f.Fatalf("append after reopening is %+v", r[0])
	}
	f.must(l.Close())

	trusted, err := ledger.Open(f.Context(), f.store(), &ledger.Options{Trusted: checkpoint})
	f.must(err)
	f.must(trusted.Close())
	other, err := ledger.OpenMemory(nil)
	f.must(err)
	defer other.Close()
	foreign, err := other.Checkpoint(f.Context())
	f.must(err)
	_, err = ledger.Open(f.Context(), f.store(), &ledger.Options{Trusted: foreign})
	f.is(err, ledger.ErrCorrupt)
	f.verify(f.open())
}

func testFailedCommit(f *fixture) {
	cause := errors.New("no space left")
	f.reopenWith(func(l *ledger.Log) {
		f.append(l, entry("s", "a"))
		_, err := l.Append(f.Context(), entry("s", "b"))
		f.is(err, ledger.ErrPoisoned)
		f.is(err, cause)
		for range 2 {
			_, err = l.Append(f.Context(), entry("s", "c"))
			f.is(err, ledger.ErrPoisoned)
			_, err = l.Shred(f.Context(), "p", &ledger.ShredOptions{Key: "d"})
			f.is(err, ledger.ErrPoisoned)
		}
		f.equal("entries of a poisoned log", len(f.read(l)), 1)
		f.verify(l)
	}, FailCommit(2, false, cause))
	f.reopenWith(func(l *ledger.Log) {
		f.equal("size", l.Size(), 1)
		r := f.append(l, entry("s", "b"))
		f.equal("retry", []any{r[0].Index, r[0].Duplicate}, []any{1, false})
		f.verify(l)
	}, nil)
}

func testUnknownOutcome(f *fixture) {
	lost := fmt.Errorf("connection lost: %w", ledger.ErrUnknownOutcome)
	f.reopenWith(func(l *ledger.Log) {
		_, err := l.Append(f.Context(), entry("s", "a"), entry("s", "b"))
		f.is(err, ledger.ErrUnknownOutcome)
		f.is(err, ledger.ErrPoisoned)
		f.equal("size", l.Size(), 0)
	}, FailCommit(1, true, lost))
	f.reopenWith(func(l *ledger.Log) {
		r, ok, err := l.ByKey(f.Context(), "b")
		f.must(err)
		f.equal("settled", []any{r.Index, ok}, []any{1, true})
		again := f.append(l, entry("s", "a"), entry("s", "b"))
		f.equal("duplicate", again[1].Duplicate, true)
		f.verify(l)
	}, nil)
}

// testConcurrency lets writers race for versions and keys beside readers.
func testConcurrency(f *fixture) {
	const writers, rounds = 4, 5
	l := f.open()
	var wg sync.WaitGroup
	var won sync.Map
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				race := entry("race", fmt.Sprint("race-", w, "-", i))
				race.Expect = ledger.Exactly(uint64(i))
				_, err := l.Append(f.Context(), race)
				switch {
				case err == nil:
					if other, twice := won.LoadOrStore(i, w); twice {
						f.Errorf("version %d was won by %v and %d", i, other, w)
					}
				case !errors.Is(err, ledger.ErrConflict):
					f.Error(err)
				}
				if _, err := l.Append(f.Context(), ledger.Append{Stream: "same", Type: "noted", Key: fmt.Sprint("same-", i)}); err != nil {
					f.Error(err)
				}
			}
		})
		wg.Go(func() {
			for range rounds {
				next := uint64(0)
				for e, err := range l.Read(f.Context(), ledger.Query{}) {
					if err != nil || e.Index != next {
						f.Errorf("read %d at %d: %v", e.Index, next, err)
						return
					}
					next++
				}
				if size := l.Size(); size > 0 {
					p, err := l.Prove(f.Context(), size/2, size)
					if err == nil {
						err = p.Verify(p.Root)
					}
					if err != nil {
						f.Error(err)
					}
					if _, err := l.Checkpoint(f.Context()); err != nil {
						f.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	f.equal("version of the contested stream is at least one", l.StreamVersion("race") > 0, true)
	f.equal("entries with shared keys", l.StreamVersion("same"), rounds)
	f.verify(l)
}

func testClosed(f *fixture) {
	l := f.open()
	f.append(l, entry("s", "a"))
	f.must(l.Close())
	f.must(l.Close())
	_, err := l.Append(f.Context(), entry("s", "b"))
	f.is(err, ledger.ErrClosed)
	_, _, err = l.ByKey(f.Context(), "a")
	f.is(err, ledger.ErrClosed)
	_, err = l.Checkpoint(f.Context())
	f.is(err, ledger.ErrClosed)
	_, err = l.Verify(f.Context(), nil)
	f.is(err, ledger.ErrClosed)
	for _, err := range l.Read(f.Context(), ledger.Query{}) {
		f.is(err, ledger.ErrClosed)
	}
}

func testStoreFence(f *fixture) {
	s := f.store()
	defer s.Close()
	head, err := s.Recover(f.Context())
	f.must(err)
	f.equal("size of a new store", head.Size, 0)
	batch := ledger.Batch{First: 1, Frames: []ledger.Frame{{Index: 1, Leaf: []byte("l")}}, Head: ledger.Head{Size: 2}}
	f.is(s.Commit(f.Context(), batch), ledger.ErrFenced)
	batch = ledger.Batch{First: 0, Frames: []ledger.Frame{{Index: 0, Leaf: []byte("l"), Header: []byte("h"), Payload: []byte("p")}}, Head: ledger.Head{Size: 1, Root: ledger.Hash{1}}}
	f.must(s.Commit(f.Context(), batch))
	f.is(s.Commit(f.Context(), batch), ledger.ErrFenced)
	for frame, err := range s.Read(f.Context(), 0, 1) {
		f.must(err)
		f.equal("frame", frame, batch.Frames[0])
	}
	for _, err := range s.Read(f.Context(), 1, 2) {
		if err == nil {
			f.Fatal("a frame behind the end")
		}
	}
	f.must(s.Close())
	s = f.store()
	defer s.Close()
	again, err := s.Recover(f.Context())
	f.must(err)
	f.equal("head after reopening", again, batch.Head)
}

func testStoreSecrets(f *fixture) {
	s := f.store()
	_, err := s.Recover(f.Context())
	f.must(err)
	f.must(s.PutSecrets(f.Context(), map[string][]byte{"one": []byte("1"), "two-2.x": {}, "three": []byte("3")}))
	f.must(s.PutSecrets(f.Context(), map[string][]byte{"one": []byte("one")}))
	f.must(s.PutSecrets(f.Context(), map[string][]byte{"four": []byte("4"), "one": []byte("ONE")}))
	f.must(s.PutSecrets(f.Context(), map[string][]byte{"one": []byte("one")}))
	f.must(s.DeleteSecrets(f.Context(), "three", "unknown"))
	f.must(s.DeleteSecrets(f.Context(), "four"))
	f.must(s.Commit(f.Context(), ledger.Batch{
		Frames:  []ledger.Frame{{Leaf: []byte("l")}},
		Secrets: []ledger.Secret{{Name: "with", Value: []byte("a batch")}},
		Head:    ledger.Head{Size: 1, Root: ledger.Hash{1}},
	}))
	for range 2 {
		want := map[string]string{"one": "one", "two-2.x": "", "with": "a batch"}
		for _, name := range []string{"one", "two-2.x", "three", "four", "with", "unknown"} {
			got, ok, err := s.Secret(f.Context(), name)
			f.must(err)
			value, there := want[name]
			f.equal("secret "+name, []any{string(got), ok}, []any{value, there})
		}
		f.must(s.Close())
		s = f.store()
		_, err = s.Recover(f.Context())
		f.must(err)
	}
	for _, name := range []string{"", "../up", "UPPER", ".hidden"} {
		if s.PutSecrets(f.Context(), map[string][]byte{name: nil}) == nil {
			f.Fatalf("secret name %q is accepted", name)
		}
	}
	f.must(s.Close())
}

func testStoreErase(f *fixture) {
	s := f.store()
	_, err := s.Recover(f.Context())
	f.must(err)
	b := ledger.Batch{Head: ledger.Head{Size: 3, Root: ledger.Hash{7}}}
	for i := range uint64(3) {
		b.Frames = append(b.Frames, ledger.Frame{Index: i, Leaf: []byte("leaf"), Header: []byte("header"), Payload: []byte("payload")})
	}
	f.must(s.Commit(f.Context(), b))
	f.must(s.Erase(f.Context(), []uint64{0, 2}))
	f.must(s.Erase(f.Context(), []uint64{2}))
	more := ledger.Batch{First: 3, Frames: []ledger.Frame{{Index: 3, Leaf: []byte("leaf")}}, Head: ledger.Head{Size: 4, Root: ledger.Hash{8}}}
	f.must(s.Commit(f.Context(), more))
	for range 2 {
		var erased []bool
		for frame, err := range s.Read(f.Context(), 0, 4) {
			f.must(err)
			f.equal("leaf", string(frame.Leaf), "leaf")
			f.equal("payload is gone", len(frame.Payload) == 0, frame.Erased || frame.Index == 3)
			erased = append(erased, frame.Erased)
		}
		f.equal("erased", erased, []bool{true, false, true, false})
		f.must(s.Close())
		s = f.store()
		_, err = s.Recover(f.Context())
		f.must(err)
	}
	f.must(s.Close())
}
