// Package embedtest is the conformance suite of [embed.Embedder]: what the interface's comment promises, as
// checks with names. An implementation calls [Run] from its own tests; [Check] serves those who are not in a
// test, for example a host that vets an endpoint at start-up.
//
// The suite is written for deterministic implementations. It asks for some 150 short texts and one of 1 MB, and it
// uses the embedder from four goroutines at once, so run it under the race detector as well.
package embedtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/deeperpoint/csss/embed"
)

// Run runs every check on e as a subtest with the check's name.
func Run(t *testing.T, e embed.Embedder) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.run(t.Context(), e); err != nil {
				t.Errorf("%v (%s)", err, c.why)
			}
		})
	}
}

// Check runs every check on e and returns the failures joined, each a [*CheckError], or nil. It goes on after a
// failure, and stops with the context's error when ctx is done.
func Check(ctx context.Context, e embed.Embedder) error {
	var errs []error
	for _, c := range checks {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("embedtest: %w", err)
		}
		if err := c.run(ctx, e); err != nil {
			errs = append(errs, &CheckError{Check: c.name, Err: err})
		}
	}
	return errors.Join(errs...)
}

// CheckError is one check that failed.
type CheckError struct {
	Check string // the name that Run gives the subtest
	Err   error
}

// Error names the check and what was wrong.
func (f *CheckError) Error() string { return fmt.Sprintf("embedtest: %s: %v", f.Check, f.Err) }

// Unwrap returns what was wrong.
func (f *CheckError) Unwrap() error { return f.Err }

// checks is the suite, each row with the reason it is there.
var checks = []struct {
	name, why string
	run       func(context.Context, embed.Embedder) error
}{
	{"info", "an index stores the ID and sizes its rows by Dims", checkInfo},
	{"vectors", "every row has Dims finite elements, some not 0, and unit length if Info says so", checkVectors},
	{"determinism", "the same text gives the same vector, or an index cannot be rebuilt", checkDeterminism},
	{"batch", "a batch gives what one text at a time gives, in the order of the texts", checkBatch},
	{"discrimination", "different texts give different vectors", checkDiscrimination},
	{"dst", "rows that suffice are reused, others replaced, and old contents never show through", checkDst},
	{"shapes", "no texts give no rows; the result is as long as the texts whatever dst was", checkShapes},
	{"ownership", "rows belong to the caller: it may overwrite them, and no later call does", checkOwnership},
	{"cancellation", "a context that is done stops the call with the context's error", checkCancellation},
	{"empty", "a text without content gives a vector or a failure of its own, never NaN or zero", checkEmpty},
	{"utf8", "invalid UTF-8 is read as U+FFFD", checkUTF8},
	{"long", "a text of 1 MB is served or fails alone; its neighbours are served", checkLong},
	{"concurrency", "an Embedder is safe for concurrent use", checkConcurrency},
}

// texts are ordinary short texts of the domain, some with codes, accents and other scripts.
var texts = []string{
	"coordinate measuring machine programmer, two days a week",
	"5-axis milling of titanium brackets",
	"IATF 16949 internal auditor",
	"Makino a61 idle on the night shift",
	"usinage à façon, petites séries",
	"powder coating line, 40 % spare capacity",
	"we need help with our injection moulds",
	"精密加工",
	"We are a leading provider of innovative solutions and world-class quality for our valued customers; laser welding",
	"a",
}

var roles = []embed.Role{embed.Symmetric, embed.Query, embed.Document}

// good checks one row against Info.
func good(info embed.Info, row []float32) error {
	if len(row) != info.Dims {
		return fmt.Errorf("row has %d elements, Info.Dims is %d", len(row), info.Dims)
	}
	var sum float64
	for i, x := range row {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			return fmt.Errorf("element %d is %v", i, x)
		}
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return errors.New("row is the zero vector")
	}
	if norm := math.Sqrt(sum); info.Normalized && math.Abs(norm-1) > 1e-3 {
		return fmt.Errorf("row has length %g, Info says Normalized", norm)
	}
	return nil
}

// all asks for texts and expects a good row for each.
func all(ctx context.Context, e embed.Embedder, role embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	rows, err := e.Embed(ctx, role, texts, dst)
	if err != nil {
		return nil, fmt.Errorf("role %v: %w", role, err)
	}
	if len(rows) != len(texts) {
		return nil, fmt.Errorf("role %v: %d rows for %d texts", role, len(rows), len(texts))
	}
	for i, row := range rows {
		if err := good(e.Info(), row); err != nil {
			return nil, fmt.Errorf("role %v, text %d: %w", role, i, err)
		}
	}
	return rows, nil
}

