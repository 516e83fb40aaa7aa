package embed_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/embedtest"
)

var toy = embed.Info{ID: "toy/1/3", Dims: 3, Metric: embed.L2}

// count is a one-text embedder: runes, spaces, and a running hash.
func count(_ context.Context, text string) ([]float32, error) {
	v := []float32{1, 1, 1}
	for _, r := range text {
		v[0]++
		if r == ' ' {
			v[1]++
		}
		v[2] = float32(math.Mod(float64(v[2]*31+float32(r)), 8191))
	}
	return v, nil
}

func TestFuncConforms(t *testing.T) {
	embedtest.Run(t, embed.Func(toy, count))
}

// A function read back through AsFunc and adapted again is still an embedder.
func TestRoundTripConforms(t *testing.T) {
	embedtest.Run(t, embed.Func(toy, embed.AsFunc(embed.Func(toy, count), embed.Query)))
}

func TestFuncFailsOnlyTheTextsThatFail(t *testing.T) {
	broken := errors.New("broken")
	e := embed.Func(toy, func(ctx context.Context, text string) ([]float32, error) {
		switch text {
		case "error":
			return nil, broken
		case "short":
			return []float32{1, 2}, nil
		case "nan":
			return []float32{1, float32(math.NaN()), 0}, nil
		case "inf":
			return []float32{1, float32(math.Inf(-1)), 0}, nil
		case "zero":
			return []float32{0, 0, 0}, nil
		}
		return count(ctx, text)
	})
	rows, err := e.Embed(t.Context(), embed.Document, []string{"good", "error", "short", "nan", "inf", "zero", "fine"}, nil)
	batch, ok := errors.AsType[*embed.BatchError](err)
	require.True(t, ok, "%v", err)
	require.Len(t, rows, 7)
	require.Len(t, batch.Errs, 5)
	for i, row := range rows {
		assert.Equal(t, batch.Errs[i] != nil, row == nil, "text %d", i)
	}
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, batch.Errs[1], broken)
	assert.Equal(t, &embed.DimsError{Got: 2, Want: 3}, batch.Errs[2])
	for i := 3; i <= 5; i++ {
		require.ErrorIs(t, batch.Errs[i], embed.ErrNotFinite)
	}
	assert.EqualError(t, err, "embed: 5 texts failed, first text 1: broken")
	assert.Equal(t, []error{batch.Errs[1], batch.Errs[2], batch.Errs[3], batch.Errs[4], batch.Errs[5]}, batch.Unwrap())

	_, err = embed.AsFunc(e, embed.Query)(t.Context(), "error")
	assert.Equal(t, broken, err, "AsFunc takes the BatchError off")
}

func TestFuncStopsWhenTheContextEndsHalfWay(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	e := embed.Func(toy, func(ctx context.Context, text string) ([]float32, error) {
		if asked++; asked == 2 {
			cancel()
		}
		return count(ctx, text)
	})
	rows, err := e.Embed(ctx, embed.Query, []string{"a", "b", "c"}, nil)
	require.ErrorIs(t, err, context.Canceled)
	assert.Nil(t, rows)
	assert.Equal(t, 2, asked)
	_, isBatch := errors.AsType[*embed.BatchError](err)
	assert.False(t, isBatch)
}

// says is an error with an opinion about trying again.
type says bool

func (s says) Error() string   { return "says" }
func (s says) Retryable() bool { return bool(s) }

func TestRetryableAsksTheNearestErrorThatSays(t *testing.T) {
	e := &embed.BatchError{Errs: map[int]error{
		0: errors.New("says nothing"),
		1: says(true),
		2: says(false),
		3: fmt.Errorf("wrapped: %w", says(true)),
		4: context.DeadlineExceeded,
		5: context.Canceled,
		6: errors.Join(errors.New("silent"), says(true)),
		7: fmt.Errorf("both: %w", errors.Join(says(false), says(false))),
	}}
	for i, want := range []bool{false, true, false, true, true, false, true, false, false} {
		assert.Equal(t, want, e.Retryable(i), "text %d", i)
	}
	assert.EqualError(t, &embed.BatchError{}, "embed: 0 texts failed")
}

func TestRowsReusesWhatSuffices(t *testing.T) {
	row := []float32{1, 2, 3, 4}
	backing := [][]float32{row[:0], {9}, nil}
	got := embed.Rows(backing[:1], 3, 2)
	require.Len(t, got, 3)
	assert.Same(t, &row[0], &got[0][0])
	assert.Same(t, &backing[0], &got[0], "the outer slice is reused up to its capacity")
	for i, r := range got {
		assert.Len(t, r, 2, "row %d", i)
	}
	assert.Equal(t, 2, cap(got[1]), "one row must not reach into the next")
	assert.Empty(t, embed.Rows(nil, -1, -1))
	assert.Zero(t, testing.AllocsPerRun(10, func() { got = embed.Rows(got[:0], 3, 2) }))
}

func TestMetricMarshalsByName(t *testing.T) {
	for _, m := range []embed.Metric{embed.Cosine, embed.Dot, embed.L2} {
		text, err := json.Marshal(embed.Info{ID: "x", Dims: 1, Metric: m})
		require.NoError(t, err)
		var back embed.Info
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, m, back.Metric)
	}
	_, err := embed.Metric(3).MarshalText()
	require.EqualError(t, err, "embed: metric 3, the largest is 2")
	var m embed.Metric
	require.EqualError(t, m.UnmarshalText([]byte("hamming")), `embed: metric "hamming", want cosine, dot or l2`)
	assert.Equal(t, "metric(7)", embed.Metric(7).String())
}

func TestRoleNames(t *testing.T) {
	assert.Equal(t, "symmetric query document role(3)", fmt.Sprint(embed.Symmetric, embed.Query, embed.Document, embed.Role(3)))
}

func ExampleFunc() {
	// The shape that chromem-go calls an EmbeddingFunc.
	length := func(_ context.Context, text string) ([]float32, error) {
		if text == "" {
			return nil, errors.New("nothing to embed")
		}
		return []float32{float32(len(text)), 1}, nil
	}
	e := embed.Func(embed.Info{ID: "length/1/2", Dims: 2, Metric: embed.L2}, length)

	rows, err := e.Embed(context.Background(), embed.Document, []string{"milling", "", "turning"}, nil)
	fmt.Println(rows)
	if batch, ok := errors.AsType[*embed.BatchError](err); ok {
		fmt.Println(batch.Errs[1], batch.Retryable(1))
	}
	// Output:
	// [[7 1] [] [7 1]]
	// nothing to embed false
}

func ExampleAsFunc() {
	e := embed.Func(toy, count)
	f := embed.AsFunc(e, embed.Query)
	v, err := f(context.Background(), "a b")
	fmt.Println(v[:2], err)
	// Output: [4 2] <nil>
}
