package ledger

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
)

// begin decides a group and writes its batch. It returns how to wait for it, or
// nil where the batch is durable and published, or where there is none. An error
// is the answer for all calls.
func (l *Log) begin(ctx context.Context, g *group, w *work) (wait func() error, err error) {
	l.tagSmall(g)
	for {
		if err := l.refusal(); err != nil {
			return nil, err
		}
		l.decide(g, w)
		if l.follow != nil && g.conflicts() {
			moved, err := l.catchUp(ctx)
			if err != nil {
				return nil, err
			}
			if moved {
				l.subjects.unsend(w.newKeys)
				continue
			}
		}
		if len(w.entries) == 0 {
			return nil, nil
		}
		l.seal(w)
		again := false
		if l.pipe != nil {
			wait, err = l.beginPiped(ctx, w)
		} else {
			again, err = l.commit(ctx, w)
		}
		if !again {
			return wait, err
		}
	}
}

// conflicts reports whether a call was refused for a version, which another
// log's entries may have changed.
func (g *group) conflicts() bool {
	for _, c := range g.calls {
		if _, ok := errors.AsType[*ConflictError](c.err); ok {
			return true
		}
	}
	return false
}

// beginPiped writes the batch and leaves the sync to settle.
func (l *Log) beginPiped(ctx context.Context, w *work) (func() error, error) {
	wait, err := l.pipe.Begin(ctx, w.batch)
	if err != nil {
		return nil, l.failed(w, err)
	}
	l.advance(w)
	l.mu.Lock()
	l.overlay = w
	l.mu.Unlock()
	return wait, nil
}

// commit makes the batch durable and publishes it. It asks for a new decision if
// another log was first.
func (l *Log) commit(ctx context.Context, w *work) (again bool, err error) {
	err = l.store.Commit(ctx, w.batch)
	if l.follow != nil && err != nil {
		return l.settleShared(ctx, w, err)
	}
	if err != nil {
		return false, l.failed(w, err)
	}
	l.advance(w)
	l.publish(w)
	return false, nil
}

// advance moves on what belongs to the holder of the token.
func (l *Log) advance(w *work) {
	l.next = w.first + uint64(len(w.entries))
	l.lastTime = w.entries[len(w.entries)-1].time
}

// failed takes a batch back that the store has refused as a whole, and poisons
// the log where the store cannot know what it holds.
func (l *Log) failed(w *work, err error) error {
	l.takeBack(w)
	if errors.Is(err, ErrFull) || errors.Is(err, ErrReadOnly) {
		return err
	}
	return l.poison(err)
}

func (l *Log) takeBack(w *work) {
	l.subjects.unsend(w.newKeys)
	if err := l.tree.Truncate(w.first); err != nil {
		panic(err) // the tree has at least the entries before the batch
	}
}

// settleShared handles a failed commit to a store that other logs write too. A
// fence means that another log was first. An unknown outcome is settled by the
// store's head: the batch is there, or it is written once more, as it is, so that
// not both can come to be.
func (l *Log) settleShared(ctx context.Context, w *work, cause error) (again bool, err error) {
	const attempts = 3
	for i := 0; ; i++ {
		switch {
		case errors.Is(cause, ErrFenced), errors.Is(cause, ErrUnknownOutcome):
		case errors.Is(cause, ErrFull), errors.Is(cause, ErrReadOnly):
			l.takeBack(w)
			return false, cause
		default:
			l.takeBack(w)
			return false, l.poison(cause)
		}
		l.takeBack(w)
		moved, err := l.catchUp(ctx)
		switch {
		case err != nil || i == attempts:
			return false, fmt.Errorf("%w: %w", ErrUnknownOutcome, errors.Join(cause, err))
		case l.holds(w):
			l.subjects.kept(w.newKeys)
			l.answer(w)
			return false, nil
		case moved || errors.Is(cause, ErrFenced):
			return true, nil
		}
		for j := range w.entries {
			l.tree.Append(w.entries[j].hash)
		}
		if cause = l.store.Commit(ctx, w.batch); cause == nil {
			l.advance(w)
			l.publish(w)
			return false, nil
		}
	}
}

