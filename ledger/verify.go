package ledger

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
	"github.com/deeperpoint/csss/ledger/internal/table"
)

// Depth says how much an audit looks at. The leaves' form and times and the tree
// are looked at in any case.
type Depth int

const (
	// VerifyAll recomputes everything: headers, tags, streams, keys, header and
	// payload commitments.
	VerifyAll Depth = iota
	// VerifyCommitments opens every payload and recomputes its commitment: that
	// what the log holds is what the tree says. It leaves out how entries follow
	// each other.
	VerifyCommitments
	// VerifyHeaders recomputes how entries follow each other: streams, keys and
	// header commitments. It leaves out payloads, and the HMAC tags, which only
	// the holder of the tenant key could have made wrong.
	VerifyHeaders
	// VerifyTree reads the leaf records alone.
	VerifyTree
)

// VerifyOptions are the choices of [Log.Verify]. A nil *VerifyOptions is the zero
// value.
type VerifyOptions struct {
	// Depth is how much is looked at. Default: VerifyAll.
	Depth Depth

	// Progress is called now and then, in order, from the goroutine of the call,
	// with the entries done and all there are. Default: none.
	Progress func(done, total uint64)
}

// Findings are the result of an audit.
type Findings struct {
	Size       uint64    `json:"size"`       // entries looked at
	Erased     uint64    `json:"erased"`     // entries whose payload is gone by right; 0 where payloads are not looked at
	Unerased   uint64    `json:"unerased"`   // payloads and keys of shredded subjects that are still there; 0 where streams are not looked at
	Streams    int       `json:"streams"`    // before the first fault; 0 where streams are not looked at
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
// but the keys: every leaf, header, tag and commitment; positions and chains of
// the streams, keys, times and the tree, computed again; and the newest signed
// checkpoint. Then it compares the result, tree and indexes, with what the log
// answers from. Entries
// whose subject was shredded count as erased, not as damaged; a payload that is
// gone though no shredding says so is damage. It goes on after a fault, up to
// [MaxFaults]; the tree and the chains are then not computed behind it.
//
// What was shredded and is still there is counted as Unerased and is no fault: a
// shredding is not at its end, or a part of an old copy was put back. Opening the
// log for writing finishes it.
//
// It runs on all processors, beside appends, over the size the log has at the
// start. Per entry of 300 bytes and processor, beside the store's reading: about
// 2.5 µs, 1.2 µs for the payload commitments, 0.5 µs for the tree alone; and about
// 150 bytes of memory, 64 where streams are not looked at. The error is nil only if nothing was found: a
// [CorruptError] names the first fault. Other errors ([ErrClosed], [ErrInvalid]
// for a depth that is none, the context's) mean that the audit is incomplete.
func (l *Log) Verify(ctx context.Context, o *VerifyOptions) (Findings, error) {
	if o == nil {
		o = &VerifyOptions{}
	}
	if o.Depth < VerifyAll || o.Depth > VerifyTree {
		return Findings{}, &InvalidError{Entry: -1, Field: "Depth", Why: "not a depth"}
	}
	a := audit{log: l, options: o, fold: folding{state: &state{}}}
	if o.Depth != VerifyCommitments && o.Depth != VerifyTree {
		a.fold.tree = &merkle.Tree{}
	}
	if err := a.begin(); err != nil {
		return Findings{}, err
	}
	if err := a.entries(ctx); err != nil {
		return a.Findings, err
	}
	a.tree()
	if err := a.indexes(); err != nil {
		return a.Findings, err
	}
	if err := a.unerased(ctx); err != nil {
		return a.Findings, err
	}
	if len(a.Faults) > 0 {
		return a.Findings, &CorruptError{Index: a.Faults[0].Index, What: a.Faults[0].What}
	}
	return a.Findings, nil
}

// audit is a running Verify.
type audit struct {
	Findings
	log     *Log
	options *VerifyOptions
	fold    folding // the log again, up to the first fault
	signed  []byte  // newest checkpoint, nil where there is none
	next    uint64  // first entry that was not looked at
}

// begin notes what the log has at this time.
func (a *audit) begin() error {
	l := a.log
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	a.Size, a.Root = l.state.view.Size(), l.state.view.Root()
	if l.signed.note != nil && l.signed.size <= a.Size {
		a.signed, a.fold.mark = l.signed.note, l.signed.size
	}
	return nil
}

func (a *audit) fault(index int64, what string) {
	a.Faults = append(a.Faults, Fault{Index: index, What: what})
}

var errEnough = errors.New("ledger: enough faults")

// entries sweeps the log, and starts again behind each frame that the store does
// not yield.
func (a *audit) entries(ctx context.Context) error {
	s := sweep{log: a.log, fold: &a.fold, report: a.chunk, leafs: a.options.Depth == VerifyTree, index: a.fold.tree != nil}
	s.tags = a.options.Depth == VerifyAll
	s.plain = a.options.Depth <= VerifyCommitments
	for a.next < a.Size && len(a.Faults) < MaxFaults {
		err := s.run(ctx, a.next, a.Size)
		switch {
		case err == nil, errors.Is(err, errEnough):
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, ErrClosed):
			return err
		default:
			a.fault(int64(a.next), faultText(err))
			a.fold.stopped = true
			a.next++
		}
	}
	a.Streams = a.fold.streams
	return nil
}

