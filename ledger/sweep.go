package ledger

import (
	"context"
	"runtime"
	"sync"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// A sweep reads a range of frames once, in chunks, and checks them on all
// processors:
//
//	open    any goroutine: reads the chunk's frames; leaf hash, header, tags, payload
//	fold    in order: positions, keys, times, the tree
//	follow  any goroutine: the header commitments, now that it is known which
//	        entry of the stream comes before
//	report  in order
//
// Who opens a frame has read it: nothing is copied, and its bytes are still in the
// processor's cache. Opening a log, following another writer, and the audit are
// sweeps.
type sweep struct {
	log   *Log
	fold  *folding // nil: nothing is folded
	tags  bool     // check the HMAC tags
	index bool     // compute what the indexes take
	plain bool     // open payloads and check their commitments
	leafs bool     // leaf hashes only: no header is opened

	// report is called for each chunk in order; it ends the sweep by an error.
	report func(*chunk) error
}

// chunk is a part of a sweep: the entries from first up to, not including, to.
type chunk struct {
	first, to uint64
	opened    []opened // as many as could be read
	placed    []placed // what the indexes take of them
	before    []Hash   // leaf hash of the stream's entry before
	what      []string // what does not hold, per entry
	gone      []bool   // payload is erased by right
	folded    int      // entries that were folded
	err       error    // of the store, behind what was opened, or of loading a key
	headers   []byte   // nonces and headers, opened
	ready     chan struct{}
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
		for ; from < to; from += chunkEntries {
			c := newChunk(from, min(from+chunkEntries, to), free)
			select {
			case tasks <- func(sc *scratch) { s.open(ctx, c, sc); close(c.ready) }:
			case <-ctx.Done():
				return
			}
			select {
			case read <- c:
			case <-ctx.Done():
				return
			}
		}
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
		if s.fold != nil && s.fold.tree != nil {
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

func newChunk(first, to uint64, free <-chan *chunk) *chunk {
	var c *chunk
	select {
	case c = <-free:
	default:
		c = &chunk{}
	}
	n := int(to - first)
	c.first, c.to, c.err, c.folded = first, to, nil, 0
	c.opened, c.placed, c.before = resize(c.opened, n), resize(c.placed, n), resize(c.before, n)
	c.what, c.gone = resize(c.what, n), resize(c.gone, n)
	clear(c.what)
	clear(c.gone)
	c.headers = c.headers[:0]
	c.ready = make(chan struct{})
	return c
}

// cut keeps the first n entries.
func (c *chunk) cut(n int) {
	c.opened, c.placed, c.before = c.opened[:n], c.placed[:n], c.before[:n]
	c.what, c.gone = c.what[:n], c.gone[:n]
}

// open reads the frames of a chunk and takes them apart.
func (s *sweep) open(ctx context.Context, c *chunk, sc *scratch) {
	i := 0
	for f, err := range s.log.store.Read(ctx, c.first, c.to) {
		if err == nil && f.Index != c.first+uint64(i) {
			err = corruptEntry(c.first+uint64(i), "store yields another frame")
		}
		if err != nil {
			c.err = err
			break
		}
		s.openFrame(ctx, c, i, &f, sc)
		i++
	}
	if c.err == nil && i < len(c.opened) {
		c.err = corruptEntry(c.first+uint64(i), "store yields no frame")
	}
	c.cut(i)
}

// openFrame takes the frame of a chunk's i-th entry apart. Nothing of the frame is
// kept: it belongs to the store.
func (s *sweep) openFrame(ctx context.Context, c *chunk, i int, f *Frame, sc *scratch) {
	o := &c.opened[i]
	if s.leafs {
		o.hash, o.index = sc.leafHash(f.Leaf), f.Index
		if !o.leaf.decode(f.Leaf) {
			c.what[i] = "leaf is not canonical"
		}
		return
	}
	what := s.log.tenant.open(sc, o, f, c.room(len(f.Header)))
	if c.keep(o); what == "" && s.index {
		c.placed[i] = o.place(&s.log.tenant, sc)
	}
	if what == "" && s.tags {
		what = sc.tagsHold(&o.leaf, &o.raw)
	}
	if c.what[i] = what; what == "" && s.plain {
		s.openPayload(ctx, c, i, f.Payload, sc)
	}
}

// room returns where to open a sealed header of n bytes. What was opened before
// stays where it is when the buffer grows.
func (c *chunk) room(n int) []byte {
	if cap(c.headers)-len(c.headers) < n {
		c.headers = make([]byte, 0, max(1<<16, 2*n))
	}
	return c.headers[len(c.headers):]
}

// keep keeps the header that was opened into room, and its nonce behind it.
func (c *chunk) keep(o *opened) {
	at := len(c.headers) + len(o.plain)
	c.headers = append(c.headers[:at], o.nonce...)
	o.nonce = c.headers[at:]
}

func (s *sweep) openPayload(ctx context.Context, c *chunk, i int, sealed []byte, sc *scratch) {
	o := &c.opened[i]
	erased, err := s.log.withPayload(ctx, o, func(k *sealer) string {
		return k.checkPayload(sc, o.nonce, sealed, &o.leaf.payload)
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
	tree    *merkle.Tree    // nil: only times and roots, no index
	edge    merkle.Frontier // instead of the tree
	mark    uint64          // size of which the root is wanted too, where there is no tree
	marked  Hash            // that root
	stopped bool
	size    uint64      // with the leaves
	leaves  []Hash      // of the chunk
	streams int         // that began
	shreds  []shredding // that were met
	since   uint64      // first entry that was not in a snapshot
	whole   []uint32    // entries from since on, with subjects, whose ciphertext is there
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
	var view merkle.View
	f.size = f.edge.Size()
	if f.tree != nil {
		view = f.tree.View()
		f.size = view.Size()
	}
	f.leaves = f.leaves[:0]
	defer f.grow()
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

// grow adds the leaves of the chunk to the tree.
func (f *folding) grow() {
	if f.tree != nil {
		f.tree.AppendAll(f.leaves)
		return
	}
	rest := f.leaves
	if f.mark >= f.edge.Size() && f.mark <= f.size {
		n := f.mark - f.edge.Size()
		f.edge.AppendAll(rest[:n])
		f.marked, rest = f.edge.Root(), rest[n:]
	}
	f.edge.AppendAll(rest)
}

// head returns the size and the root of what was folded.
func (f *folding) head() Head {
	if f.tree == nil {
		return Head{Size: f.edge.Size(), Root: f.edge.Root()}
	}
	v := f.tree.View()
	return Head{Size: v.Size(), Root: v.Root()}
}

// rootAt returns the root of the first n entries; of a tree that is not there,
// that of mark.
func (f *folding) rootAt(n uint64) (Hash, bool) {
	if f.tree == nil {
		return f.marked, n == f.mark && n <= f.edge.Size()
	}
	root, err := f.tree.View().RootAt(n)
	return root, err == nil
}

// entry takes the next entry in, or says why it cannot follow.
func (f *folding) entry(s *sweep, o *opened, c *chunk, i int, view merkle.View) (what string) {
	switch {
	case o.index != f.size:
		return "index is out of order"
	case o.leaf.time <= f.state.last:
		return "engine time does not grow"
	}
	if f.tree != nil {
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
	p := &c.placed[i]
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
	f.state.put(o.index, p)
	if p.shreds {
		for _, name := range o.raw.subjects {
			f.shreds = append(f.shreds, shredding{subject: string(name), keepBlobs: string(o.raw.kind) == TypeKeyShredded})
		}
	} else if len(p.subjects) > 0 && !o.erased {
		f.whole = append(f.whole, uint32(o.index))
	}
	return ""
}
