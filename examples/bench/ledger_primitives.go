package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"time"

	"github.com/deeperpoint/csss/examples/bench/load"
	"github.com/deeperpoint/csss/ledger"
)

// primitives is the line of csss/primitives: the hashes and ciphers that one
// entry of the measured shape needs, in microseconds of CPU. Checksums, the
// index and copies are not among them.
type primitives struct {
	Engine            string `json:"engine"`
	Tags              figure `json:"tags_us"`               // HMAC-SHA-256 of position and key
	HeaderCommitment  figure `json:"header_commitment_us"`  // SHA-256
	PayloadCommitment figure `json:"payload_commitment_us"` // SHA-256
	Leaf              figure `json:"leaf_us"`               // SHA-256 of the leaf record
	Node              figure `json:"node_us"`               // SHA-256 of two hashes: a tree has one node per leaf
	Salts             figure `json:"salts_us"`              // four blocks of AES-256
	SealHeader        figure `json:"seal_header_us"`        // AES-256-GCM
	SealPayload       figure `json:"seal_payload_us"`       // AES-256-GCM
	Sum               figure `json:"sum_us"`
	Harness           figure `json:"harness_us"` // not in the sum: making an entry and its append, which every engine pays
}

// Lengths of what is hashed beside names, payload and leaf.
const (
	commitmentBytes = 23 + 32 + 8 // domain, salt, length
	headerExtra     = 12          // lengths, version, claimed time, no subjects
	tagExtra        = 8           // version
	sealDomainBytes = 32          // additional data of a seal
	leastCPU        = 20e-3       // seconds that one primitive is repeated for
	nodeBytes       = 1 + 2*32    // RFC 6962
	saltBlocks      = 2 * 32 / 16 // two salts of 32 bytes
	headerBytes     = load.NameBytes + headerExtra
)

// measurePrimitives repeats each primitive with keys set up and memory at hand.
func (b *ledgerBench) measurePrimitives(context.Context) error {
	key := make([]byte, 32)
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	tag := hmac.New(sha256.New, key)
	in := make([]byte, max(b.payload, int(b.frame.leaf), headerBytes)+2*commitmentBytes)
	out := make([]byte, 0, len(in)+aead.Overhead())
	hash := func(n int) func() {
		return func() { sha256.Sum256(in[:n]) }
	}
	mac := func(n int) {
		tag.Reset()
		_, _ = tag.Write(in[:n]) // never fails
		out = tag.Sum(out[:0])
	}
	seal := func(n, additional int) func() {
		return func() { out = aead.Seal(out[:0], key[:aead.NonceSize()], in[:n], in[:additional]) }
	}
	p := primitives{
		Engine:            "csss/primitives",
		Tags:              cpuMicros(func() { mac(18 + tagExtra); mac(14) }),
		HeaderCommitment:  cpuMicros(hash(commitmentBytes + 32 + headerBytes)),
		PayloadCommitment: cpuMicros(hash(commitmentBytes + b.payload)),
		Leaf:              cpuMicros(hash(1 + int(b.frame.leaf))),
		Node:              cpuMicros(hash(nodeBytes)),
		Salts: cpuMicros(func() {
			for range saltBlocks {
				block.Encrypt(out[:16], in[:16])
			}
		}),
		SealHeader:  cpuMicros(seal(headerBytes, sealDomainBytes)),
		SealPayload: cpuMicros(seal(b.payload, sealDomainBytes)),
	}
	p.Sum = p.Tags + p.HeaderCommitment + p.PayloadCommitment + p.Leaf + p.Node + p.Salts + p.SealHeader + p.SealPayload
	writer, appends := b.source().Writers(1)[0], make([]ledger.Append, 100)
	p.Harness = cpuMicros(func() { fill(appends, writer.Next(len(appends))) }) / figure(len(appends))
	b.primitives = p
	b.row("primitives of an entry: %v µs (tags %v, commitments %v + %v, leaf %v, node %v, salts %v, seals %v + %v); making it: %v µs", p.Sum,
		p.Tags, p.HeaderCommitment, p.PayloadCommitment, p.Leaf, p.Node, p.Salts, p.SealHeader, p.SealPayload, p.Harness)
	return b.line(p)
}

// cpuMicros returns the microseconds that a call takes on one CPU: the least of
// three measurements, because a neighbour only ever adds.
func cpuMicros(do func()) figure {
	best := 0.0
	for range 3 {
		n, took := 0, 0.0
		start := clock()
		for took < leastCPU/3 {
			for range 1000 {
				do()
			}
			n += 1000
			took = clock() - start
		}
		if us := took * 1e6 / float64(n); best == 0 || us < best {
			best = us
		}
	}
	return figure(best)
}

// clock returns seconds of CPU, or of wall clock where the system has no other.
func clock() float64 {
	if cpu := load.CPUSeconds(); cpu > 0 {
		return cpu
	}
	return float64(time.Now().UnixNano()) / 1e9
}
