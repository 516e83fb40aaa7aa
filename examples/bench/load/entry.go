// Package load is what the engines of one benchmark share, so that they do the
// same work and are measured alike: the entries, the loop of the writers, the
// measurement of a slice of time, and the lines in which a program with peers is
// asked for one.
//
// It knows no engine. The program examples/bench runs its own engine and a raw
// control with it; the nested module examples/bench/peers runs others.
package load

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"sync/atomic"
)

// Entry is one entry to be appended, the same for each engine.
type Entry struct {
	Stream  string // "session/" and 10 hexadecimal digits
	Version uint64 // of the stream before this entry
	Type    string // 12 bytes
	Key     string // 14 bytes, unique in its source
	Payload []byte // random; shared between entries, to be read only
}

// NameBytes is the length of stream, type and key of an [Entry] together.
const NameBytes = len(streamPrefix) + streamDigits + len(entryType) + keyDigits

const (
	streamPrefix = "session/"
	streamDigits = 10
	entryType    = "ChoiceSealed"
	keyDigits    = 14
	streamLength = 64      // entries of one stream
	poolBytes    = 1 << 20 // random bytes that payloads are cut from
	poolStep     = 307     // bytes from one payload to the next
)

// Source makes entries. Each writer visits streams one after the other, 64
// entries each, whose names are scattered. So are the keys, as the random ones
// are that callers make; or they follow their stream, so that keys of one stream
// are neighbours. It may be used by many goroutines.
type Source struct {
	streams, keys atomic.Uint64
	mask          uint64
	payload       int
	follow        bool
	pool          []byte
}

// NewSource returns the source of a seed, whose payloads have so many bytes, at
// most 1 MiB; follow makes keys follow their stream. Two sources made alike make
// the same entries in the same order, as far as their writers ask in the same
// order.
func NewSource(seed uint64, payload int, follow bool) *Source {
	s := &Source{payload: payload, follow: follow, pool: make([]byte, poolBytes+payload)}
	var key [32]byte
	binary.LittleEndian.PutUint64(key[:], seed)
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
	version uint64
	at      int // in the pool
	batch   []Entry
	keys    []byte
}

// Next returns a batch of n new entries, which is the caller's until the next
// call. It costs about 40 ns per entry on a quiet machine.
func (w *Writer) Next(n int) []Entry {
	if cap(w.batch) < n {
		w.batch = make([]Entry, n)
	}
	batch := w.batch[:n]
	number := w.source.keys.Add(uint64(n)) - uint64(n)
	w.keys = w.keys[:0]
	for i := range batch {
		if w.version == streamLength {
			w.stream = string(w.source.scatter([]byte(streamPrefix), w.source.streams.Add(1), streamDigits))
			w.version = 0
		}
		batch[i] = Entry{
			Stream: w.stream, Version: w.version, Type: entryType,
			Payload: w.source.pool[w.at : w.at+w.source.payload],
		}
		w.keys = w.key(w.keys, number+uint64(i))
		w.version++
		w.at = (w.at + poolStep) % poolBytes
	}
	keys := string(w.keys) // one allocation for all of them
	for i := range batch {
		batch[i].Key = keys[i*keyDigits : (i+1)*keyDigits]
	}
	return batch
}

// key adds the key of the entry with a number in the source.
func (w *Writer) key(b []byte, n uint64) []byte {
	if !w.source.follow {
		return w.source.scatter(b, n, keyDigits)
	}
	v := w.version
	return append(append(b, w.stream[len(streamPrefix):]...), '/', '0'+byte(v/100), '0'+byte(v/10%10), '0'+byte(v%10))
}

// scatter adds so many hexadecimal digits, an even number, others for each n. It
// multiplies by an odd constant, modulo a power of two, which loses nothing.
func (s *Source) scatter(b []byte, n uint64, digits int) []byte {
	const odd = 0x9E3779B97F4A7C15 // 2⁶⁴ divided by the golden ratio
	var raw [8]byte
	binary.BigEndian.PutUint64(raw[:], (n*odd^s.mask)<<(64-4*digits))
	return hex.AppendEncode(b, raw[:digits/2])
}
