package ledger

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"runtime"
	"slices"
	"sync"
)

// verdict is what became of a call in its group.
type verdict uint8

const (
	callDone  verdict = iota // receipts or err hold
	callKnown                // a key is taken: compare with the entries that are there
	callAgain                // a subject's key has changed: prepare once more
)

// call is one Append on its way. A large one is tagged and sealed by its caller, on
// all processors, before it waits. A small one waits as it is: the leader of its
// group tags and seals all of them together, which costs less than half where a
// thousand goroutines wait with cold caches.
type call struct {
	ctx      context.Context
	entries  []Append
	small    bool
	size     int // bytes of the sealed payloads
	prep     []prepared
	one      [1]prepared
	many     []prepared
	arena    []byte // sealed payloads of a large call
	nonces   []byte
	receipts []Receipt
	verdict  verdict
	err      error
}

// prepared is what an append is before it has a place.
type prepared struct {
	keyTag  Hash
	commit  Hash // of the payload
	stream  id
	kind    id
	nonce   []byte
	payload []byte // sealed
	owner   *owners
	known   bool // its key is that of a durable entry
	head    head // of its stream, of durable entries
	before  Hash // leaf hash of the newest of them
}

// owners are the subjects of one append.
type owners struct {
	names []string // sorted, unique
	ids   []id
	keys  []*subjectKey // none for a shredding
	gone  bool          // one of them was shredded; no keys then
}

// Calls keep their buffers from one to the next, up to a size.
var callPool = sync.Pool{New: func() any { return new(call) }}

const keptArena = 1 << 20

// release gives back the call, of which nobody holds anything any more.
func (c *call) release(l *Log) {
	for i := range c.prep {
		if o := c.prep[i].owner; o != nil {
			l.subjects.release(o.keys)
		}
	}
	clear(c.prep)
	arena, nonces, many := c.arena[:0], c.nonces[:0], c.many[:0]
	if cap(arena) > keptArena {
		arena = nil
	}
	*c = call{arena: arena, nonces: nonces, many: many}
	callPool.Put(c)
}

// prepare makes tags, identifiers, nonces, sealed payloads and their commitments;
// of a small call it finds the subjects' keys only.
func (l *Log) prepare(c *call) error {
	n := len(c.entries)
	c.small = n < 2*leastPart
	if n == 1 {
		c.prep = c.one[:]
	} else {
		c.many = slices.Grow(c.many[:0], n)[:n]
		c.prep = c.many
	}
	for i := range c.entries {
		e := &c.entries[i]
		c.size += len(e.Payload) + tagSize
		if len(e.Subjects) > 0 {
			o, err := l.ownersOf(c.ctx, e)
			if err != nil {
				return err
			}
			c.prep[i].owner = o
		}
	}
	if c.small {
		return nil
	}
	c.arena = slices.Grow(c.arena[:0], c.size)[:c.size]
	c.nonces = drawNonces(c.nonces, n)
	at := 0
	for i := range c.prep {
		end := at + len(c.entries[i].Payload) + tagSize
		c.prep[i].payload = c.arena[at:at:end]
		c.prep[i].nonce = c.nonces[i*nonceSize : (i+1)*nonceSize]
		at = end
	}
	spread(n, func(from, to int) {
		s := l.tenant.scratch()
		defer l.tenant.done(s)
		for i := from; i < to; i++ {
			c.tag(&l.tenant, s, i)
			c.prep[i].seal(&l.tenant, s, &c.entries[i])
		}
	})
	return nil
}

// tag makes what must be known of an entry to decide on it.
func (c *call) tag(t *tenant, s *scratch, i int) {
	e, p := &c.entries[i], &c.prep[i]
	p.keyTag = s.keyTag(e.Key)
	p.stream = s.id(t, idStream, e.Stream)
	p.kind = s.id(t, idType, e.Type)
}

// seal seals the payload into the room that p.payload has.
func (p *prepared) seal(t *tenant, s *scratch, e *Append) {
	p.payload, p.commit = t.sealerOf(p.owner).payload(s, p.payload[:0], p.nonce, e.Payload)
}

// tagSmall tags the small calls of a group.
func (l *Log) tagSmall(g *group) {
	spread(len(g.calls), func(from, to int) {
		s := l.tenant.scratch()
		defer l.tenant.done(s)
		for _, c := range g.calls[from:to] {
			for i := range c.entries {
				if c.small {
					c.tag(&l.tenant, s, i)
				}
			}
		}
	})
}

// leastPart is how many entries are worth a goroutine.
const leastPart = 32

// spread runs f over the parts of n things, on all processors where n is large.
func spread(n int, f func(from, to int)) {
	parts := min(runtime.GOMAXPROCS(0), n/leastPart)
	if parts < 2 {
		f(0, n)
		return
	}
	var wg sync.WaitGroup
	for i := 1; i < parts; i++ {
		wg.Go(func() { f(i*n/parts, (i+1)*n/parts) })
	}
	f(0, n/parts)
	wg.Wait()
}

// drawNonces returns random nonces for n entries. Many of them are the AES-CTR
// stream under a key that is drawn for them and forgotten.
func drawNonces(b []byte, n int) []byte {
	b = slices.Grow(b[:0], n*nonceSize)[:n*nonceSize]
	if n < 64 {
		rand.Read(b) // never fails: crypto/rand
		return b
	}
	var seed [keySize + aes.BlockSize]byte
	rand.Read(seed[:])
	clear(b)
	cipher.NewCTR(block(seed[:keySize]), seed[keySize:]).XORKeyStream(b, b)
	return b
}
