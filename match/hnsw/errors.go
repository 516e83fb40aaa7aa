package hnsw

import (
	"errors"
	"fmt"
)

// Sentinel errors, found with errors.Is in what this package returns.
var (
	// ErrDimension: a slice is not as long as the dimension asks for.
	ErrDimension = errors.New("length does not fit the dimension")
	// ErrNotFinite: a component is NaN or infinite.
	ErrNotFinite = errors.New("not finite")
	// ErrZeroVector: the zero vector has no direction, so [Cosine] cannot place it.
	ErrZeroVector = errors.New("zero vector under cosine")
	// ErrTooLong: the Euclidean norm is above [MaxNorm].
	ErrTooLong = errors.New("norm above 1e18")
	// ErrDuplicateKey: one batch names a key twice.
	ErrDuplicateKey = errors.New("key repeated within the batch")
	// ErrRowNumber: a key under Options.RowNumbers is above 65,536 and four times the
	// number of rows; or the type of keys is no uint32.
	ErrRowNumber = errors.New("not a row number")
	// ErrRange: a number is outside its documented bounds.
	ErrRange = errors.New("out of range")
	// ErrCorrupt: [Index.Check] found a broken invariant, or a file is not as it
	// was written.
	ErrCorrupt = errors.New("broken invariant")
	// ErrClosed: [Index.Close] was called before.
	ErrClosed = errors.New("index is closed")
	// ErrVersion: a file is of a format that this version does not know.
	ErrVersion = errors.New("unknown format")
	// ErrForeign: a snapshot has keys of another type than was asked for.
	ErrForeign = errors.New("snapshot of other keys")
)

// A RowError says which row of a batch was refused, and why. Err is
// [ErrNotFinite], [ErrZeroVector], [ErrTooLong], [ErrDuplicateKey] or
// [ErrRowNumber].
type RowError struct {
	Row       int // position in the batch; -1 means the query of a search
	Component int // position in the row; -1 where the whole row is at fault
	Err       error
}

// Error names the row and component, never the key or the value.
func (e *RowError) Error() string {
	where := fmt.Sprintf("row %d", e.Row)
	if e.Row < 0 {
		where = "query"
	}
	if e.Component >= 0 {
		where += fmt.Sprintf(", component %d", e.Component)
	}
	return fmt.Sprintf("hnsw: %s: %v", where, e.Err)
}

// Unwrap returns e.Err.
func (e *RowError) Unwrap() error { return e.Err }

// A LengthError says which slice has the wrong length. It unwraps to
// [ErrDimension].
type LengthError struct {
	What      string // "vecs" or "query"
	Got, Want int    // in float32 values
}

func (e *LengthError) Error() string {
	return fmt.Sprintf("hnsw: %s has %d values, want %d", e.What, e.Got, e.Want)
}

// Unwrap returns [ErrDimension].
func (e *LengthError) Unwrap() error { return ErrDimension }

// A RangeError says which number is out of its bounds. It unwraps to
// [ErrRange].
type RangeError struct {
	Field    string // the argument or option, such as "k" or "Options.M"
	Value    int
	Min, Max int
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("hnsw: %s is %d, want %d to %d", e.Field, e.Value, e.Min, e.Max)
}

// Unwrap returns [ErrRange].
func (e *RangeError) Unwrap() error { return ErrRange }

// inRange returns nil if lo <= v <= hi, else a [*RangeError].
func inRange(field string, v, lo, hi int) error {
	if v < lo || v > hi {
		return &RangeError{Field: field, Value: v, Min: lo, Max: hi}
	}
	return nil
}

// A KeyTypeError says that keys of a type cannot be row numbers. It unwraps to
// [ErrRowNumber].
type KeyTypeError struct{ Type string }

func (e *KeyTypeError) Error() string {
	return fmt.Sprintf("hnsw: Options.RowNumbers: keys are of type %s, want a uint32", e.Type)
}

// Unwrap returns [ErrRowNumber].
func (e *KeyTypeError) Unwrap() error { return ErrRowNumber }

// A SnapshotError says where a snapshot is not as it was written. It unwraps to
// [ErrCorrupt].
type SnapshotError struct {
	Section string // "header", "sums", or which of the index's parts
	Offset  int    // in the file, where it begins
	Why     string
}

func (e *SnapshotError) Error() string {
	return fmt.Sprintf("hnsw: snapshot: %s at byte %d: %s", e.Section, e.Offset, e.Why)
}

// Unwrap returns [ErrCorrupt].
func (e *SnapshotError) Unwrap() error { return ErrCorrupt }
