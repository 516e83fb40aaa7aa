package disclosuretest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"testing"

	"github.com/deeperpoint/csss/disclosure"
)

// RunLog checks a host's own [disclosure.Log] against its contract: what the
// engine's promises rest on. Open returns a new and empty log for each part; a
// log that is a [disclosure.Feed] as well is checked as one.
func RunLog(t *testing.T, open func(t *testing.T) disclosure.Log) {
	for _, p := range promises {
		t.Run(p.name, func(t *testing.T) {
			if err := p.check(t.Context(), open(t)); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// CheckLog is [RunLog] outside of a test: the error names each promise that the
// log breaks.
func CheckLog(ctx context.Context, open func() (disclosure.Log, error)) error {
	var broken []error
	for _, p := range promises {
		log, err := open()
		if err == nil {
			err = p.check(ctx, log)
		}
		if err != nil {
			broken = append(broken, fmt.Errorf("%s: %w", p.name, err))
		}
	}
	return errors.Join(broken...)
}

// promises are the parts of the contract.
var promises = []struct {
	name  string
	check func(ctx context.Context, log disclosure.Log) error
}{
	{"a batch is read back in order, with its versions", readBack},
	{"an expected version that does not hold is a conflict, and writes nothing", conflicts},
	{"a batch over several streams is all or nothing", allOrNothing},
	{"a key writes once", keyOnce},
	{"of many writers with one expectation one wins", oneWinner},
	{"what is written is the log's own", ownBytes},
	{"a cancelled context writes nothing", cancelled},
	{"the feed has every record once, in an order of all", feedOrder},
}

func rec(stream, typ string, expect uint64, check bool) disclosure.Record {
	return disclosure.Record{Stream: stream, Type: typ, Data: []byte(`"` + typ + `"`), Subjects: []string{"someone"}, Expect: expect, Check: check}
}

// put appends and wants it to be new.
func put(ctx context.Context, log disclosure.Log, key string, recs ...disclosure.Record) error {
	dup, err := log.Append(ctx, key, recs...)
	if err == nil && dup {
		err = fmt.Errorf("key %q is said to have been used", key)
	}
	return err
}

// types reads a stream and checks its versions.
func types(ctx context.Context, log disclosure.Log, stream string, after uint64) (out []string, err error) {
	for r, err := range log.Read(ctx, stream, after) {
		if err != nil {
			return nil, err
		}
		if want := after + uint64(len(out)) + 1; r.Expect != want {
			return nil, fmt.Errorf("version %d where %d is due", r.Expect, want)
		}
		if string(r.Data) != `"`+r.Type+`"` {
			return nil, fmt.Errorf("record %d of type %q holds %q", r.Expect, r.Type, r.Data)
		}
		out = append(out, r.Type)
	}
	return out, nil
}

func expect(ctx context.Context, log disclosure.Log, stream string, want ...string) error {
	got, err := types(ctx, log, stream, 0)
	if err == nil && !slices.Equal(got, want) {
		err = fmt.Errorf("stream %q holds %q, want %q", stream, got, want)
	}
	return err
}

func readBack(ctx context.Context, log disclosure.Log) error {
	err := errors.Join(
		put(ctx, log, "k1", rec("session/a", "One", 0, true), rec("session/a", "Two", 1, false), rec("offer/x", "Held", 0, false)),
		put(ctx, log, "k2", rec("session/a", "Three", 2, true)),
		expect(ctx, log, "session/a", "One", "Two", "Three"), expect(ctx, log, "offer/x", "Held"), expect(ctx, log, "session/none"))
	rest, failed := types(ctx, log, "session/a", 2)
	if failed == nil && !slices.Equal(rest, []string{"Three"}) {
		failed = fmt.Errorf("after version 2 come %q", rest)
	}
	for range log.Read(ctx, "session/a", 0) {
		break // a reader may stop
	}
	return errors.Join(err, failed)
}

func conflicts(ctx context.Context, log disclosure.Log) error {
	if err := put(ctx, log, "k1", rec("session/a", "One", 0, true)); err != nil {
		return err
	}
	for i, r := range []disclosure.Record{rec("session/a", "Again", 0, true), rec("session/a", "Gap", 2, true), rec("session/b", "Gap", 1, true)} {
		key := fmt.Sprint("c", i)
		if _, err := log.Append(ctx, key, r); !errors.Is(err, disclosure.ErrConflict) {
			return fmt.Errorf("%s at version %d: %v, want a conflict", r.Type, r.Expect, err)
		}
		if used, err := log.ByKey(ctx, key); err != nil || used {
			return fmt.Errorf("the key of a refused batch: used %v, %v", used, err)
		}
	}
	return errors.Join(expect(ctx, log, "session/a", "One"), expect(ctx, log, "session/b"),
		put(ctx, log, "c0", rec("session/a", "Two", 1, true)), // a refused key is free
		expect(ctx, log, "session/a", "One", "Two"))
}

func allOrNothing(ctx context.Context, log disclosure.Log) error {
	if err := put(ctx, log, "k1", rec("session/a", "One", 0, true), rec("offer/x", "Held", 0, true)); err != nil {
		return err
	}
	if _, err := log.Append(ctx, "k2", rec("session/a", "Two", 1, true), rec("offer/x", "Held", 0, true)); !errors.Is(err, disclosure.ErrConflict) {
		return fmt.Errorf("the second stream's version does not hold: %v, want a conflict", err)
	}
	return errors.Join(expect(ctx, log, "session/a", "One"), expect(ctx, log, "offer/x", "Held"))
}

func keyOnce(ctx context.Context, log disclosure.Log) error {
	if err := put(ctx, log, "k1", rec("session/a", "One", 0, true)); err != nil {
		return err
	}
	dup, err := log.Append(ctx, "k1", rec("session/a", "One", 0, true))
	if err != nil || !dup {
		return fmt.Errorf("a key again: dup %v, %v, and not a repetition", dup, err)
	}
	used, err := log.ByKey(ctx, "k1")
	if err != nil || !used {
		return fmt.Errorf("a key that was used: %v, %v", used, err)
	}
	free, err := log.ByKey(ctx, "k2")
	if err != nil || free {
		return fmt.Errorf("a key that was not used: %v, %v", free, err)
	}
	return expect(ctx, log, "session/a", "One")
}

func oneWinner(ctx context.Context, log disclosure.Log) error {
	const writers, rounds = 8, 16
	for round := range uint64(rounds) {
		var won [writers]error
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				_, won[i] = log.Append(ctx, fmt.Sprint("w", round, "/", i), rec("session/a", "Won", round, true))
			})
		}
		wg.Wait()
		n := 0
		for _, err := range won {
			switch {
			case err == nil:
				n++
			case !errors.Is(err, disclosure.ErrConflict):
				return err
			}
		}
		if n != 1 {
			return fmt.Errorf("%d writers won version %d", n, round+1)
		}
	}
	return expect(ctx, log, "session/a", slices.Repeat([]string{"Won"}, rounds)...)
}

func ownBytes(ctx context.Context, log disclosure.Log) error {
	r := rec("session/a", "One", 0, true)
	if err := put(ctx, log, "k1", r); err != nil {
		return err
	}
	copy(r.Data, `"-"`)
	return expect(ctx, log, "session/a", "One")
}

func cancelled(ctx context.Context, log disclosure.Log) error {
	over, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := log.Append(over, "k1", rec("session/a", "One", 0, true)); err == nil {
		return errors.New("a batch was taken under a context that had ended")
	}
	return errors.Join(expect(ctx, log, "session/a"), put(ctx, log, "k1", rec("session/a", "One", 0, true)))
}

func feedOrder(ctx context.Context, log disclosure.Log) error {
	feed, ok := log.(disclosure.Feed)
	if !ok {
		return nil
	}
	err := errors.Join(
		put(ctx, log, "k1", rec("session/a", "One", 0, true), rec("session/b", "Uno", 0, true)),
		put(ctx, log, "k2", rec("offer/x", "Held", 0, true), rec("session/b", "Due", 1, true)),
		put(ctx, log, "k3", rec("session/a", "Two", 1, true)))
	if err != nil {
		return err
	}
	all, positions, err := sessionsOf(feed.Since(ctx, 0))
	if err != nil || !slices.Equal(all, []string{"One", "Uno", "Due", "Two"}) {
		return fmt.Errorf("the feed has %q, %w", all, err)
	}
	if !slices.IsSorted(positions) || len(slices.Compact(slices.Clone(positions))) != len(positions) {
		return fmt.Errorf("positions %d do not rise", positions)
	}
	for i, p := range positions {
		rest, _, err := sessionsOf(feed.Since(ctx, p))
		if err != nil || !slices.Equal(rest, all[i:]) {
			return fmt.Errorf("from position %d on the feed has %q, %w", p, rest, err)
		}
	}
	rest, _, err := sessionsOf(feed.Since(ctx, positions[len(positions)-1]+1))
	if err != nil || len(rest) != 0 {
		return fmt.Errorf("behind the end the feed has %q, %w", rest, err)
	}
	return nil
}

func sessionsOf(feed iter.Seq2[disclosure.Placed, error]) (types []string, positions []uint64, err error) {
	for r, err := range feed {
		if err != nil {
			return nil, nil, err
		}
		if len(r.Stream) > len("session/") && r.Stream[:len("session/")] == "session/" {
			types, positions = append(types, r.Type), append(positions, r.Position)
		}
	}
	return types, positions, nil
}
