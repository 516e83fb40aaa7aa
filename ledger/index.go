package ledger

import (
	"math"

	"github.com/deeperpoint/csss/ledger/internal/table"
)

// id is a name in the indexes: of a key, a stream, a type or a subject.
type id = table.Key

// maxEntries is how many entries the indexes can number.
const maxEntries = math.MaxUint32 - 1

// index finds entries by key, stream, type and subject. It holds 128-bit
// identifiers and 32-bit numbers, no names: about 60 bytes per entry, beside 64
// of tree hashes. It is rebuilt from the frames, or begun from a snapshot.
//
// A stream, a type and a subject each are a chain: heads has the newest entry
// and the count, a column leads from each entry to the one before. For subjects,
// of which an entry may have many, the links are a list of their own.
type index struct {
	keys     table.Table // front of the key tag -> index
	heads    table.Table // stream or type -> head of the newest entry; subject -> of the newest posting
	shredded table.Table // subject -> the entry that says so
	inStream table.Column
	inType   table.Column
	posted   table.Column // posting -> entry
	before   table.Column // posting -> the subject's posting before, as link
}

// head packs how long a chain is and where its newest element lies.
type head uint64

func newHead(count, last uint64) head { return head(count<<32 | last&math.MaxUint32) }
func (h head) count() uint64          { return uint64(h) >> 32 }
func (h head) last() uint64           { return uint64(h) & math.MaxUint32 }

// link is what a column holds: the element before plus one, 0 for none.
func (h head) link() uint32 {
	if h == 0 {
		return 0
	}
	return uint32(h.last()) + 1
}

// next is the head after one more element.
func (h head) next(last uint64) head { return newHead(h.count()+1, last) }

func (x *index) head(name id) head {
	v, _ := x.heads.Get(name)
	return head(v)
}

// placed is all that the indexes take of an entry.
type placed struct {
	key, stream, kind id
	subjects          []id // of the payload's keys, or the one that is shredded
	shreds            bool
}

// put takes entry n in, which must be the next.
func (x *index) put(n uint64, p *placed) {
	x.keys.Put(p.key, n)
	x.chain(p.stream, n, &x.inStream)
	x.chain(p.kind, n, &x.inType)
	x.putSubjects(n, p.subjects, p.shreds)
}

func (x *index) putSubjects(n uint64, subjects []id, shreds bool) {
	for _, s := range subjects {
		if shreds {
			if _, again := x.shredded.Get(s); !again {
				x.shredded.Put(s, n)
			}
		}
		h := x.head(s)
		x.posted.Append(uint32(n))
		x.before.Append(h.link())
		x.heads.Put(s, uint64(h.next(x.posted.Len()-1)))
	}
}

func (x *index) chain(name id, n uint64, links *table.Column) {
	h := x.head(name)
	links.Append(h.link())
	x.heads.Put(name, uint64(h.next(n)))
}

// walk returns the entries of a chain from an index on, in order: at most the
// newest limit of them.
func (x *index) walk(h head, links *table.Column, from, limit uint64) []uint32 {
	n := min(h.count(), limit)
	out := make([]uint32, 0, min(n, 1<<20))
	for at := h.link(); at != 0 && uint64(at) > from && uint64(len(out)) < n; at = links.At(uint64(at) - 1) {
		out = append(out, at-1)
	}
	return reversed(out)
}

// postings returns the entries of a subject from an index on, in order.
func (x *index) postings(subject id, from uint64) []uint32 {
	h := x.head(subject)
	out := make([]uint32, 0, min(h.count(), 1<<20))
	for at := h.link(); at != 0; at = x.before.At(uint64(at) - 1) {
		n := x.posted.At(uint64(at) - 1)
		if uint64(n) < from {
			break
		}
		out = append(out, n)
	}
	return reversed(out)
}

// sealedFor returns the entries whose payloads are under a shredded subject's key:
// those before the shredding.
func (x *index) sealedFor(subject id) []uint64 {
	until, _ := x.shredded.Get(subject)
	var out []uint64
	for _, n := range x.postings(subject, 0) {
		if uint64(n) < until {
			out = append(out, uint64(n))
		}
	}
	return out
}

func reversed(s []uint32) []uint32 {
	for i, j := 0, len(s)-1; i < j; i, j = i+1, j-1 {
		s[i], s[j] = s[j], s[i]
	}
	return s
}
