package policy

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// Engine holds the set in force. Readers take it by one atomic load and are never kept waiting; a swap never mixes the
// old and the new in one answer. An Engine is safe for concurrent use. The zero
// Engine has the zero [Set] in force.
type Engine struct {
	active atomic.Pointer[Set]

	mu   sync.Mutex // of swaps
	seen map[string]seenVersion
}

// seenVersion is the newest document of an employer that was ever in force.
type seenVersion struct {
	version int
	digest  [32]byte
}

// ErrNoSet says that a swap was given no set.
var ErrNoSet = errors.New("policy: engine: no set")

// VersionError says that a set was refused because of one document. The active set stays in force.
type VersionError struct {
	Have int `json:"have"` // the newest version that was in force
	Got  int `json:"got"`  // the version that was refused; equal to Have if its content differs
}

// Error returns which version was refused.
func (e *VersionError) Error() string {
	if e.Got == e.Have {
		return fmt.Sprintf("policy: engine: version %d has another digest than the one in force", e.Got)
	}
	return fmt.Sprintf("policy: engine: version %d is older than %d", e.Got, e.Have)
}

// NewEngine returns an engine with a set in force. A nil set is the empty one of [BaseSchema], which denies everything.
func NewEngine(set *Set) *Engine {
	if set == nil {
		set = &Set{schema: BaseSchema()}
	}
	e := &Engine{}
	e.note(set)
	e.active.Store(set)
	return e
}

// Set returns the set in force. Keep it for as long as several answers must come from the same rules.
func (e *Engine) Set() *Set {
	if set := e.active.Load(); set != nil {
		return set
	}
	return &Set{}
}

// Decide asks the set in force.
func (e *Engine) Decide(q *Query) Decision { return e.Set().Decide(q) }

// Swap puts a set in force. It is refused as a whole if any document is older than one of the same employer that was in
// force before, even before a set without that employer, or has the same version and another content. Documents that the
// set leaves out are no longer in force. It costs a comparison per employer, some 30 ns each.
//
// Errors: [ErrNoSet] for nil, [*VersionError].
func (e *Engine) Swap(next *Set) error {
	if next == nil {
		return ErrNoSet
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.admit(next); err != nil {
		return err
	}
	e.note(next)
	e.active.Store(next)
	return nil
}

// Update is [Set.With] of the set in force, then [Engine.Swap]: it replaces the documents of some employers. Updates of
// different employers never undo each other, whatever their order. The errors are those of the two.
func (e *Engine) Update(docs ...Source) error {
	fresh, err := Compile(e.Set().schema, docs...)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	active := e.Set()
	if active.schema != nil && fresh.schema != active.schema {
		if fresh, err = Compile(active.schema, docs...); err != nil {
			return err
		}
	}
	if err := e.admit(fresh); err != nil {
		return err
	}
	e.note(fresh)
	e.active.Store(active.with([]*Set{fresh}))
	return nil
}

func (e *Engine) admit(next *Set) error {
	for f := range next.firms.all {
		have, known := e.seen[f.employer]
		if known && (f.version < have.version || f.version == have.version && f.digest != have.digest) {
			return &VersionError{Have: have.version, Got: f.version}
		}
	}
	return nil
}

func (e *Engine) note(set *Set) {
	if e.seen == nil {
		e.seen = map[string]seenVersion{}
	}
	for f := range set.firms.all {
		e.seen[f.employer] = seenVersion{f.version, f.digest}
	}
}
