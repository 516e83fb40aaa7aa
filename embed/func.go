package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
)

// ErrNotFinite is the reason of a text for which a wrapped function answered NaN, an infinity or the zero
// vector.
var ErrNotFinite = errors.New("embed: vector is not finite or has length 0")

// DimsError is the reason of a text for which a wrapped function answered a vector of the wrong length.
type DimsError struct {
	// Got is the length of the vector that came, Want the one that [Info] states.
	Got, Want int
}

// Error states both lengths.
func (e *DimsError) Error() string {
	return fmt.Sprintf("embed: vector has %d dimensions, want %d", e.Got, e.Want)
}

// Func adapts the one-text function that chromem-go and others use. It calls f for one text after the other,
// on the caller's goroutine, ignores the role, copies each answer into its row, and is safe for concurrent use
// if f is. The texts for which f fails make a [*BatchError]; so does an answer whose length is not info.Dims
// (a [*DimsError]) or that is no vector at all ([ErrNotFinite]). Between texts it looks at the context and
// then gives up the whole call with the context's error. The caller vouches for info.
func Func(info Info, f func(ctx context.Context, text string) ([]float32, error)) Embedder {
	return &oneByOne{info: info, f: f}
}

type oneByOne struct {
	info Info
	f    func(ctx context.Context, text string) ([]float32, error)
}

func (o *oneByOne) Info() Info { return o.info }

func (o *oneByOne) Embed(ctx context.Context, _ Role, texts []string, dst [][]float32) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("embed: %w", err)
	}
	dst = Rows(dst, len(texts), o.info.Dims)
	errs := map[int]error{}
	for i, text := range texts {
		v, err := o.one(ctx, text)
		if ctxErr := ctx.Err(); ctxErr != nil {
			return nil, fmt.Errorf("embed: %w", ctxErr)
		}
		if err != nil {
			errs[i], dst[i] = err, nil
			continue
		}
		copy(dst[i], v)
	}
	if len(errs) > 0 {
		return dst, &BatchError{Errs: errs}
	}
	return dst, nil
}

// one asks for one text and checks the answer.
func (o *oneByOne) one(ctx context.Context, text string) ([]float32, error) {
	v, err := o.f(ctx, text)
	if err != nil {
		return nil, err
	}
	if len(v) != o.info.Dims {
		return nil, &DimsError{Got: len(v), Want: o.info.Dims}
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if !(sum > 0) || math.IsInf(sum, 0) { // a NaN is not > 0
		return nil, ErrNotFinite
	}
	return v, nil
}

// AsFunc is the inverse of [Func]: the one-text function over e with a fixed role, as chromem-go and others
// take it. Each call allocates its vector, which belongs to the caller. When the text failed, the error is its
// own reason, without the [BatchError] around it.
func AsFunc(e Embedder, role Role) func(ctx context.Context, text string) ([]float32, error) {
	return func(ctx context.Context, text string) ([]float32, error) {
		rows, err := e.Embed(ctx, role, []string{text}, nil)
		if batch, ok := errors.AsType[*BatchError](err); ok && batch.Errs[0] != nil {
			return nil, batch.Errs[0]
		}
		if err != nil {
			return nil, err
		}
		if len(rows) != 1 {
			return nil, fmt.Errorf("embed: %d rows for 1 text", len(rows))
		}
		return rows[0], nil
	}
}