// same says where two sets of rows differ.
func same(a, b [][]float32) error {
	for i := range a {
		if !slices.Equal(a[i], b[i]) {
			return fmt.Errorf("vectors of text %d differ", i)
		}
	}
	return nil
}

func checkInfo(_ context.Context, e embed.Embedder) error {
	info := e.Info()
	switch {
	case info.ID == "" || strings.TrimSpace(info.ID) != info.ID:
		return fmt.Errorf("info.ID %q, want a name without space around it", info.ID)
	case info.Dims < 1:
		return fmt.Errorf("info.Dims %d, want at least 1", info.Dims)
	case info.MaxTokens < 0:
		return fmt.Errorf("info.MaxTokens %d, want 0 or more", info.MaxTokens)
	case info.Metric > embed.L2:
		return fmt.Errorf("unknown %v", info.Metric)
	case info != e.Info():
		return errors.New("info changes between calls")
	}
	return nil
}

func checkVectors(ctx context.Context, e embed.Embedder) error {
	for _, role := range roles {
		if _, err := all(ctx, e, role, texts, nil); err != nil {
			return err
		}
	}
	return nil
}

func checkDeterminism(ctx context.Context, e embed.Embedder) error {
	for _, role := range roles {
		first, err := all(ctx, e, role, texts, nil)
		if err != nil {
			return err
		}
		second, err := all(ctx, e, role, texts, nil)
		if err != nil {
			return err
		}
		if err := same(first, second); err != nil {
			return fmt.Errorf("second call, role %v: %w", role, err)
		}
	}
	return nil
}

func checkBatch(ctx context.Context, e embed.Embedder) error {
	backwards := slices.Clone(texts)
	slices.Reverse(backwards)
	batch, err := all(ctx, e, embed.Document, backwards, nil)
	if err != nil {
		return err
	}
	for i, text := range backwards {
		one, err := all(ctx, e, embed.Document, []string{text}, nil)
		if err != nil {
			return err
		}
		if err := same(batch[i:i+1], one); err != nil {
			return fmt.Errorf("alone against in a batch, position %d: %w", i, err)
		}
	}
	return nil
}

func checkDiscrimination(ctx context.Context, e embed.Embedder) error {
	rows, err := all(ctx, e, embed.Symmetric, texts, nil)
	if err != nil {
		return err
	}
	for i := range rows {
		for j := range i {
			if slices.Equal(rows[i], rows[j]) {
				return fmt.Errorf("texts %d and %d have one vector", j, i)
			}
		}
	}
	return nil
}

func checkDst(ctx context.Context, e embed.Embedder) error {
	want, err := all(ctx, e, embed.Document, texts, nil)
	if err != nil {
		return err
	}
	dims := e.Info().Dims
	dst := make([][]float32, len(texts))
	for i := range dst {
		dst[i] = make([]float32, dims*(i%2)+7*(i%3)) // missing, short, exact and too long
		for j := range dst[i] {
			dst[i][j] = float32(math.NaN())
		}
	}
	given := slices.Clone(dst)
	got, err := all(ctx, e, embed.Document, texts, dst)
	if err != nil {
		return err
	}
	if err := same(want, got); err != nil {
		return fmt.Errorf("with a dst that holds NaN: %w", err)
	}
	for i, row := range given {
		if cap(row) >= dims && &row[:1][0] != &got[i][0] {
			return fmt.Errorf("row %d of dst has capacity %d for %d dimensions and was not reused", i, cap(row), dims)
		}
	}
	return nil
}

func checkShapes(ctx context.Context, e embed.Embedder) error {
	kept := make([][]float32, 5)
	for _, dst := range [][][]float32{nil, {}, kept, kept[:1], kept[:0]} {
		for n := range 4 {
			if _, err := all(ctx, e, embed.Query, texts[:n], dst); err != nil {
				return fmt.Errorf("%d texts, dst of %d rows: %w", n, len(dst), err)
			}
		}
	}
	return nil
}

