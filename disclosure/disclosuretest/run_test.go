package disclosuretest_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

func TestRunLog(t *testing.T) {
	disclosuretest.RunLog(t, func(*testing.T) disclosure.Log { return &disclosuretest.Log{} })
}

// broken is a log that breaks one promise.
type broken struct {
	disclosuretest.Log
	append func(l *disclosuretest.Log, ctx context.Context, key string, recs []disclosure.Record) (bool, error)
	byKey  func(used bool) bool
	since  func(p uint64) uint64
	read   func(r disclosure.Record) disclosure.Record
}

func (b *broken) Append(ctx context.Context, key string, recs ...disclosure.Record) (bool, error) {
	if b.append == nil {
		return b.Log.Append(ctx, key, recs...)
	}
	return b.append(&b.Log, ctx, key, recs)
}

func (b *broken) ByKey(ctx context.Context, key string) (bool, error) {
	used, err := b.Log.ByKey(ctx, key)
	if b.byKey != nil {
		used = b.byKey(used)
	}
	return used, err
}

func (b *broken) Since(ctx context.Context, p uint64) iter.Seq2[disclosure.Placed, error] {
	if b.since != nil {
		p = b.since(p)
	}
	return b.Log.Since(ctx, p)
}

func (b *broken) Read(ctx context.Context, stream string, after uint64) iter.Seq2[disclosure.Record, error] {
	if b.read == nil {
		return b.Log.Read(ctx, stream, after)
	}
	return func(yield func(disclosure.Record, error) bool) {
		for r, err := range b.Log.Read(ctx, stream, after) {
			if !yield(b.read(r), err) {
				return
			}
		}
	}
}

// TestRunLogHasTeeth: a log that breaks any part of the contract is told which.
func TestRunLogHasTeeth(t *testing.T) {
	unchecked := func(l *disclosuretest.Log, ctx context.Context, key string, recs []disclosure.Record) (bool, error) {
		for i := range recs {
			recs[i].Check = false
		}
		return l.Append(ctx, key, recs...)
	}
	torn := func(l *disclosuretest.Log, ctx context.Context, key string, recs []disclosure.Record) (bool, error) {
		for i, r := range recs {
			if dup, err := l.Append(ctx, fmt.Sprint(key, "#", i), r); dup || err != nil {
				return dup, err
			}
		}
		return false, nil
	}
	forgetful := func(l *disclosuretest.Log, ctx context.Context, _ string, recs []disclosure.Record) (bool, error) {
		return l.Append(ctx, fmt.Sprint(l.Appends()), recs...)
	}
	deaf := func(l *disclosuretest.Log, _ context.Context, key string, recs []disclosure.Record) (bool, error) {
		return l.Append(context.Background(), key, recs...)
	}
	vague := func(l *disclosuretest.Log, ctx context.Context, key string, recs []disclosure.Record) (bool, error) {
		dup, err := l.Append(ctx, key, recs...)
		if err != nil {
			err = errors.New("no")
		}
		return dup, err
	}
	for name, c := range map[string]struct {
		log  func() *broken
		says string
	}{
		"no versions":  {func() *broken { return &broken{append: unchecked} }, "of many writers"},
		"torn batches": {func() *broken { return &broken{append: torn} }, "all or nothing"},
		"lost keys":    {func() *broken { return &broken{append: forgetful} }, "a key writes once"},
		"no context":   {func() *broken { return &broken{append: deaf} }, "cancelled"},
		"no conflict":  {func() *broken { return &broken{append: vague} }, "is a conflict"},
		"every key":    {func() *broken { return &broken{byKey: func(bool) bool { return true }} }, "a key writes once"},
		"late feed":    {func() *broken { return &broken{since: func(p uint64) uint64 { return p + 1 }} }, "the feed"},
		"no versions read": {func() *broken {
			return &broken{read: func(r disclosure.Record) disclosure.Record { r.Expect = 1; return r }}
		}, "read back"},
	} {
		err := disclosuretest.CheckLog(t.Context(), func() (disclosure.Log, error) { return c.log(), nil })
		require.Error(t, err, name)
		assert.ErrorContains(t, err, c.says, name)
	}
}

// A host's own log, checked outside of a test.
func ExampleCheckLog() {
	err := disclosuretest.CheckLog(context.Background(), func() (disclosure.Log, error) { return &disclosuretest.Log{}, nil })
	fmt.Println(err)
	// Output:
	// <nil>
}
