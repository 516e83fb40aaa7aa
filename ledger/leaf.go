package ledger

import (
	"crypto/sha256"
	"math"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree, of a leaf or of a commitment. It prints
// and marshals as base64.
type Hash = tlog.Hash

const (
	leafDomain    = "csss/ledger/leaf/v1"
	headerDomain  = "csss/ledger/header/v1"
	payloadDomain = "csss/commit/v1"
	saltSize      = 32
)

// leaf is the record in the tree. Nothing in it links two entries to outsiders.
type leaf struct {
	time     int64 // engine time, nanoseconds since 1970, grows along the log
	position Hash  // HMAC(tenant key, stream ‖ version)
	key      Hash  // HMAC(tenant key, idempotency key)
	header   Hash  // salted commitment
	payload  Hash  // salted commitment
}

func (l leaf) encode() []byte {
	b := make([]byte, 0, 157)
	b = appendStr16(b, leafDomain)
	b = appendU64(b, uint64(l.time))
	for _, h := range []Hash{l.position, l.key, l.header, l.payload} {
		b = append(b, h[:]...)
	}
	return b
}

// decodeLeaf accepts exactly what encode writes.
func decodeLeaf(b []byte) (leaf, bool) {
	r := reader{b: b}
	domain := r.str16()
	t := r.u64()
	l := leaf{time: int64(t), position: r.hash(), key: r.hash(), header: r.hash(), payload: r.hash()}
	return l, r.done() && domain == leafDomain && t <= math.MaxInt64
}

// at returns the engine time of the leaf.
func (l leaf) at() time.Time { return time.Unix(0, l.time).UTC() }

// commitment is SHA-256(domain ‖ salt ‖ length ‖ plaintext).
func commitment(domain string, salt, plain []byte) (h Hash) {
	d := sha256.New()
	d.Write([]byte(domain))
	d.Write(salt)
	d.Write(appendU64(nil, uint64(len(plain))))
	d.Write(plain)
	d.Sum(h[:0])
	return h
}