// chunk takes a chunk's findings over, in order.
func (a *audit) chunk(c *chunk) error {
	if err := a.compare(c); err != nil {
		return err
	}
	for i := range c.opened {
		switch {
		case c.what[i] != "":
			a.fault(int64(c.first)+int64(i), c.what[i])
		case c.gone[i]:
			a.Erased++
		}
		if a.next++; len(a.Faults) == MaxFaults {
			return errEnough
		}
		if c.what[i] != "" {
			continue
		}
		a.Last = timeOf(c.opened[i].leaf.time)
		if a.First.IsZero() {
			a.First = a.Last
		}
	}
	if a.options.Progress != nil {
		a.options.Progress(a.next, a.Size)
	}
	return nil
}

// compare holds the leaves against the tree the log answers from. That a leaf is
// another one comes before what else is wrong with it.
func (a *audit) compare(c *chunk) error {
	return a.log.withView(func(v merkle.View) error {
		for i := range c.opened {
			if c.opened[i].hash != v.Leaf(c.first+uint64(i)) {
				c.what[i] = "leaf is not the one in the tree"
			}
		}
		return nil
	})
}

func faultText(err error) string {
	if damage := asCorrupt(err); damage != nil {
		return damage.What
	}
	return err.Error()
}

// tree compares the tree of the entries with the one the log answers from, and
// with the newest signed checkpoint.
func (a *audit) tree() {
	slices.SortStableFunc(a.Faults, func(x, y Fault) int { return int(x.Index - y.Index) })
	if len(a.Faults) > 0 {
		return
	}
	if a.fold.head() != (Head{Size: a.Size, Root: a.Root}) {
		a.fault(-1, "tree in memory is not that of the entries")
		return
	}
	if a.signed == nil {
		return
	}
	size, root, err := a.log.openOwn(a.signed)
	if err != nil {
		a.fault(-1, "newest checkpoint: "+err.Error())
		return
	}
	if have, ok := a.fold.rootAt(size); !ok || have != root {
		a.fault(-1, "newest checkpoint is not of this tree")
	}
	a.Checkpoint = size
}

// unerased counts what the shreddings that were met should have destroyed.
func (a *audit) unerased(ctx context.Context) error {
	for _, s := range a.fold.shreds {
		_, there, err := a.log.store.Secret(ctx, a.log.tenant.subjectSecret(s.subject))
		if err != nil && asCorrupt(err) == nil {
			return err
		}
		if there {
			a.Unerased++
		}
	}
	a.Unerased += uint64(len(a.fold.unerased(a.fold.state, &a.log.tenant)))
	return nil
}

// indexes compares the indexes of the entries with those the log answers from,
// which may have begun from a snapshot. What was appended since is passed over.
func (a *audit) indexes() error {
	if len(a.Faults) > 0 || a.fold.tree == nil {
		return nil
	}
	again, log := &a.fold.state.index, a.log
	same := true
	compare := func(all iter.Seq2[id, uint64], holds func(x *index, name id, n uint64) bool) error {
		names, numbers := make([]id, 0, 1024), make([]uint64, 0, 1024)
		flush := func() error {
			err := log.withIndex(func(x *index) {
				for i := range names {
					same = same && holds(x, names[i], numbers[i])
				}
			})
			names, numbers = names[:0], numbers[:0]
			return err
		}
		for name, n := range all {
			if names, numbers = append(names, name), append(numbers, n); len(names) == cap(names) {
				if err := flush(); err != nil {
					return err
				}
			}
		}
		return flush()
	}
	err := errors.Join(
		compare(again.keys.All(), func(x *index, name id, n uint64) bool {
			have, ok := x.keys.Get(name)
			return ok && have == n
		}),
		compare(again.shredded.All(), func(x *index, name id, n uint64) bool {
			have, ok := x.shredded.Get(name)
			return ok && have == n
		}),
		compare(again.heads.All(), func(x *index, name id, n uint64) bool {
			have := x.head(name)
			return have == head(n) || have.count() > head(n).count()
		}),
		compare(again.links(), func(x *index, _ id, i uint64) bool { return x.sameLinks(again, i) }),
	)
	if err != nil {
		return err
	}
	if !same {
		a.fault(-1, "index in memory is not that of the entries")
	}
	return nil
}

// withIndex calls f with the indexes under the lock.
func (l *Log) withIndex(f func(*index)) error {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if l.closed {
		return ErrClosed
	}
	f(&l.state.index)
	return nil
}

// links yields the positions of all links of the chains.
func (x *index) links() iter.Seq2[id, uint64] {
	return func(yield func(id, uint64) bool) {
		for i := range max(x.inStream.Len(), x.posted.Len()) {
			if !yield(id{}, i) {
				return
			}
		}
	}
}

// sameLinks reports whether the links at a position, as far as there are any in
// again, are the same.
func (x *index) sameLinks(again *index, i uint64) bool {
	same := true
	for _, c := range [][2]*table.Column{{&x.inStream, &again.inStream}, {&x.inType, &again.inType}, {&x.posted, &again.posted}, {&x.before, &again.before}} {
		if i < c[1].Len() {
			same = same && i < c[0].Len() && c[0].At(i) == c[1].At(i)
		}
	}
	return same
}
