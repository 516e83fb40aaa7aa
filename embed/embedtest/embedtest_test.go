package embedtest_test

import (
	"context"
	"errors"
	"hash/fnv"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/embedtest"
)

// honest is a conforming embedder; the mutants below each break one promise of it.
type honest struct{}

func (honest) Info() embed.Info {
	return embed.Info{ID: "honest/1/8", Dims: 8, Normalized: true}
}

func (h honest) Embed(ctx context.Context, _ embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	dst = embed.Rows(dst, len(texts), 8)
	for i, text := range texts {
		h.one(text, dst[i])
	}
	return dst, nil
}

func (honest) one(text string, row []float32) {
	hash := fnv.New64a()
	hash.Write([]byte(string([]rune(text))))
	bits, sum := hash.Sum64(), 0.0
	for j := range row {
		row[j] = float32(bits>>(8*j)&0xff) + 1
		sum += float64(row[j]) * float64(row[j])
	}
	for j := range row {
		row[j] /= float32(math.Sqrt(sum))
	}
}

// mutant changes what honest answers.
type mutant struct {
	honest
	info  func(embed.Info) embed.Info
	after func(texts []string, rows, dst [][]float32, err error) ([][]float32, error)
}

func (m *mutant) Info() embed.Info {
	if m.info == nil {
		return m.honest.Info()
	}
	return m.info(m.honest.Info())
}

func (m *mutant) Embed(ctx context.Context, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	rows, err := m.honest.Embed(ctx, role, texts, dst)
	if m.after == nil {
		return rows, err
	}
	return m.after(texts, rows, dst, err)
}

func TestHonestPasses(t *testing.T) {
	embedtest.Run(t, honest{})
	require.NoError(t, embedtest.Check(t.Context(), honest{}))
}

func TestCheckStopsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, embedtest.Check(ctx, honest{}), context.Canceled)
}

// answered edits the rows of successful calls.
func answered(edit func(texts []string, rows [][]float32) [][]float32) *mutant {
	return &mutant{after: func(texts []string, rows, _ [][]float32, err error) ([][]float32, error) {
		if err != nil {
			return rows, err
		}
		return edit(texts, rows), nil
	}}
}

