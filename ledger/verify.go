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
	Streams    int       `json:"streams"`
	Root       Hash      `json:"root"`
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

// Verify audits the whole log from the store: every leaf, header, tag and
// payload commitment, positions and chains of the streams, keys, times, the
// tree, and the newest signed checkpoint. Entries whose subject was shredded
// count as erased, not as damaged. It goes on after a fault, up to [MaxFaults].
//
// It costs about 20 µs per entry and runs beside appends, over the size the log
// has at the start. The error is nil only if nothing was found: a
// [CorruptError] names the first fault. Other errors ([ErrClosed], the
// context's) mean that the audit is incomplete.
func (l *Log) Verify(ctx context.Context) (Findings, error) {
	nodes, size, err := l.snapshot()
	if err != nil {
		return Findings{}, err
	}
	f := Findings{Size: size}
	if err := l.verifyEntries(ctx, &f); err != nil {
		return f, err
	}
	if err := l.verifyTree(&f, nodes); err != nil {
		return f, err
	}
	if len(f.Faults) > 0 {
		return f, &CorruptError{Index: f.Faults[0].Index, What: f.Faults[0].What}
	}
	return f, nil
}

// verifyEntries reads entry after entry, and starts again behind each fault.
func (l *Log) verifyEntries(ctx context.Context, f *Findings) error {
	streams := map[string]struct{}{}
	for next := uint64(0); next < f.Size && len(f.Faults) < MaxFaults; {
		fault := error(nil)
		l.readRange(ctx, next, f.Size, func(e Entry, err error) bool {
			if fault = err; err != nil {
				return false
			}
			streams[e.Stream] = struct{}{}
			if e.Erased {
				f.Erased++
			}
			if f.First.IsZero() {
				f.First = e.Time
			}
			f.Last = e.Time
			next++
			return true
		})
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(fault, ErrClosed):
			return fault
		case fault != nil:
			f.Faults = append(f.Faults, Fault{Index: int64(next), What: faultText(fault)})
			next++
		case next < f.Size:
			f.Faults = append(f.Faults, Fault{Index: int64(next), What: "store yields no frame"})
			next++
		}
	}
	f.Streams = len(streams)
	return nil
}

func faultText(err error) string {
	if c, ok := errors.AsType[*CorruptError](err); ok {
		return c.What
	}
	return err.Error()
}

// verifyTree computes the tree again from its leaves, which verifyEntries has
// compared with the store, and holds the signed checkpoint against it.
func (l *Log) verifyTree(f *Findings, nodes []Hash) error {
	var again []Hash
	var err error
	s := state{nodes: nodes}
	for i := range f.Size {
		if again, err = grow(again, i, s.leafHash(i)); err != nil {
			return err
		}
	}
	if f.Root, err = rootAt(again, f.Size); err != nil {
		return err
	}
	kept, err := rootAt(nodes, f.Size)
	if err != nil {
		return err
	}
	if kept != f.Root {
		f.Faults = append(f.Faults, Fault{Index: -1, What: "tree hashes in memory do not match the leaves"})
	}
	l.mu.RLock()
	signed := l.signed
	l.mu.RUnlock()
	if signed.note == nil || signed.size > f.Size {
		return nil
	}
	size, root, err := parseCheckpoint(signed.note, l.check)
	if err != nil {
		f.Faults = append(f.Faults, Fault{Index: -1, What: "newest checkpoint: " + err.Error()})
		return nil
	}
	f.Checkpoint = size
	have, err := rootAt(again, size)
	if err == nil && have != root {
		f.Faults = append(f.Faults, Fault{Index: -1, What: "newest checkpoint is not of this tree"})
	}
	return err
}
