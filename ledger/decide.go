package ledger

import (
	"sync"
	"time"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// work is what a group becomes: the entries to write, and the buffers they are
// made in. While the group is in flight it is the overlay on the state: what is
// in it is decided, and not yet durable.
type work struct {
	first    uint64
	overlaid bool // a decision rests on the group in flight
	entries  []fresh
	keys     slots // key -> position in entries
	heads    slots // stream -> position in streams
	streams  []streamHead
	shredded map[id]bool
	newKeys  []*subjectKey // that become durable with the batch
	places   []int         // of the keys of the call that is being decided
	arena    []byte
	nonces   []byte // of small calls
	leaves   []Hash
	batch    Batch
	view     merkle.View
}

// fresh is an entry to be.
type fresh struct {
	call     *call
	append   *Append
	prepared *prepared
	stream   int32 // position in streams
	previous int32 // the stream's entry before, as position in entries; −1: it is in the head
	version  uint64
	time     int64
	hash     Hash // of the leaf
	leaf     span // in the arena, the record
	header   span // in the arena, in clear
	payload  span // in the arena, of a small call
}

type span struct{ from, to int }

// streamHead is where a stream stands in the middle of a group.
type streamHead struct {
	id      id
	version uint64
	leaf    Hash   // of the newest entry before the group, zero where there is none
	link    uint32 // to it, as the index links
	newest  int32  // position of the newest entry in the group, −1 for none
}

var workPool = sync.Pool{New: func() any { return new(work) }}

// clear lets go of what belongs to others.
func (w *work) clear() {
	clear(w.entries)
	clear(w.batch.Frames)
	clear(w.batch.Secrets)
	clear(w.newKeys)
	w.newKeys = w.newKeys[:0]
	w.entries, w.batch.Frames, w.batch.Secrets = w.entries[:0], w.batch.Frames[:0], w.batch.Secrets[:0]
	w.shredded, w.view = nil, merkle.View{}
	if cap(w.arena) > keptArena {
		w.arena = nil
	}
}

// decide goes through the calls of a group in order. Log.next and Log.lastTime
// belong to the holder of the token.
func (l *Log) decide(g *group, w *work) {
	n := 0
	for _, c := range g.calls {
		n += len(c.entries)
	}
	w.first, w.overlaid, w.entries, w.streams = l.next, false, w.entries[:0], w.streams[:0]
	w.newKeys, w.shredded = w.newKeys[:0], nil
	w.keys.reset(n)
	w.heads.reset(n)
	now, last := time.Now().UnixNano(), l.lastTime
	l.mu.RLock()
	defer l.mu.RUnlock()
	l.look(g)
	for _, c := range g.calls {
		c.receipts, c.verdict, c.err = nil, callDone, nil
		if err := c.ctx.Err(); err != nil {
			c.err = err
			continue
		}
		from := len(w.entries)
		if l.decideCall(w, c) {
			for i := from; i < len(w.entries); i++ {
				last = max(now, last+1)
				w.entries[i].time = last
			}
		}
	}
}

// look notes which keys are known and where the streams stand. It decides nothing,
// so that the processor waits for the memory of many of them at once.
func (l *Log) look(g *group) {
	for _, c := range g.calls {
		for i := range c.prep {
			p := &c.prep[i]
			_, p.known = l.state.keys.Get(keyID(p.keyTag))
			p.head = l.state.head(p.stream)
		}
	}
	for _, c := range g.calls {
		for i := range c.prep {
			if p := &c.prep[i]; p.head != 0 {
				p.before = l.state.view.Leaf(p.head.last())
			}
		}
	}
}

// decideCall adds the entries of a call to the work, or gives the call another
// answer and leaves the work as it was. It and what it calls run under the read
// lock of Log.mu.
func (l *Log) decideCall(w *work, c *call) bool {
	from := len(w.entries)
	w.places = w.places[:0]
	keys := len(w.newKeys)
	ok := true
	for i := 0; ok && i < len(c.entries); i++ {
		ok = l.decideKey(w, c, i, from)
	}
	for i := 0; ok && i < len(c.entries); i++ {
		ok = l.decideVersion(w, c, i)
	}
	for i := 0; ok && i < len(c.entries); i++ {
		if c.prep[i].owner != nil {
			ok = l.decideOwners(w, c, i, shreds(c.entries[i].Type))
		}
	}
	if !ok {
		w.undo(from)
		l.subjects.unsend(w.newKeys[keys:])
		w.newKeys = w.newKeys[:keys]
	}
	return ok
}

func (w *work) shred(o *owners) {
	if w.shredded == nil {
		w.shredded = map[id]bool{}
	}
	for _, s := range o.ids {
		w.shredded[s] = true
	}
}

func (l *Log) decideKey(w *work, c *call, i, from int) bool {
	key := keyID(c.prep[i].keyTag)
	if c.prep[i].known {
		c.verdict = callKnown
		return false
	}
	if l.overlay.hasKey(&key) {
		c.verdict, w.overlaid = callKnown, true
		return false
	}
	place, position := w.keys.find(&key)
	if position >= int32(from) {
		c.err = &KeyReusedError{Entry: i, InBatch: true, First: uint64(position) - uint64(from), What: "batch"}
		return false
	}
	if position >= 0 {
		c.verdict = callKnown
		return false
	}
	w.keys.put(place, &key, int32(from+i))
	w.places = append(w.places, place)
	return true
}

func (l *Log) decideVersion(w *work, c *call, i int) bool {
	e, p := &c.entries[i], &c.prep[i]
	stream := l.streamAt(w, p)
	h := &w.streams[stream]
	if !e.Expect.holds(h.version) {
		c.err = &ConflictError{Entry: i, Want: e.Expect, Have: h.version}
		return false
	}
	n := int32(len(w.entries))
	if w.first+uint64(n) >= maxEntries {
		c.err = ErrFull
		return false
	}
	w.entries = append(w.entries, fresh{call: c, append: e, prepared: p, stream: stream, previous: h.newest, version: h.version + 1})
	h.version++
	h.newest = n
	return true
}

// undo takes the entries of the call back that is being decided.
func (w *work) undo(from int) {
	for i := len(w.entries) - 1; i >= from; i-- {
		f := &w.entries[i]
		h := &w.streams[f.stream]
		h.version, h.newest = f.version-1, f.previous
		*f = fresh{}
	}
	w.entries = w.entries[:from]
	for i := len(w.places) - 1; i >= 0; i-- {
		w.keys.undo(w.places[i])
	}
}

// streamAt returns the position of a stream's head in the work, which it enters
// from the group in flight or from the state when it comes for the first time.
func (l *Log) streamAt(w *work, p *prepared) int32 {
	place, position := w.heads.find(&p.stream)
	if position >= 0 {
		return position
	}
	h := streamHead{id: p.stream, newest: -1}
	if l.overlay.head(&h) {
		w.overlaid = true
	} else if p.head != 0 {
		h.version, h.leaf, h.link = p.head.count(), p.before, p.head.link()
	}
	w.streams = append(w.streams, h)
	w.heads.put(place, &p.stream, int32(len(w.streams)-1))
	return int32(len(w.streams) - 1)
}

// hasKey reports whether an entry in flight has a key.
func (w *work) hasKey(key *id) bool {
	if w == nil {
		return false
	}
	_, position := w.keys.find(key)
	return position >= 0
}

// head fills in the head of a stream that has entries in flight.
func (w *work) head(h *streamHead) bool {
	if w == nil {
		return false
	}
	_, position := w.heads.find(&h.id)
	if position < 0 || w.streams[position].newest < 0 {
		return false
	}
	s := &w.streams[position]
	h.version, h.leaf, h.link = s.version, w.entries[s.newest].hash, uint32(w.first)+uint32(s.newest)+1
	return true
}

// decideOwners refuses subjects that were shredded, and sends the call back where
// a key it sealed with is not the subject's any more. New keys go with the batch.
func (l *Log) decideOwners(w *work, c *call, i int, shreds bool) bool {
	o := c.prep[i].owner
	if shreds {
		w.shred(o)
		return true
	}
	if o.gone {
		c.err = &ShreddedError{Entry: i}
		return false
	}
	for k, key := range o.keys {
		_, gone := l.state.shredded.Get(o.ids[k])
		if flying := l.overlay.shreds(o.ids[k]); gone || flying || w.shredded[o.ids[k]] {
			w.overlaid = w.overlaid || flying
			c.err = &ShreddedError{Entry: i}
			return false
		}
		send, ok := l.subjects.send(key, l.state.head(o.ids[k]) != 0)
		if !ok {
			c.verdict = callAgain
			return false
		}
		if send {
			w.newKeys = append(w.newKeys, key)
		}
	}
	return true
}

func (w *work) shreds(subject id) bool { return w != nil && w.shredded[subject] }
