package ledger

import (
	"context"
	"errors"
	"time"
)

// Findings are the result of an audit.
type Findings struct {
	Size       uint64    `json:"size"` // entries looked at
	Erased     uint64    `json:"erased"`
	Streams    int       `json:"streams"`    // before the first fault
	Root       Hash      `json:"root"`       // of the tree the log answers from
	Checkpoint uint64    `json:"checkpoint"` // size of the newest signed head; 0 if none
	First      time.Time `json:"first,omitzero"`
	Last       time.Time `json:"last,omitzero"`
	Faults     []Fault   `json:"faults,omitempty"` // in order, at most MaxFaults
}

// Fault is one thing that does not hold.
type Fault struct {
	Index int64  `json:"index"` // the entry at fault, -1 for the log as a whole
	What  string `json:"what"`
}

// MaxFaults is where [Log.Verify] stops.
const MaxFaults = 100

// Verify audits the whole log from the store, with nothing taken from memory
// but the keys: every leaf, header, tag and payload commitment; positions and
// chains of the streams, keys, times and the tree, computed again; and the
// newest signed checkpoint. Then it compares the result with what the log
// answers from. Entries whose subject was shredded count as erased, not as
// damaged. It goes on after a fault, up to [MaxFaults]; the tree and the chains
// are then not computed behind it.
//
// It costs about 10 µs per entry and runs beside appends, over the size the log
// has at the start. The error is nil only if nothing was found: a
// [CorruptError] names the first fault. Other errors ([ErrClosed], the
// context's) mean that the audit is incomplete.
func (l *Log) Verify(ctx context.Context) (Findings, error) {
	nodes, size, err := l.snapshot()
	if err != nil {
		return Findings{}, err
	}
	a := audit{Findings: Findings{Size: size}, log: l, again: newState()}
	if a.Root, err = rootAt(nodes, size); err != nil {
		return a.Findings, err
	}
	if err := a.entries(ctx); err != nil {
		return a.Findings, err
	}
	a.tree()
	if len(a.Faults) > 0 {
		return a.Findings, &CorruptError{Index: a.Faults[0].Index, What: a.Faults[0].What}
	}
	return a.Findings, nil
}

// audit is a running Verify.
type audit struct {
	Findings
	log   *Log
	again *state // rebuilt from the entries, up to the first fault
}

func (a *audit) fault(index int64, what string) {
	a.Faults = append(a.Faults, Fault{Index: index, What: what})
}

// entries reads entry after entry, and starts again behind each fault.
func (a *audit) entries(ctx context.Context) error {
	for next := uint64(0); next < a.Size && len(a.Faults) < MaxFaults; next++ {
		err := error(nil)
		for f, e := range a.log.store.Read(ctx, next, a.Size) {
			if err = e; err == nil {
				err = a.entry(ctx, f, next)
			}
			if err != nil {
				break
			}
			next++
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrClosed):
			return err
		case err != nil:
			a.fault(int64(next), faultText(err))
		case next < a.Size:
			a.fault(int64(next), "store yields no frame")
		}
	}
	a.Streams = len(a.again.streams)
	return nil
}

// entry checks one frame, which must be that of an index.
func (a *audit) entry(ctx context.Context, f Frame, index uint64) error {
	if f.Index != index {
		return corruptEntry(index, "store yields another frame")
	}
	e, o, err := a.log.decode(ctx, f)
	if err != nil {
		return err
	}
	if len(a.Faults) == 0 {
		if what := a.again.add(&a.log.tenant, o); what != "" {
			return corruptEntry(index, what)
		}
	}
	if e.Erased {
		a.Erased++
	}
	if a.First.IsZero() {
		a.First = e.Time
	}
	a.Last = e.Time
	return nil
}

func faultText(err error) string {
	if c, ok := errors.AsType[*CorruptError](err); ok {
		return c.What
	}
	return err.Error()
}

// tree compares the tree of the entries with the one the log answers from, and
// with the newest signed checkpoint.
func (a *audit) tree() {
	if len(a.Faults) > 0 {
		return
	}
	if root, err := rootAt(a.again.nodes, a.Size); err != nil || root != a.Root {
		a.fault(-1, "tree in memory is not that of the entries")
		return
	}
	a.log.mu.RLock()
	signed := a.log.signed
	a.log.mu.RUnlock()
	if signed.note == nil || signed.size > a.Size {
		return
	}
	size, root, err := parseCheckpoint(signed.note, a.log.check)
	if err != nil {
		a.fault(-1, "newest checkpoint: "+err.Error())
		return
	}
	if have, err := rootAt(a.again.nodes, size); err != nil || have != root {
		a.fault(-1, "newest checkpoint is not of this tree")
	}
	a.Checkpoint = size
}
