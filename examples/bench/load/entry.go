// Package load is what the engines of one benchmark share, so that they do the
// same work and are measured alike: the entries, the loop of the writers, the
// measurement of a slice of time, and the lines in which a program with peers is
// asked for one.
//
// It knows no engine. The program examples/bench runs its own engine and a raw
// control with it; the nested module examples/bench/peers runs others.
package load

import (
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
)

// Entry is one entry to be appended, the same for each engine.
type Entry struct {
	Stream  string // "session/" and 10 digits
	Version uint64 // of the stream before this entry
	Type    string // 12 bytes
	Key     string // unique in its source: the 10 digits of the stream, "/" and 3 more
	Payload []byte // random; shared between entries, to be read only
}

// NameBytes is the length of stream, type and key of an [Entry] together.
const NameBytes = len("session/0123456789") + len(entryType) + len("0123456789/000")

const (
	entryType    = "ChoiceSealed"
	streamLength = 64      // entries of one stream
	poolBytes    = 1 << 20 // random bytes that payloads are cut from
	poolStep     = 307     // bytes from one payload to the next
)

// Source makes entries. Streams are visited one after the other by each writer,
// 64 entries each, and their names are random; the keys of a stream are
// neighbours, as those of a session are. It may be used by many goroutines.
type Source struct {
	streams atomic.Uint64
	mask    uint64
	payload int
	pool    []byte
}

// NewSource returns the source of a seed, whose payloads have so many bytes, at
// most 1 MiB. Two sources of one seed make the same entries in the same order,
// as far as their writers ask in the same order.
func NewSource(seed uint64, payload int) *Source {
	s := &Source{payload: payload, pool: make([]byte, poolBytes+payload)}
	var key [32]byte
	key[0], key[1], key[2], key[3] = byte(seed), byte(seed>>8), byte(seed>>16), byte(seed>>24)
	random := rand.NewChaCha8(key)
	_, _ = random.Read(s.pool) // never fails
	s.mask = random.Uint64()
	return s
}

// Writers returns n writers, each for one goroutine.
func (s *Source) Writers(n int) []*Writer {
	writers := make([]*Writer, n)
	for i := range writers {
		writers[i] = &Writer{source: s, version: streamLength, at: i * 7919 % poolBytes}
	}
	return writers
}

// Writer makes the entries of one writer.
type Writer struct {
	source  *Source
	stream  string
	key     [14]byte
	version uint64
	at      int // in the pool
	batch   []Entry
}

// Next returns a batch of n new entries, which is the caller's until the next
// call. It costs about 50 ns per entry.
func (w *Writer) Next(n int) []Entry {
	if cap(w.batch) < n {
		w.batch = make([]Entry, n)
	}
	batch := w.batch[:n]
	for i := range batch {
		if w.version == streamLength {
			w.open()
		}
		n := w.version
		w.key[11], w.key[12], w.key[13] = '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10)
		batch[i] = Entry{
			Stream: w.stream, Version: n, Type: entryType, Key: string(w.key[:]),
			Payload: w.source.pool[w.at : w.at+w.source.payload],
		}
		w.version++
		w.at = (w.at + poolStep) % poolBytes
	}
	return batch
}

// open begins the next stream. Its number is multiplied by an odd constant
// modulo 2⁴⁰, which scatters the names and keeps them unique.
func (w *Writer) open() {
	const bits = 1<<40 - 1
	n := w.source.streams.Add(1) * 0x9E3779B97F4A7C15 & bits
	n ^= w.source.mask & bits
	hex.Encode(w.key[:10], []byte{byte(n >> 32), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	w.key[10] = '/'
	w.stream = "session/" + string(w.key[:10])
	w.version = 0
}
