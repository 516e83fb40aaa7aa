package ledgertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/deeperpoint/csss/ledger"
)

// What a store may be beside a Store. Each test does nothing where it is not.

// frameOf is a frame that tells entries apart.
func frameOf(i uint64) ledger.Frame {
	return ledger.Frame{Index: i, Leaf: fmt.Appendf(nil, "leaf %d", i), Header: fmt.Appendf(nil, "header %d", i), Payload: fmt.Appendf(nil, "payload %d", i)}
}

func batchOf(first, n uint64) ledger.Batch {
	b := ledger.Batch{First: first, Head: ledger.Head{Size: first + n, Root: ledger.Hash{byte(first + n)}}}
	for i := range n {
		b.Frames = append(b.Frames, frameOf(first+i))
	}
	return b
}

// holds checks that a store holds exactly the frames of batchOf up to a size.
func (f *fixture) holds(s ledger.Store, size uint64) {
	f.Helper()
	next := uint64(0)
	for frame, err := range s.Read(f.Context(), 0, size) {
		f.must(err)
		f.equal("frame", frame, frameOf(next))
		next++
	}
	f.equal("frames", next, size)
}

// testStorePipeline begins each batch while the one before is waited for.
func testStorePipeline(f *fixture) {
	s := f.store()
	_, err := s.Recover(f.Context())
	f.must(err)
	p, ok := s.(ledger.Pipeliner)
	if !ok {
		f.must(s.Close())
		return
	}
	const batches, each = 12, 5
	var waiting func() error
	for i := range uint64(batches) {
		b := batchOf(i*each, each)
		b.Secrets = []ledger.Secret{{Name: fmt.Sprint("with-", i), Value: fmt.Appendf(nil, "secret %d", i)}}
		before := waiting
		waited := make(chan error, 1)
		if before != nil {
			go func() { waited <- before() }()
		} else {
			waited <- nil
		}
		wait, err := p.Begin(f.Context(), b)
		f.must(err)
		f.must(<-waited)
		waiting = wait
	}
	_, err = p.Begin(f.Context(), batchOf(3, 1))
	f.is(err, ledger.ErrFenced)
	f.must(waiting())
	for range 2 {
		f.holds(s, batches*each)
		for i := range batches {
			v, ok, err := s.Secret(f.Context(), fmt.Sprint("with-", i))
			f.must(err)
			f.equal("secret of a batch", []any{string(v), ok}, []any{fmt.Sprint("secret ", i), true})
		}
		f.must(s.Close())
		s = f.store()
		head, err := s.Recover(f.Context())
		f.must(err)
		f.equal("head", head, batchOf((batches-1)*each, each).Head)
	}
	f.must(s.Close())
}

// testStoreCache keeps, replaces and maps a blob.
func testStoreCache(f *fixture) {
	s := f.store()
	_, err := s.Recover(f.Context())
	f.must(err)
	c, ok := s.(ledger.Cacher)
	if !ok {
		f.must(s.Close())
		return
	}
	save := func(what string) error {
		return c.SaveCache("blob.1-x", func(w io.Writer) error {
			for range 1000 {
				if _, err := io.WriteString(w, what); err != nil {
					return err
				}
			}
			return nil
		})
	}
	_, _, ok, err = c.LoadCache("blob.1-x")
	f.must(err)
	f.equal("a blob that nobody saved", ok, false)
	f.must(save("one"))
	b, release, ok, err := c.LoadCache("blob.1-x")
	f.must(err)
	f.equal("saved blob", []any{ok, len(b)}, []any{true, 3000})
	f.must(save("two!"))
	if !bytes.Equal(b, bytes.Repeat([]byte("one"), 1000)) {
		f.Fatal("a mapped blob changes when it is replaced")
	}
	f.must(release())
	cut := errors.New("cut")
	f.is(c.SaveCache("blob.1-x", func(w io.Writer) error {
		io.WriteString(w, "half")
		return cut
	}), cut)
	f.must(s.Close())
	s = f.store()
	_, err = s.Recover(f.Context())
	f.must(err)
	b, release, ok, err = s.(ledger.Cacher).LoadCache("blob.1-x")
	f.must(err)
	if ok && !bytes.Equal(b, bytes.Repeat([]byte("two!"), 1000)) {
		f.Fatalf("blob after a cut off replacement has %d bytes", len(b))
	}
	if ok {
		f.must(release())
	}
	f.must(s.Close())
}

