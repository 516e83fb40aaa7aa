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
// 5869), each for one purpose.
type tenant struct {
	tags    *macKey // of position, key and subject tags
	headers *sealer // seals headers
	plain   *sealer // seals payloads without subjects
	payload []byte  // mixed into the payload keys of subjects
	wrap    []byte  // wraps the subjects' data keys
	seed    Hash    // of the identifiers in the indexes
}

func newTenant(master []byte) tenant {
	derive := func(purpose string) []byte {
		k, err := hkdf.Key(sha256.New, master, nil, "csss/ledger/v1/"+purpose, keySize)
		if err != nil {
			panic(err) // only a length above 8160 bytes fails
		}
		return k
	}
	t := tenant{tags: newMacKey(derive("tags")), headers: newSealer(derive("headers")), payload: derive("payload"), wrap: derive("wrap")}
	t.seed = Hash(derive("index"))
	t.plain = t.payloadSealer(nil)
	return t
}

// macKey is HMAC-SHA-256 under one key, for any number of goroutines. The two
// states behind the padded key are kept, so that a tag costs two compressions
// and not four.
type macKey struct{ free sync.Pool }

// macState is one running HMAC and its scratch.
type macState struct {
	h   hash.Hash
	buf []byte
	sum Hash
}

func newMacKey(key []byte) *macKey {
	return &macKey{free: sync.Pool{New: func() any { return &macState{h: hmac.New(sha256.New, key)} }}}
}

// sum is the tag of a domain and parts, each behind its length.
func (k *macKey) sum(domain string, parts ...[]byte) Hash {
	s := k.free.Get().(*macState)
	s.buf = appendStr16(s.buf[:0], domain)
	for _, p := range parts {
		s.buf = append(appendU64(s.buf, uint64(len(p))), p...)
	}
	out := s.tag()
	k.free.Put(s)
	return out
}

// tag is the HMAC of the scratch.
func (s *macState) tag() Hash {
	s.h.Reset()
	s.h.Write(s.buf)
	s.h.Sum(s.sum[:0])
	return s.sum
}

// positionTag and keyTag put the state in the caller's hands, who has many.
func (s *macState) positionTag(stream string, version uint64) Hash {
	s.buf = appendStr16(s.buf[:0], "position")
	s.buf = append(appendU64(s.buf, uint64(len(stream))), stream...)
	s.buf = appendU64(appendU64(s.buf, 8), version)
	return s.tag()
}

func (s *macState) keyTag(key string) Hash {
	s.buf = appendStr16(s.buf[:0], "key")
	s.buf = append(appendU64(s.buf, uint64(len(key))), key...)
	return s.tag()
}

func (t *tenant) positionTag(stream string, version uint64) Hash {
	s := t.tags.free.Get().(*macState)
	defer t.tags.free.Put(s)
	return s.positionTag(stream, version)
}

func (t *tenant) keyTag(key string) Hash {
	s := t.tags.free.Get().(*macState)
	defer t.tags.free.Put(s)
	return s.keyTag(key)
}

// subjectSecret is the name under which a subject's wrapped key is stored.
func (t *tenant) subjectSecret(subject string) string {
	h := t.tags.sum("subject", []byte(subject))
	return subjectPrefix + hex.EncodeToString(h[:])
}

// payloadSealer seals under the data keys of all its subjects: destroy one, and
// what it sealed is gone.
func (t *tenant) payloadSealer(data [][]byte) *sealer {
	k := newMacKey(t.payload).sum("payload", data...)
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
func (t *tenant) id(kind byte, name string) (id [16]byte) {
	var buf [keySize + 1 + MaxName]byte
	b := append(buf[:0], t.seed[:]...)
	b = append(append(b, kind), name...)
	h := sha256.Sum256(b)
	return [16]byte(h[:16])
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

// salts derives the salt of the entry with a nonce: the nonce with the counters
// 1 and 2, encrypted.
func (s *sealer) saltOf(nonce []byte) (salt Hash) {
	var in [2 * aes.BlockSize]byte
	copy(in[:], nonce[:nonceSize])
	copy(in[aes.BlockSize:], nonce[:nonceSize])
	binary.BigEndian.PutUint32(in[nonceSize:], 1)
	binary.BigEndian.PutUint32(in[aes.BlockSize+nonceSize:], 2)
	s.salt.Encrypt(salt[:aes.BlockSize], in[:aes.BlockSize])
	s.salt.Encrypt(salt[aes.BlockSize:], in[aes.BlockSize:])
	return salt
}
