package coderhnsw

import (
	"errors"
	"fmt"
)

// ErrPanicked: the peer panicked during a call. See [PanicError].
var ErrPanicked = errors.New("coder/hnsw panicked")

// What [Import] finds wrong with a file, beside errors of package hnsw.
var (
	// ErrDamaged: coder/hnsw does not write such a file; or it panicked half-way
	// through an Add before.
	ErrDamaged = errors.New("not as coder/hnsw writes it")
	// ErrDangling: an edge leads to a key that is not on its layer. See
	// [ImportOptions].LooseEdges.
	ErrDangling = errors.New("an edge leads nowhere")
	// ErrDistance: the graph was built with a distance function of its user's own,
	// or with another than is asked for.
	ErrDistance = errors.New("another distance function")
	// ErrKey: a key, or any key of its type, cannot be a key of the index.
	ErrKey = errors.New("key of another type")
)

// An ImportError says where a saved graph stops being one that [Import] takes, and
// why. Err, to which it unwraps, is one of
//
//	io.ErrUnexpectedEOF   the file ends too early
//	hnsw.ErrVersion       it is of another version than 1
//	hnsw.ErrRange         a number is outside its bounds
//	hnsw.ErrNotFinite     a component is NaN or infinite
//	hnsw.ErrZeroVector    a zero vector under cosine
//	hnsw.ErrTooLong       a vector is longer than an index takes
//	hnsw.ErrRowNumber     a key is too large for Options.RowNumbers
//	[ErrDamaged], [ErrDangling], [ErrDistance], [ErrKey]
//
// or what the reader returned.
type ImportError struct {
	// Field is "version", "M", "Ml", "EfSearch", "distance", "layers", "rows" (of the
	// base layer), "nodes" (of another), "key", "vector", "edges" (how many), "edge"
	// or "end".
	Field  string
	Offset int64  // where in the file the field begins, or the component of a vector
	Why    string // the number or name and what was wanted; or empty
	Err    error
}

// Error names the field and its place, and never a key or a component.
func (e *ImportError) Error() string {
	text := fmt.Sprintf("coderhnsw: import: %s at byte %d: %v", e.Field, e.Offset, e.Err)
	if e.Why != "" {
		text += ": " + e.Why
	}
	return text
}

// Unwrap returns e.Err.
func (e *ImportError) Unwrap() error { return e.Err }

// A PanicError is a panic of the peer that did not reach the caller. The call
// has changed nothing, the graph is dropped, and the next call that needs it
// builds it from the rows. It unwraps to [ErrPanicked].
type PanicError struct {
	Op    string // "add" or "search"
	Value string // what was panicked with, as text
}

// Error names the operation and the panic's text.
func (e *PanicError) Error() string {
	return fmt.Sprintf("coderhnsw: %s: %v: %s", e.Op, ErrPanicked, e.Value)
}

// Unwrap returns [ErrPanicked].
func (e *PanicError) Unwrap() error { return ErrPanicked }

// guarded runs a call to the peer and turns its panic into an error.
func guarded(op string, call func()) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &PanicError{Op: op, Value: fmt.Sprint(p)}
		}
	}()
	call()
	return nil
}
