package coderhnsw

import (
	"errors"
	"fmt"
)

// ErrPanicked: the peer panicked during a call. See [PanicError].
var ErrPanicked = errors.New("coder/hnsw panicked")

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
