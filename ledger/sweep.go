package ledger

import (
	"context"
	"crypto/sha256"
	"runtime"
	"sync"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// A sweep reads a range of frames once, in chunks, and checks them on all
// processors:
//
//	read    one goroutine, in order: frames are copied into the chunk
//	open    any goroutine: leaf hash, header, tags, payload
//	fold    in order: positions, keys, times, the tree
//	follow  any goroutine: the header commitments, now that it is known which
//	        entry of the stream comes before
//	report  in order
//
// Opening a log, following another writer, and the audit are sweeps.
type sweep struct {
	log   *Log
	fold  *folding // nil: nothing is folded
	tags  bool     // check the HMAC tags
	plain bool     // open payloads and check their commitments
	leafs bool     // leaf hashes only: no header is opened

	// report is called for each chunk in order; it ends the sweep by an error.
	report func(*chunk) error
}

// chunk is a part of a sweep.
type chunk struct {
	first  uint64
	frames []Frame
	inputs [][]byte // what is hashed of the leaves
	opened []opened
	before []Hash   // leaf hash of the stream's entry before
	what   []string // what does not hold, per entry
	gone   []bool   // payload is erased by right
	folded int      // entries that were folded
	err    error    // of the store, behind the frames, or of loading a key
	arena  []byte
	plain  []byte
	ready  chan struct{}
}

const chunkEntries = 512

// run reads the entries from index from up to, not including, to.
func (s *sweep) run(ctx context.Context, from, to uint64) error {
	if from >= to {
		return nil
	}
	ctx, stop := context.WithCancel(ctx)
	workers := runtime.GOMAXPROCS(0)
	tasks := make(chan func(*scratch), 4*workers)
	read := make(chan *chunk, 2*workers)
	free := make(chan *chunk, 6*workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	for range workers {
		wg.Go(func() {
			sc := s.log.tenant.scratch()
			defer s.log.tenant.done(sc)
			for f := range tasks {
				f(sc)
			}
		})
	}
	var senders sync.WaitGroup
	defer func() { stop(); senders.Wait(); close(tasks) }()
	senders.Go(func() {
		defer close(read)
		s.read(ctx, from, to, free, func(c *chunk) bool {
			select {
			case tasks <- func(sc *scratch) { s.open(ctx, c, sc); close(c.ready) }:
			case <-ctx.Done():
				return false
			}
			select {
			case read <- c:
				return true
			case <-ctx.Done():
				return false
			}
		})
	})
	return s.inOrder(ctx, read, tasks, free, workers)
}

// inOrder folds chunk after chunk and reports them once they are followed.
func (s *sweep) inOrder(ctx context.Context, read <-chan *chunk, tasks chan<- func(*scratch), free chan<- *chunk, window int) error {
	var waiting []*chunk
	next := func() error {
		c := waiting[0]
		waiting = waiting[1:]
		<-c.ready
		err := s.report(c)
		if err == nil {
			err = c.err
		}
		select {
		case free <- c:
		default:
		}
		return err
	}
	for c := range read {
		<-c.ready
		if s.fold != nil {
			s.fold.chunk(s, c)
		}
		if s.fold != nil && !s.fold.leafs {
			c.ready = make(chan struct{})
			tasks <- func(sc *scratch) { s.follow(c, sc); close(c.ready) }
		}
		waiting = append(waiting, c)
		if len(waiting) > window {
			if err := next(); err != nil {
				return err
			}
		}
	}
	for len(waiting) > 0 {
		if err := next(); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// read copies frames into chunks. What the store's error is goes with the chunk.
func (s *sweep) read(ctx context.Context, from, to uint64, free <-chan *chunk, send func(*chunk) bool) {
	c := newChunk(from, free)
	next := from
	for f, err := range s.log.store.Read(ctx, from, to) {
		if err == nil && f.Index != next {
			err = corruptEntry(next, "store yields another frame")
		}
		if err != nil {
			c.err = err
			send(c)
			return
		}
		c.add(&f, s)
		next++
		if len(c.frames) == chunkEntries || len(c.arena) > 1<<20 {
			if !send(c) {
				return
			}
			c = newChunk(next, free)
		}
	}
	if next < to {
		c.err = corruptEntry(next, "store yields no frame")
	}
	if len(c.frames) > 0 || c.err != nil {
		send(c)
	}
}

func newChunk(first uint64, free <-chan *chunk) *chunk {
	var c *chunk
	select {
	case c = <-free:
	default:
		c = &chunk{}
	}
	c.first, c.frames, c.inputs, c.arena, c.err, c.folded = first, c.frames[:0], c.inputs[:0], c.arena[:0], nil, 0
	c.ready = make(chan struct{})
	return c
}

// add copies what the sweep needs of a frame. Old parts of the arena stay where
// they are when it grows.
func (c *chunk) add(f *Frame, s *sweep) {
	copied := Frame{Index: f.Index, Erased: f.Erased}
	c.arena, copied.Leaf = keepBehindZero(c.arena, f.Leaf)
	c.inputs = append(c.inputs, copied.Leaf)
	copied.Leaf = copied.Leaf[1:]
	if !s.leafs {
		c.arena, copied.Header = keep(c.arena, f.Header)
	}
	if s.plain {
		c.arena, copied.Payload = keep(c.arena, f.Payload)
	}
	c.frames = append(c.frames, copied)
}

// keepBehindZero keeps what is hashed of a leaf record.
func keepBehindZero(arena, record []byte) (grown, kept []byte) {
	grown, zero := keep(arena, []byte{0})
	if cap(grown)-len(grown) < len(record) { // one behind the other
		return keep(grown, append(zero, record...))
	}
	at := len(grown) - 1
	grown = append(grown, record...)
	return grown, grown[at:len(grown):len(grown)]
}

func keep(arena, b []byte) (grown, kept []byte) {
	if len(arena)+len(b) > cap(arena) {
		arena = make([]byte, 0, max(1<<16, 2*cap(arena), 2*len(b)))
	}
	at := len(arena)
	arena = append(arena, b...)
	return arena, arena[at:len(arena):len(arena)]
}

// open takes the frames of a chunk apart.
func (s *sweep) open(ctx context.Context, c *chunk, sc *scratch) {
	n := len(c.frames)
	c.opened, c.before = resize(c.opened, n), resize(c.before, n)
	c.what, c.gone = resize(c.what, n), resize(c.gone, n)
	clear(c.what)
	clear(c.gone)
	c.plain = c.plain[:0]
	t := &s.log.tenant
	for i := range c.frames {
		f, o := &c.frames[i], &c.opened[i]
		o.hash = sha256.Sum256(c.inputs[i]) // as merkle.LeafHash
		if s.leafs {
			o.index = f.Index
			if !o.leaf.decode(f.Leaf) {
				c.what[i] = "leaf is not canonical"
			}
			continue
		}
		if cap(c.plain)-len(c.plain) < len(f.Header) {
			c.plain = make([]byte, 0, max(1<<16, 2*len(f.Header)))
		}
		at := len(c.plain)
		what := t.openHashed(o, f, c.plain[at:at])
		c.plain = c.plain[:at+len(o.plain)]
		if what == "" && s.tags {
			what = sc.tagsHold(&o.leaf, &o.raw)
		}
		if c.what[i] = what; what == "" && s.plain {
			s.openPayload(ctx, c, i, sc)
		}
	}
}

func (s *sweep) openPayload(ctx context.Context, c *chunk, i int, sc *scratch) {
	o := &c.opened[i]
	erased, err := s.log.withPayload(ctx, o, func(k *sealer) string {
		return k.checkPayload(sc, o.nonce, c.frames[i].Payload, &o.leaf.payload)
	})
	c.gone[i] = erased
	if damage := asCorrupt(err); damage != nil {
		c.what[i] = damage.What
	} else if err != nil && c.err == nil {
		c.err = err
	}
}

// follow checks the header commitments of the entries that were folded.
func (s *sweep) follow(c *chunk, sc *scratch) {
	t := &s.log.tenant
	for i := range c.folded {
		if c.what[i] == "" && !c.opened[i].follows(t, sc, &c.before[i]) {
			c.what[i] = "header commitment does not hold behind the stream's previous leaf"
		}
	}
}

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

// folding builds a state entry by entry, up to the first that cannot follow.
type folding struct {
	state   *state
	tree    *merkle.Tree
	leafs   bool // only the tree
	stopped bool
	size    uint64      // of the tree, with the leaves
	leaves  []Hash      // of the chunk
	streams int         // that began
	shreds  []shredding // that were met
	since   uint64      // first entry that was not in a snapshot
	whole   []uint32    // entries from since on, with subjects, whose ciphertext is there
	scratch *scratch
}

// shredding is a subject and how it was shredded.
type shredding struct {
	subject   string
	keepBlobs bool
}

// chunk folds the entries of a chunk in order.
func (f *folding) chunk(s *sweep, c *chunk) {
	if f.stopped {
		return
	}
	view := f.tree.View()
	f.size = view.Size()
	f.leaves = f.leaves[:0]
	defer func() { f.tree.AppendAll(f.leaves) }()
	for i := range c.opened {
		o := &c.opened[i]
		what := c.what[i]
		if what == "" {
			what = f.entry(s, o, c, i, view)
		}
		if what != "" {
			c.what[i], f.stopped = what, true
			return
		}
		c.folded = i + 1
	}
}

// entry takes the next entry in, or says why it cannot follow.
func (f *folding) entry(s *sweep, o *opened, c *chunk, i int, view merkle.View) (what string) {
	switch {
	case o.index != f.size:
		return "index is out of order"
	case o.leaf.time <= f.state.last:
		return "engine time does not grow"
	}
	if !f.leafs {
		if what := f.index(s, o, c, i, view); what != "" {
			return what
		}
	}
	f.state.last = o.leaf.time
	f.leaves = append(f.leaves, o.hash)
	f.size++
	return ""
}

// index holds the entry against its stream and the keys, and puts it in.
func (f *folding) index(s *sweep, o *opened, c *chunk, i int, view merkle.View) (what string) {
	p := o.place(&s.log.tenant, f.scratch)
	h := f.state.head(p.stream)
	if o.raw.version != h.count()+1 {
		return "stream version has a hole or a repetition"
	}
	if _, taken := f.state.keys.Get(p.key); taken {
		return "idempotency key occurs twice"
	}
	switch {
	case h == 0:
		c.before[i] = Hash{}
		f.streams++
	case h.last() >= c.first:
		c.before[i] = c.opened[h.last()-c.first].hash
	default:
		c.before[i] = view.Leaf(h.last())
	}
	f.state.put(o.index, &p)
	if p.shreds {
		for _, name := range o.raw.subjects {
			f.shreds = append(f.shreds, shredding{subject: string(name), keepBlobs: string(o.raw.kind) == TypeKeyShredded})
		}
	} else if len(p.subjects) > 0 && !o.erased {
		f.whole = append(f.whole, uint32(o.index))
	}
	return ""
}
