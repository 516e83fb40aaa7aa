package ledger

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/subtle"
	"runtime"
	"sync"
)

// verdict is what became of a call in its group.
type verdict uint8

const (
	callDone  verdict = iota // receipts or err hold
	callKnown                // a key is taken: compare with the entries that are there
	callAgain                // a subject's key has changed: prepare once more
)

// call is one Append on its way. The caller's goroutine fills in what needs no
// position in the log; the leader of its group does the rest.
type call struct {
	ctx      context.Context
	entries  []Append
	prep     []prepared
	arena    []byte // sealed payloads
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
	*c = call{prep: c.prep[:0], arena: c.arena[:0], nonces: c.nonces[:0]}
	if cap(c.arena) > keptArena {
		c.arena = nil
	}
	callPool.Put(c)
}

// prepare makes tags, identifiers, nonces, sealed payloads and their commitments.
func (l *Log) prepare(c *call) error {
	n := len(c.entries)
	if cap(c.prep) < n {
		c.prep = make([]prepared, n)
	}
	c.prep = c.prep[:n]
	if cap(c.nonces) < n*nonceSize {
		c.nonces = make([]byte, n*nonceSize)
	}
	c.nonces = c.nonces[:n*nonceSize]
	room := 0
	for i := range c.entries {
		e := &c.entries[i]
		room += len(e.Payload) + tagSize
		if len(e.Subjects) > 0 {
			o, err := l.ownersOf(c.ctx, e)
			if err != nil {
				return err
			}
			c.prep[i].owner = o
		}
	}
	if cap(c.arena) < room {
		c.arena = make([]byte, room)
	}
	c.arena = c.arena[:room]
	at := 0
	for i := range c.prep {
		end := at + len(c.entries[i].Payload) + tagSize
		c.prep[i].payload = c.arena[at:at:end]
		c.prep[i].nonce = c.nonces[i*nonceSize : (i+1)*nonceSize]
		at = end
	}
	if n < 2*leastPart {
		l.tenant.prepare(c, 0, n)
		return nil
	}
	drawNonces(c.nonces)
	spread(n, func(from, to int) { l.tenant.prepare(c, from, to) })
	return nil
}

// prepare does the part of a call that runs on several processors.
func (t *tenant) prepare(c *call, from, to int) {
	s := t.scratch()
	defer t.done(s)
	for i := from; i < to; i++ {
		e, p := &c.entries[i], &c.prep[i]
		p.keyTag = s.keyTag(e.Key)
		if len(c.entries) < 2*leastPart {
			s.nonce(p.nonce, &p.keyTag)
		}
		p.stream = s.id(t, idStream, e.Stream)
		p.kind = s.id(t, idType, e.Type)
		p.payload, p.commit = t.sealerOf(p.owner).payload(s, p.payload, p.nonce, e.Payload)
	}
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

// drawNonces fills in the nonces of a large call: the AES-CTR stream under a key
// that is drawn for this call and forgotten.
func drawNonces(b []byte) {
	var seed [keySize + aes.BlockSize]byte
	rand.Read(seed[:]) // never fails: crypto/rand
	clear(b)
	cipher.NewCTR(block(seed[:keySize]), seed[keySize:]).XORKeyStream(b, b)
}

// nonce draws one. The random bytes are read for some dozens at a time; so that a
// virtual machine that is copied meanwhile does not use them twice, they are mixed
// with the tag of the key, which no other entry of the log has.
func (s *scratch) nonce(dst []byte, keyTag *Hash) {
	if len(s.random) < nonceSize {
		s.random = s.pool[:]
		rand.Read(s.random) // never fails: crypto/rand
	}
	subtle.XORBytes(dst, s.random[:nonceSize], keyTag[len(keyTag)-nonceSize:])
	clear(s.random[:nonceSize])
	s.random = s.random[nonceSize:]
}