// testStoreFollow opens the same storage twice.
func testStoreFollow(f *fixture) {
	s := f.store()
	_, err := s.Recover(f.Context())
	f.must(err)
	one, ok := s.(ledger.Follower)
	if !ok {
		f.must(s.Close())
		return
	}
	t := f.store()
	_, err = t.Recover(f.Context())
	f.must(err)
	f.must(s.Commit(f.Context(), batchOf(0, 3)))
	f.is(t.Commit(f.Context(), batchOf(0, 1)), ledger.ErrFenced)
	two := t.(ledger.Follower)
	head, err := two.Head(f.Context())
	f.must(err)
	f.equal("head seen by another", head, batchOf(0, 3).Head)
	f.holds(t, 3)
	ctx, cancel := context.WithTimeout(f.Context(), 20*time.Millisecond)
	defer cancel()
	if err := two.Wait(ctx, 3); err == nil {
		f.Fatal("waiting for more ends though there is no more")
	}
	f.must(two.Wait(f.Context(), 2))
	grown := make(chan error, 1)
	go func() { grown <- one.Wait(f.Context(), 3) }()
	f.must(t.Commit(f.Context(), batchOf(3, 1)))
	f.must(<-grown)
	head, err = one.Head(f.Context())
	f.must(err)
	f.equal("head", head.Size, 4)
	f.must(s.Close())
	f.must(t.Close())
}

// testQueries asks by everything a Query has, before and after reopening.
func testQueries(f *fixture) {
	l := f.open()
	var batch []ledger.Append
	for i := range 30 {
		a := entry(fmt.Sprint("s", i%3), fmt.Sprint(i))
		a.Type = fmt.Sprint("t", i%2)
		if i%5 == 0 {
			a.Subjects = []string{"p", fmt.Sprint("q", i%4)}
		}
		batch = append(batch, a)
	}
	f.append(l, batch[:13]...)
	f.append(l, batch[13:]...)
	all := f.read(l)
	for range 2 {
		for what, c := range map[string]struct {
			q    ledger.Query
			want []uint64
		}{
			"range":             {ledger.Query{From: 11, To: 14}, []uint64{11, 12, 13}},
			"stream":            {ledger.Query{Stream: "s1", After: 7}, []uint64{22, 25, 28}},
			"stream and type":   {ledger.Query{Stream: "s1", Type: "t0", From: 10}, []uint64{10, 16, 22, 28}},
			"subject":           {ledger.Query{Subject: "p"}, []uint64{0, 5, 10, 15, 20, 25}},
			"subject and range": {ledger.Query{Subject: "p", From: 5, To: 20}, []uint64{5, 10, 15}},
			"another subject":   {ledger.Query{Subject: "q2"}, []uint64{10}},
			"type":              {ledger.Query{Type: "t1", From: 25}, []uint64{25, 27, 29}},
			"time":              {ledger.Query{Since: all[3].Time, Until: all[6].Time}, []uint64{3, 4, 5}},
			"nothing":           {ledger.Query{Stream: "s1", Subject: "nobody"}, nil},
		} {
			var got []uint64
			for e, err := range l.Read(f.Context(), c.q) {
				f.must(err)
				got = append(got, e.Index)
				f.equal("payload", string(e.Payload), "payload of "+e.Key)
			}
			f.equal("entries by "+what, got, c.want)
		}
		f.must(l.Snapshot(f.Context()))
		f.must(l.Close())
		l = f.open()
	}
}

// testSubscription reads what is there, waits, and resumes.
func testSubscription(f *fixture) {
	l := f.open()
	f.append(l, entry("s", "0"), entry("s", "1"))
	ctx, cancel := context.WithTimeout(f.Context(), 30*time.Second)
	defer cancel()
	got := make(chan string)
	ended := make(chan error, 1)
	go func() {
		for e, err := range l.Subscribe(ctx, 1) {
			if err != nil {
				ended <- err
				return
			}
			got <- e.Key
		}
	}()
	f.equal("first", <-got, "1")
	for i := 2; i < 8; i += 2 {
		f.append(l, entry("s", fmt.Sprint(i)), entry("t", fmt.Sprint(i+1)))
		f.equal("next", <-got, fmt.Sprint(i))
		f.equal("the one behind", <-got, fmt.Sprint(i+1))
	}
	f.must(l.Close())
	f.is(<-ended, ledger.ErrClosed)
}
