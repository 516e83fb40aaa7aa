package ledger

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"sync"
)

const keySize = 32

// tenant holds the keys derived from the one tenant key (HKDF-SHA-256, RFC
// 5869), each for one purpose. It may be used by any number of goroutines.
type tenant struct {
	headers *sealer // seals headers
	plain   *sealer // seals payloads without subjects
	payload []byte  // mixed into the payload keys of subjects
	wrap    []byte  // wraps the subjects' data keys
	seed    Hash    // of the identifiers in the indexes
	check   []byte  // kept in the store, to know the key again
	free    *sync.Pool
}

func newTenant(master []byte) tenant {
	derive := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, master, nil, "csss/ledger/v1/"+purpose, keySize)
		if err != nil {
			panic(err) // only a length above 8160 bytes fails
		}
		return k
	}
	tags := derive("tags")
	t := tenant{headers: newSealer(derive("headers")), payload: derive("payload"), wrap: derive("wrap"), seed: Hash(derive("index")), check: derive("check")}
	t.free = &sync.Pool{New: func() any { return &scratch{tags: hmac.New(sha256.New, tags)} }}
	t.plain = t.payloadSealer(nil)
	return t
}

// mac is HMAC-SHA-256 of a domain and parts, each behind its length.
func mac(h hash.Hash, domain string, parts ...[]byte) (out Hash) {
	b := appendStr16(nil, domain)
	for _, p := range parts {
		b = append(appendU64(b, uint64(len(p))), p...)
	}
	h.Reset()
	h.Write(b)
	h.Sum(out[:0])
	return out
}

// scratch is what one goroutine needs to tag and seal without allocating. The
// HMAC keeps its two states behind the padded key, so that a tag costs two
// compressions and not four.
type scratch struct {
	tags  hash.Hash
	buf   []byte
	sum   Hash
	block [2 * aes.BlockSize]byte
	salt  Hash
	plain []byte
	names [256]named
}

// named is an identifier that was computed before.
type named struct {
	kind byte
	name string
	id   id
}

func (t *tenant) scratch() *scratch { return t.free.Get().(*scratch) }
func (t *tenant) done(s *scratch)   { t.free.Put(s) }

func (s *scratch) tag() Hash {
	s.tags.Reset()
	s.tags.Write(s.buf)
	s.tags.Sum(s.sum[:0])
	return s.sum
}

// positionTag is the tag of a place in a stream. It occurs once in a log.
func (s *scratch) positionTag(stream string, version uint64) Hash {
	s.buf = appendStr16(s.buf[:0], "position")
	s.buf = append(appendU64(s.buf, uint64(len(stream))), stream...)
	s.buf = appendU64(appendU64(s.buf, 8), version)
	return s.tag()
}

func (s *scratch) keyTag(key string) Hash {
	s.buf = appendStr16(s.buf[:0], "key")
	s.buf = append(appendU64(s.buf, uint64(len(key))), key...)
	return s.tag()
}

// tagsHold checks both tags of a leaf against its header.
func (s *scratch) tagsHold(l *leaf, h *rawHeader) (what string) {
	s.buf = appendStr16(s.buf[:0], "position")
	s.buf = append(appendU64(s.buf, uint64(len(h.stream))), h.stream...)
	s.buf = appendU64(appendU64(s.buf, 8), h.version)
	if s.tag() != l.position {
		return "position tag does not match the header"
	}
	s.buf = appendStr16(s.buf[:0], "key")
	s.buf = append(appendU64(s.buf, uint64(len(h.key))), h.key...)
	if s.tag() != l.key {
		return "key tag does not match the header"
	}
	return ""
}

// saltOf derives the salt of the entry with a nonce: the nonce with the counters
// 1 and 2, encrypted.
func (s *scratch) saltOf(c cipher.Block, nonce []byte) *Hash {
	copy(s.block[:], nonce[:nonceSize])
	copy(s.block[aes.BlockSize:], nonce[:nonceSize])
	binary.BigEndian.PutUint32(s.block[nonceSize:], 1)
	binary.BigEndian.PutUint32(s.block[aes.BlockSize+nonceSize:], 2)
	c.Encrypt(s.salt[:aes.BlockSize], s.block[:aes.BlockSize])
	c.Encrypt(s.salt[aes.BlockSize:], s.block[aes.BlockSize:])
	return &s.salt
}