// holds reports whether the log has exactly the entries of a batch in its place.
func (l *Log) holds(w *work) bool {
	if l.tree.Size() < w.first+uint64(len(w.entries)) {
		return false
	}
	view := l.tree.View()
	for i := range w.entries {
		if view.Leaf(w.first+uint64(i)) != w.entries[i].hash {
			return false
		}
	}
	return true
}

// publish lets readers see a durable batch, and answers its calls.
func (l *Log) publish(w *work) {
	l.subjects.kept(w.newKeys)
	l.mu.Lock()
	w.index(&l.state.index)
	l.state.view, l.state.last = w.view, w.entries[len(w.entries)-1].time
	if l.overlay == w {
		l.overlay = nil
	}
	l.grown()
	l.mu.Unlock()
	l.answer(w)
}

// index puts the entries into the indexes, as index.put would one by one: but what
// the group knows of its streams is not looked up again.
func (w *work) index(x *index) {
	var kind id
	var newest head
	for i := range w.entries {
		f, n := &w.entries[i], w.first+uint64(i)
		p := f.prepared
		x.keys.Put(keyID(p.keyTag), n)
		if f.previous >= 0 {
			x.inStream.Append(uint32(w.first) + uint32(f.previous) + 1)
		} else {
			x.inStream.Append(w.streams[f.stream].link)
		}
		if p.kind != kind {
			if i > 0 {
				x.heads.Put(kind, uint64(newest))
			}
			kind, newest = p.kind, x.head(p.kind)
		}
		x.inType.Append(newest.link())
		newest = newest.next(n)
		if p.owner != nil {
			x.putSubjects(n, p.owner.ids, shreds(f.append.Type))
		}
	}
	x.heads.Put(kind, uint64(newest))
	for i := range w.streams {
		if h := &w.streams[i]; h.newest >= 0 {
			x.heads.Put(h.id, uint64(newHead(h.version, w.first+uint64(h.newest))))
		}
	}
}

// grown wakes those who wait for entries. It runs under Log.mu.
func (l *Log) grown() {
	if l.watch != nil {
		close(l.watch)
		l.watch = nil
	}
}

// answer gives the calls of a batch their receipts.
func (l *Log) answer(w *work) {
	all := make([]Receipt, len(w.entries))
	for i := range w.entries {
		f := &w.entries[i]
		all[i] = Receipt{Index: w.first + uint64(i), StreamVersion: f.version, Leaf: f.hash, Time: timeOf(f.time)}
		if i+1 == len(w.entries) || w.entries[i+1].call != f.call {
			n := len(f.call.entries)
			f.call.receipts = all[i+1-n : i+1 : i+1]
		}
	}
}

// seal turns the decided entries into the frames of the batch, and hashes them
// into the tree. What depends on the entry before in the stream is done in order,
// the rest on all processors.
func (l *Log) seal(w *work) {
	w.layOut()
	n := len(w.entries)
	spread(n, func(from, to int) { l.tenant.encode(w, from, to) })
	w.leaves = w.leaves[:0]
	for i := range w.entries {
		w.commitTo(i)
		w.leaves = append(w.leaves, w.entries[i].hash)
	}
	spread(n, func(from, to int) { l.tenant.frame(w, from, to) })
	l.tree.AppendAll(w.leaves)
	w.view = l.tree.View()
	w.batch.First = w.first
	w.batch.Head = Head{Size: w.view.Size(), Root: w.view.Root()}
	w.batch.Secrets = w.batch.Secrets[:0]
	for _, k := range w.newKeys {
		w.batch.Secrets = append(w.batch.Secrets, *k.fresh)
	}
}

