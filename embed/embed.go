// Package embed turns texts into vectors: one small interface, the facts that give a vector space its
// identity, and adapters between the batch form used here and the one-text form used elsewhere.
//
// # What it promises
//
// An [Embedder] is asked in batches, may be used by many goroutines at once, answers per item (one bad text
// does not sink its batch, see [BatchError]) and says in [Info] what its vectors are. Info.ID names model,
// revision, quantisation and dimensions; two vectors may be compared only if they come from the same ID, so
// an index or a log that stores vectors stores the ID beside them and refuses others.
//
// # What it does not promise
//
// A vector is as secret as the text it was made from: most short texts can be read back out of their vectors
// (Morris et al., arXiv 2310.06816). Nothing in this package logs a text or a vector, and no error of this
// package quotes one; callers should do the same. An embedding never settles a hard requirement: codes and
// numbers are for exact gates.
//
// Implementations live in sub-packages ([github.com/deeperpoint/csss/embed/lexical] is the hashed n-gram
// baseline); [github.com/deeperpoint/csss/embed/embedtest] is the suite that every implementation passes.
package embed

import (
	"context"
	"fmt"
)

// Role says what a text is for. Asymmetric models add a prefix or use another head for queries than for
// documents; symmetric models ignore it.
type Role uint8

const (
	// Symmetric compares like with like, for example two competence summaries.
	Symmetric Role = iota
	// Query is a need that searches.
	Query
	// Document is an offer that is searched.
	Document
)

// String returns "symmetric", "query" or "document", and "role(n)" for any other value.
func (r Role) String() string {
	switch r {
	case Symmetric:
		return "symmetric"
	case Query:
		return "query"
	case Document:
		return "document"
	}
	return fmt.Sprintf("role(%d)", uint8(r))
}

// Metric is the comparison for which a model's vectors were made.
type Metric uint8

const (
	// Cosine compares directions only.
	Cosine Metric = iota
	// Dot is the inner product; length carries meaning.
	Dot
	// L2 is the Euclidean distance.
	L2
)

// String returns "cosine", "dot" or "l2", and "metric(n)" for any other value.
func (m Metric) String() string {
	switch m {
	case Cosine:
		return "cosine"
	case Dot:
		return "dot"
	case L2:
		return "l2"
	}
	return fmt.Sprintf("metric(%d)", uint8(m))
}

// MarshalText writes the metric as [Metric.String] does. It fails for a value without a name.
func (m Metric) MarshalText() ([]byte, error) {
	if m > L2 {
		return nil, fmt.Errorf("embed: metric %d, the largest is %d", uint8(m), uint8(L2))
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what [Metric.MarshalText] writes and refuses anything else.
func (m *Metric) UnmarshalText(text []byte) error {
	for k := Cosine; k <= L2; k++ {
		if string(text) == k.String() {
			*m = k
			return nil
		}
	}
	return fmt.Errorf("embed: metric %.20q, want cosine, dot or l2", text)
}

// Embedder turns texts into vectors. Implementations are safe for concurrent use and deterministic: the same
// role and text give the same vector, alone or in any batch.
type Embedder interface {
	// Embed writes one vector of Info().Dims elements per text into dst and returns it, dst[i] belonging to
	// texts[i] and the length of the result being len(texts). A nil dst is allowed. A dst row whose capacity
	// suffices is reused, and dst itself up to its capacity as append does, so a caller that keeps dst need
	// not pay for rows twice ([Rows] does this for implementations). The rows belong to the caller; the
	// texts are not kept.
	//
	// Any text is accepted, the empty one included; invalid UTF-8 is read as if each bad byte were U+FFFD.
	// An implementation that has no vector for a text fails that text; it never answers NaN, an infinity or
	// the zero vector.
	//
	// When some texts fail (or each for its own reason), err is a [*BatchError], the rows that failed are nil
	// and the others are valid. When the call as a whole fails, err is anything else and the result is nil;
	// what then lies in the old rows of dst is undefined. A context that is done before the work is gives an
	// error for which errors.Is(err, ctx.Err()) holds. No texts give no rows and, unless the context is
	// done, no error.
	Embed(ctx context.Context, role Role, texts []string, dst [][]float32) ([][]float32, error)

	// Info describes the vectors. It is constant over the life of the Embedder and costs nothing.
	Info() Info
}

// Info is the identity of a vector space.
type Info struct {
	// ID is model, revision, quantisation and dimensions, for example "csss-lexical/1/512". Vectors with
	// different IDs must never be compared. Never empty.
	ID string `json:"id"`
	// Dims is the length of each vector, at least 1.
	Dims int `json:"dims"`
	// MaxTokens is the number of the model's own tokens after which a text is cut; 0 means no limit.
	MaxTokens int `json:"max_tokens,omitempty"`
	// Normalized says that each vector has length 1 (to within 1e-3), so that Dot equals Cosine.
	Normalized bool `json:"normalized"`
	// Metric is the comparison for which the vectors were made.
	Metric Metric `json:"metric"`
}

// Rows returns n rows of dims elements for an implementation of [Embedder.Embed] to fill. Rows of dst (up to
// its capacity) are reused where their capacity suffices, and their old contents are left in place; the rows
// that are missing are cut from one new array, so the cost is at most two allocations. Negative n or dims
// count as 0.
func Rows(dst [][]float32, n, dims int) [][]float32 {
	n, dims = max(n, 0), max(dims, 0)
	dst = dst[:cap(dst)]
	if len(dst) < n {
		dst = append(make([][]float32, 0, n), dst...)[:n]
	}
	dst = dst[:n]
	missing := 0
	for i, row := range dst {
		if cap(row) < dims {
			missing++
		} else {
			dst[i] = row[:dims]
		}
	}
	if missing == 0 {
		return dst
	}
	slab := make([]float32, missing*dims)
	for i, row := range dst {
		if cap(row) < dims {
			dst[i], slab = slab[:dims:dims], slab[dims:]
		}
	}
	return dst
}