// Every check catches the break it exists for.
func TestEachCheckKillsItsMutant(t *testing.T) {
	var mu sync.Mutex
	calls, infos, last, cache := 0, 0, [][]float32{}, map[string][]float32{}
	mutants := []struct {
		check, breaks string
		e             embed.Embedder
	}{
		{"info", "no ID", &mutant{info: func(i embed.Info) embed.Info { i.ID = ""; return i }}},
		{"info", "an ID that changes", &mutant{info: func(i embed.Info) embed.Info {
			mu.Lock()
			defer mu.Unlock()
			infos++
			i.ID += strings.Repeat("x", infos)
			return i
		}}},
		{"info", "an unknown metric", &mutant{info: func(i embed.Info) embed.Info { i.Metric = 9; return i }}},
		{"info", "negative MaxTokens", &mutant{info: func(i embed.Info) embed.Info { i.MaxTokens = -1; return i }}},
		{"vectors", "wrong Dims", &mutant{info: func(i embed.Info) embed.Info { i.Dims = 9; return i }}},
		{"vectors", "not unit length", answered(func(_ []string, rows [][]float32) [][]float32 {
			for _, row := range rows {
				for i := range row {
					row[i] *= 2
				}
			}
			return rows
		})},
		{"vectors", "NaN", answered(func(_ []string, rows [][]float32) [][]float32 {
			for _, row := range rows {
				row[3] = float32(math.NaN())
			}
			return rows
		})},
		{"determinism", "every call differs", answered(func(_ []string, rows [][]float32) [][]float32 {
			mu.Lock()
			defer mu.Unlock()
			calls++
			for _, row := range rows {
				row[0] += float32(calls) * 1e-6
			}
			return rows
		})},
		{"batch", "rows out of order", answered(func(_ []string, rows [][]float32) [][]float32 {
			rows = slices.Clone(rows)
			slices.Reverse(rows)
			return rows
		})},
		{"batch", "the first row depends on the batch", answered(func(texts []string, rows [][]float32) [][]float32 {
			if len(rows) > 1 {
				copy(rows[0], rows[1])
			}
			return rows
		})},
		{"discrimination", "one vector for all", answered(func(_ []string, rows [][]float32) [][]float32 {
			for _, row := range rows {
				honest{}.one("", row)
			}
			return rows
		})},
		{"dst", "rows are never reused", answered(func(_ []string, rows [][]float32) [][]float32 {
			fresh := make([][]float32, len(rows))
			for i := range rows {
				fresh[i] = slices.Clone(rows[i])
			}
			return fresh
		})},
		{"dst", "old contents show through", &showsThrough{}},
		{"shapes", "as long as dst", &mutant{after: func(texts []string, rows, dst [][]float32, err error) ([][]float32, error) {
			if len(dst) > len(rows) {
				return dst, err
			}
			return rows, err
		}}},
		{"ownership", "a cache hands out its own rows", answered(func(texts []string, rows [][]float32) [][]float32 {
			mu.Lock()
			defer mu.Unlock()
			for i, text := range texts {
				if cache[text] == nil {
					cache[text] = rows[i]
				}
				rows[i] = cache[text]
			}
			return rows
		})},
		{"ownership", "a later call writes into rows handed out", answered(func(texts []string, rows [][]float32) [][]float32 {
			mu.Lock()
			defer mu.Unlock()
			switch len(texts) {
			case 1:
			case 2: // the suite never asks for two texts from two goroutines, so this is no data race
				for i, row := range last[:min(2, len(last))] {
					copy(row, rows[i])
				}
			default:
				last = rows
			}
			return rows
		})},
		{"cancellation", "the context is not looked at", ignoresContext{}},
		{"cancellation", "rows beside the error", &mutant{after: func(texts []string, rows, _ [][]float32, err error) ([][]float32, error) {
			if err != nil {
				return make([][]float32, len(texts)), err
			}
			return rows, nil
		}}},
		{"empty", "zero vector for the empty text", answered(func(texts []string, rows [][]float32) [][]float32 {
			for i, text := range texts {
				if text == "" {
					clear(rows[i])
				}
			}
			return rows
		})},
		{"empty", "one empty text sinks the batch", &mutant{after: func(texts []string, rows, _ [][]float32, err error) ([][]float32, error) {
			if slices.Contains(texts, "") {
				return nil, errors.New("empty text")
			}
			return rows, err
		}}},
		{"empty", "a reason and a row", &mutant{after: func(texts []string, rows, _ [][]float32, err error) ([][]float32, error) {
			if i := slices.Index(texts, ""); i >= 0 {
				return rows, &embed.BatchError{Errs: map[int]error{i: errors.New("empty text")}}
			}
			return rows, err
		}}},
		{"utf8", "bad bytes hashed raw", answered(func(texts []string, rows [][]float32) [][]float32 {
			for i, text := range texts {
				if text != string([]rune(text)) {
					honest{}.one("bad"+text, rows[i])
				}
			}
			return rows
		})},
		{"long", "a long text sinks its neighbours", &mutant{after: func(texts []string, rows, _ [][]float32, err error) ([][]float32, error) {
			for _, text := range texts {
				if len(text) > 1<<16 {
					return nil, errors.New("too long")
				}
			}
			return rows, err
		}}},
		{"concurrency", "calls that overlap disturb each other", &overlaps{}},
	}
	for _, m := range mutants {
		t.Run(m.check+"/"+m.breaks, func(t *testing.T) {
			assert.Contains(t, failed(embedtest.Check(t.Context(), m.e)), m.check)
		})
	}
}

// failed lists the checks in what Check returned.
func failed(err error) []string {
	var names []string
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			if f, ok := errors.AsType[*embedtest.CheckError](e); ok {
				names = append(names, f.Check)
			}
		}
	}
	return names
}

// showsThrough adds its result to what a reused row held.
type showsThrough struct{ honest }

func (s *showsThrough) Embed(ctx context.Context, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	want, err := s.honest.Embed(ctx, role, texts, nil)
	if err != nil {
		return nil, err
	}
	dst = embed.Rows(dst, len(texts), 8)
	for i := range dst {
		for j := range dst[i] {
			dst[i][j] = want[i][j] + 0*dst[i][j]
		}
	}
	return dst, nil
}

// ignoresContext never looks at its context.
type ignoresContext struct{ honest }

func (i ignoresContext) Embed(_ context.Context, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	return i.honest.Embed(context.Background(), role, texts, dst)
}

// overlaps answers wrongly when another call is under way; it dawdles so that one may be.
type overlaps struct {
	honest
	inside atomic.Int32
}

func (o *overlaps) Embed(ctx context.Context, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	o.inside.Add(1)
	defer o.inside.Add(-1)
	rows, err := o.honest.Embed(ctx, role, texts, dst)
	time.Sleep(2 * time.Millisecond)
	if o.inside.Load() > 1 && len(rows) > 0 {
		o.one("disturbed", rows[0])
	}
	return rows, err
}