// The arena holds what is hashed in the form in which it is hashed. An entry has
// there: a zero byte and its leaf record; the front of the header commitment, the
// header, and room for the tag of its seal; and the sealed payload of a small call.
// When the commitment is computed, the nonce takes the place of the last bytes
// before the header.

// layOut gives every entry its place in the arena.
func (w *work) layOut() {
	at, small := 0, false
	for i := range w.entries {
		f := &w.entries[i]
		f.leaf.from = at + 1
		f.leaf.to = f.leaf.from + leafSize(f.append.Public)
		h := f.head()
		f.header.from = f.leaf.to + commitFront
		f.header.to = f.header.from + h.size()
		at = f.header.to + tagSize
		if f.call.small {
			f.payload = span{at, at + len(f.append.Payload) + tagSize}
			at = f.payload.to
			small = true
		}
	}
	if small {
		w.nonces = drawNonces(w.nonces, len(w.entries))
	}
	if cap(w.arena) < at {
		w.arena = make([]byte, at+at/2)
	}
	w.arena = w.arena[:at]
	if n := len(w.entries); cap(w.batch.Frames) < n {
		w.batch.Frames = make([]Frame, n, n+n/2)
	} else {
		w.batch.Frames = w.batch.Frames[:n]
	}
}

// head is the header of an entry to be.
func (f *fresh) head() header {
	h := header{stream: f.append.Stream, version: f.version, kind: f.append.Type, key: f.append.Key, claimed: f.append.Time}
	if f.prepared.owner != nil {
		h.subjects = f.prepared.owner.names
	}
	return h
}

// encode seals the payloads of small calls and writes leaves without their header commitment, and all of the commitment's
// input but the leaf of the stream's entry before.
func (t *tenant) encode(w *work, from, to int) {
	s := t.scratch()
	defer t.done(s)
	for i := from; i < to; i++ {
		f := &w.entries[i]
		p := f.prepared
		if f.call.small {
			p.nonce = w.nonces[i*nonceSize : (i+1)*nonceSize]
			p.payload = w.arena[f.payload.from:f.payload.from:f.payload.to]
			p.seal(t, s, f.append)
		}
		w.arena[f.leaf.from-1] = 0
		leaf := leaf{time: f.time, position: s.positionTag(f.append.Stream, f.version), key: p.keyTag, payload: p.commit, public: f.append.Public}
		leaf.append(w.arena[f.leaf.from:f.leaf.from])
		h := f.head()
		b := appendCommitFront(w.arena[f.leaf.to:f.leaf.to], s.saltOf(t.headers.salt, p.nonce), &Hash{}, f.header.to-f.header.from)
		h.append(b)
	}
}

// commitTo computes the header commitment, which binds the entry to the stream's
// entry before, and hashes the leaf.
func (w *work) commitTo(i int) {
	f := &w.entries[i]
	previous := &w.streams[f.stream].leaf
	if f.previous >= 0 {
		previous = &w.entries[f.previous].hash
	}
	copy(w.arena[f.header.from-len(previous):], previous[:])
	commit := sha256.Sum256(w.arena[f.leaf.to:f.header.to])
	copy(w.arena[f.leaf.from+leafHeaderAt:], commit[:])
	f.hash = sha256.Sum256(w.arena[f.leaf.from-1 : f.leaf.to]) // as merkle.LeafHash
}

// frame seals the headers and makes the frames.
func (t *tenant) frame(w *work, from, to int) {
	for i := from; i < to; i++ {
		f := &w.entries[i]
		nonce := f.header.from - nonceSize
		copy(w.arena[nonce:], f.prepared.nonce)
		w.batch.Frames[i] = Frame{
			Index:   w.first + uint64(i),
			Leaf:    w.arena[f.leaf.from:f.leaf.to:f.leaf.to],
			Header:  t.headers.header(w.arena[nonce:f.header.to:f.header.to+tagSize], &f.hash),
			Payload: f.prepared.payload,
		}
	}
}
