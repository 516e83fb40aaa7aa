package embed

import (
	"fmt"
	"maps"
	"slices"
)

// BatchError reports the texts of one [Embedder.Embed] call that failed, each with its own reason. The rows of
// all other texts are valid. Read it with errors.AsType[*BatchError]; errors.Is and errors.As look into every
// item.
type BatchError struct {
	// Errs maps the index of a failed text to its reason. Never empty in an error that was returned.
	Errs map[int]error
}

// Error names how many texts failed, the first of them by its index, and that one's reason.
func (e *BatchError) Error() string {
	if len(e.Errs) == 0 {
		return "embed: 0 texts failed"
	}
	first := slices.Min(slices.Collect(maps.Keys(e.Errs)))
	return fmt.Sprintf("embed: %d texts failed, first text %d: %v", len(e.Errs), first, e.Errs[first])
}

// Unwrap returns the reasons in the order of their texts.
func (e *BatchError) Unwrap() []error {
	errs := make([]error, 0, len(e.Errs))
	for _, i := range slices.Sorted(maps.Keys(e.Errs)) {
		errs = append(errs, e.Errs[i])
	}
	return errs
}

// Retryable says whether asking again for text i may help: the nearest error in the chain of its reason that
// has a method Retryable() bool or Timeout() bool says so. It is false for a text that did not fail and for a
// reason that says neither; context.DeadlineExceeded says Timeout, context.Canceled does not.
func (e *BatchError) Retryable(i int) bool {
	return retryable(e.Errs[i])
}

func retryable(err error) bool {
	if err == nil {
		return false
	}
	switch x := err.(type) { //nolint:errorlint // this is the walk over the chain
	case interface{ Retryable() bool }:
		return x.Retryable()
	case interface{ Timeout() bool }:
		return x.Timeout()
	case interface{ Unwrap() error }:
		return retryable(x.Unwrap())
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(x.Unwrap(), retryable)
	}
	return false
}