func checkOwnership(ctx context.Context, e embed.Embedder) error {
	rows, err := all(ctx, e, embed.Document, texts, nil)
	if err != nil {
		return err
	}
	kept := make([][]float32, len(rows))
	for i, row := range rows {
		kept[i] = slices.Clone(row)
	}
	if _, err := all(ctx, e, embed.Document, []string{texts[1], texts[0]}, nil); err != nil {
		return err
	}
	if err := same(kept, rows); err != nil {
		return fmt.Errorf("rows handed out, after another call: %w", err)
	}
	for _, row := range rows {
		for i := range row {
			row[i] = float32(math.Inf(1))
		}
	}
	again, err := all(ctx, e, embed.Document, texts, nil)
	if err != nil {
		return fmt.Errorf("after the caller overwrote its rows: %w", err)
	}
	return same(kept, again)
}

func checkCancellation(ctx context.Context, e embed.Embedder) error {
	done, cancel := context.WithCancel(ctx)
	cancel()
	for _, texts := range [][]string{texts, texts[:1], nil} {
		rows, err := e.Embed(done, embed.Document, texts, nil)
		if len(texts) == 0 && err == nil {
			continue // nothing to do is done
		}
		if err == nil {
			return fmt.Errorf("%d texts under a cancelled context: no error", len(texts))
		}
		if !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%d texts under a cancelled context: not its error: %w", len(texts), err)
		}
		if rows != nil {
			return fmt.Errorf("%d rows from a cancelled call", len(rows))
		}
	}
	return nil
}

// each checks that every text has a good row or a reason in a BatchError, and that the texts at must have a row.
func each(ctx context.Context, e embed.Embedder, texts []string, must ...int) ([][]float32, error) {
	rows, err := e.Embed(ctx, embed.Document, texts, nil)
	batch := &embed.BatchError{}
	if err != nil {
		b, ok := errors.AsType[*embed.BatchError](err)
		if !ok {
			return nil, fmt.Errorf("texts sank the whole call: %w", err)
		}
		if len(b.Errs) == 0 {
			return nil, errors.New("a BatchError without a reason")
		}
		batch = b
	}
	if len(rows) != len(texts) {
		return nil, fmt.Errorf("%d rows for %d texts", len(rows), len(texts))
	}
	for i, row := range rows {
		reason := batch.Errs[i]
		switch {
		case reason != nil && slices.Contains(must, i):
			return nil, fmt.Errorf("text %d failed: %w", i, reason)
		case reason != nil && row != nil:
			return nil, fmt.Errorf("text %d failed and has a row", i)
		case reason == nil:
			if err := good(e.Info(), row); err != nil {
				return nil, fmt.Errorf("text %d: %w", i, err)
			}
		}
	}
	for i := range batch.Errs {
		if i < 0 || i >= len(texts) {
			return nil, fmt.Errorf("a reason for text %d of %d", i, len(texts))
		}
	}
	return rows, nil
}

func checkEmpty(ctx context.Context, e embed.Embedder) error {
	_, err := each(ctx, e, []string{"", texts[0], " ", "\t\n", "…!?", "\u200b", "\x00", texts[1]}, 1, 7)
	return err
}

func checkUTF8(ctx context.Context, e embed.Embedder) error {
	bad := []string{texts[0], "milling\xfftitanium", "\xed\xa0\x80", "\xc3", texts[1] + "\xf0\x9f"}
	fixed := make([]string, len(bad))
	for i, text := range bad {
		fixed[i] = string([]rune(text)) // one U+FFFD for each bad byte
	}
	got, err := each(ctx, e, bad, 0, 1, 4)
	if err != nil {
		return err
	}
	want, err := each(ctx, e, fixed, 0, 1, 4)
	if err != nil {
		return err
	}
	if err := same(got, want); err != nil {
		return fmt.Errorf("bad bytes against U+FFFD: %w", err)
	}
	return nil
}

func checkLong(ctx context.Context, e embed.Embedder) error {
	const size = 1 << 20
	long := strings.Repeat("laser welding of thin sheet ", size/28+1)[:size]
	_, err := each(ctx, e, []string{texts[0], long, texts[1], strings.Repeat("x", size)}, 0, 2)
	return err
}

func checkConcurrency(ctx context.Context, e embed.Embedder) error {
	want, err := all(ctx, e, embed.Document, texts, nil)
	if err != nil {
		return err
	}
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for range 2 {
				got, err := all(ctx, e, embed.Document, texts, nil)
				if err == nil {
					err = same(want, got)
				}
				if err != nil {
					errs[i] = fmt.Errorf("four goroutines at once: %w", err)
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
