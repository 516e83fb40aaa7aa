package main

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/deeperpoint/csss/examples/bench/load"
)

// hasher makes the 32 bytes that are kept with an entry.
type hasher struct{ b []byte }

// sum returns the SHA-256 of all parts of an entry, each with its length.
func (h *hasher) sum(e load.Entry) [32]byte {
	h.b = h.b[:0]
	for _, s := range []string{e.Stream, e.Type, e.Key} {
		h.b = append(binary.BigEndian.AppendUint16(h.b, uint16(len(s))), s...)
	}
	h.b = binary.BigEndian.AppendUint64(h.b, e.Version)
	h.b = append(binary.BigEndian.AppendUint32(h.b, uint32(len(e.Payload))), e.Payload...)
	return sha256.Sum256(h.b)
}
