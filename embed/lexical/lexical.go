package lexical

import (
	"context"
	"fmt"
	"sync"

	"github.com/deeperpoint/csss/embed"
)

// Limits of [Options] and of a text.
const (
	// DefaultDims is the number of dimensions when Options names none.
	DefaultDims = 512
	// MinDims is the smallest Options.Dims.
	MinDims = 64
	// MaxDims is the largest Options.Dims.
	MaxDims = 1 << 16
	// MaxTokens is the number of words after which a text is cut.
	MaxTokens = 8192
	// MaxBytes is the length in bytes at which a text is cut before anything else is done with it, at the
	// start of the rune that would pass it.
	MaxBytes = 1 << 20
)

// Options of [New].
type Options struct {
	// Dims is the length of the vectors, MinDims to MaxDims. More dimensions mean fewer collisions between
	// features and a larger index; the package comment has the numbers. Default 512.
	Dims int `json:"dims,omitempty"`
}

// Embedder is the hashed n-gram embedder. Its only state is working memory that calls take and give back. Use
// [New]; safe for concurrent use.
type Embedder struct {
	dims    int
	scratch sync.Pool // of *sums
}

var _ embed.Embedder = (*Embedder)(nil)

// New returns an embedder. It fails if Dims is neither 0 nor between MinDims and MaxDims; it reads nothing
// and costs nothing.
func New(o *Options) (*Embedder, error) {
	dims := DefaultDims
	if o != nil && o.Dims != 0 {
		dims = o.Dims
	}
	if dims < MinDims || dims > MaxDims {
		return nil, fmt.Errorf("lexical: Dims %d, want %d to %d", dims, MinDims, MaxDims)
	}
	return &Embedder{dims: dims}, nil
}

// Info returns the identity of the vectors, "csss-lexical/1/<dims>". The 1 changes when any vector would.
func (e *Embedder) Info() embed.Info {
	return embed.Info{
		ID:         fmt.Sprintf("csss-lexical/1/%d", e.dims),
		Dims:       e.dims,
		MaxTokens:  MaxTokens,
		Normalized: true,
		Metric:     embed.Cosine,
	}
}

// Embed implements [embed.Embedder]. The role is ignored. No text fails; the only error wraps that of the
// context, which is looked at before each text. The time is linear in the text, some microseconds for ten words. With a
// dst that fits it does not allocate, except for texts that are not ASCII and for working memory after a
// garbage collection.
func (e *Embedder) Embed(ctx context.Context, _ embed.Role, texts []string, dst [][]float32) ([][]float32, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("lexical: %w", err)
	}
	dst = embed.Rows(dst, len(texts), e.dims)
	s, ok := e.scratch.Get().(*sums)
	if !ok {
		s = &sums{dims: make([]int64, e.dims)}
	}
	defer e.scratch.Put(s)
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("lexical: %w", err)
		}
		s.words.split(text)
		s.add(&s.words)
		s.write(dst[i])
	}
	return dst, nil
}
