package ledger

import (
	"context"

	"github.com/deeperpoint/csss/ledger/internal/merkle"
)

// What the tests of the formats look at from outside.
var (
	CloneFrame   = cloneFrame
	DecodeLeaf   = decodeLeaf
	DecodeHeader = func(b []byte) ([]byte, bool) { h, ok := decodeHeader(b); return h.append(nil), ok }
	EncodeHeader = func(stream string, subjects ...string) []byte {
		return header{stream: stream, version: 1, kind: "t", key: "k", subjects: subjects}.appended()
	}
	EncodeLeafTime = func(t int64) []byte { return leaf{time: t}.encode() }
)

func (h header) appended() []byte { return h.append(nil) }

// Encode gives the canonical form of a leaf.
func (l leaf) Encode() []byte { return l.encode() }

// Forge makes the frame that the holder of the tenant key could make: sealed and
// committed to as it must be, with a leaf that was changed meanwhile.
func Forge(l *Log, index uint64, a Append, change string) Frame {
	c := &call{ctx: context.Background(), entries: []Append{a}}
	if err := l.prepare(c); err != nil {
		panic(err)
	}
	l.tagSmall(&group{calls: []*call{c}})
	w := &work{first: index, streams: []streamHead{{newest: -1}}}
	w.entries = []fresh{{call: c, append: &c.entries[0], prepared: &c.prep[0], previous: -1, version: 1, time: 1}}
	w.layOut()
	l.tenant.encode(w, 0, 1)
	w.commitTo(0)
	f := &w.entries[0]
	record := w.arena[f.leaf.from:f.leaf.to]
	const fields = 2 + len(leafDomain) + 8
	at := map[string]int{"domain": 5, "position": fields, "key": fields + 32, "header": fields + 64, "payload": fields + 96}
	record[at[change]] ^= 1
	f.hash = merkle.LeafHash(record)
	l.tenant.frame(w, 0, 1)
	return w.batch.Frames[0]
}