// leafHash is merkle.LeafHash without clearing a buffer.
func (s *scratch) leafHash(record []byte) Hash {
	s.buf = append(append(s.buf[:0], 0), record...)
	return sha256.Sum256(s.buf)
}

// keyID is the identifier of an idempotency key: the front of its tag.
func keyID(tag Hash) id { return id(tag[:16]) }

func (t *tenant) keyTag(key string) Hash {
	s := t.scratch()
	defer t.done(s)
	return s.keyTag(key)
}

// subjectSecret is the name under which a subject's wrapped key is stored.
func (t *tenant) subjectSecret(subject string) string {
	s := t.scratch()
	defer t.done(s)
	h := mac(s.tags, "subject", []byte(subject))
	return subjectPrefix + hex.EncodeToString(h[:])
}

// payloadSealer seals under the data keys of all its subjects: destroy one, and
// what it sealed is gone.
func (t *tenant) payloadSealer(data [][]byte) *sealer {
	k := mac(hmac.New(sha256.New, t.payload), "payload", data...)
	return newSealer(k[:])
}

// wrapKey and unwrapKey keep a subject's data key under the tenant key, bound to
// its name.
func (t *tenant) wrapKey(name string, key []byte) []byte {
	g := gcm(t.wrap)
	nonce := randomBytes(nonceSize)
	return g.Seal(nonce, nonce, key, []byte(name))
}

func (t *tenant) unwrapKey(name string, wrapped []byte) ([]byte, bool) {
	if len(wrapped) < nonceSize {
		return nil, false
	}
	key, err := gcm(t.wrap).Open(nil, wrapped[:nonceSize], wrapped[nonceSize:], []byte(name))
	return key, err == nil && len(key) == keySize
}

// What an identifier in an index names.
const (
	idStream byte = iota
	idType
	idSubject
)

// id is the 128-bit identifier of a name in the indexes: the front of SHA-256
// of a secret seed, the kind and the name. Whoever finds a snapshot of the
// indexes learns no name from it, and cannot choose names that collide.
func (t *tenant) id(kind byte, name string) id {
	var buf [keySize + 1 + MaxName]byte
	b := append(buf[:0], t.seed[:]...)
	b = append(append(b, kind), name...)
	h := sha256.Sum256(b)
	return id(h[:16])
}

// idOf is id of a name that lies in a buffer.
func (t *tenant) idOf(kind byte, name []byte) id {
	var buf [keySize + 1 + MaxName]byte
	b := append(buf[:0], t.seed[:]...)
	b = append(append(b, kind), name...)
	h := sha256.Sum256(b)
	return id(h[:16])
}

// id remembers: in a batch, few names come often.
func (s *scratch) id(t *tenant, kind byte, name string) id {
	n := &s.names[nameSlot(kind, name)]
	if n.name != name || n.kind != kind {
		*n = named{kind: kind, name: name, id: t.id(kind, name)}
	}
	return n.id
}

// idOf remembers too.
func (s *scratch) idOf(t *tenant, kind byte, name []byte) id {
	n := &s.names[nameSlot(kind, name)]
	if n.kind != kind || n.name != string(name) {
		*n = named{kind: kind, name: string(name), id: t.idOf(kind, name)}
	}
	return n.id
}

// nameSlot spreads names that differ in their last bytes.
func nameSlot[N string | []byte](kind byte, name N) uint {
	h := uint(kind)*31 + uint(len(name))
	for i := max(0, len(name)-4); i < len(name); i++ {
		h = h*31 + uint(name[i])
	}
	return (h ^ h>>8) % 256
}

func gcm(key []byte) cipher.AEAD {
	g, err := cipher.NewGCM(block(key))
	if err != nil {
		panic(err) // AES has the block size GCM wants
	}
	return g
}

func block(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key is 32 bytes by construction
	}
	return b
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand
	return b
}
