package ledger

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// TypeShredded is the type of the entries that [Log.Shred] appends; [Log.Append]
// refuses it. The entry's one subject is the one that was shredded.
const TypeShredded = "subject.shredded"

// StreamShredded is the stream of those entries.
const StreamShredded = "ledger/shredded"

const subjectPrefix = "subject-"

// state is everything a log knows without asking its store. It is rebuilt from
// the frames, never stored.
type state struct {
	nodes    []Hash // the tree, in the order of tlog.StoredHashIndex
	metas    []meta // by index
	byKey    map[string]uint64
	streams  map[string][]uint64 // index of each version
	subjects map[string][]uint64 // entries with a payload under that subject's key
	shredded map[string]uint64   // subject -> the entry that says so
}

type meta struct {
	time    int64
	version uint64
}

func newState() *state {
	return &state{byKey: map[string]uint64{}, streams: map[string][]uint64{}, subjects: map[string][]uint64{}, shredded: map[string]uint64{}}
}

func (s *state) size() uint64 { return uint64(len(s.metas)) }

func (s *state) version(stream string) uint64 { return uint64(len(s.streams[stream])) }

func (s *state) leafHash(index uint64) Hash {
	return s.nodes[tlog.StoredHashIndex(0, int64(index))]
}

// lastLeaf is the leaf hash of a stream's newest entry, zero where it has none.
func (s *state) lastLeaf(stream string) (h Hash) {
	if v := s.streams[stream]; len(v) > 0 {
		h = s.leafHash(v[len(v)-1])
	}
	return h
}

func (s *state) lastTime() int64 {
	if len(s.metas) == 0 {
		return 0
	}
	return s.metas[len(s.metas)-1].time
}

func (s *state) receipt(index uint64, duplicate bool) Receipt {
	m := s.metas[index]
	return Receipt{Index: index, StreamVersion: m.version, Leaf: s.leafHash(index), Time: (&leaf{time: m.time}).at(), Duplicate: duplicate}
}

// opened is a frame whose leaf and header have been checked against each other.
type opened struct {
	index uint64
	leaf  leaf
	hash  Hash
	nonce []byte // of the frame
	plain []byte // the header as it was committed to
	header
}

// open decodes a frame and checks that its header belongs to its leaf. It
// returns what does not hold, or nothing. Whether the header follows the
// stream's entry before is for state.add.
func (t *tenant) open(f Frame) (o opened, what string) {
	l, ok := decodeLeaf(f.Leaf)
	if !ok {
		return o, "leaf is not canonical"
	}
	hash := tlog.RecordHash(f.Leaf)
	nonce, plain, ok := t.headers.openHeader(nil, f.Header, &hash)
	if !ok {
		return o, "header: ciphertext does not open"
	}
	h, ok := decodeHeader(plain)
	switch {
	case !ok:
		return o, "header is not canonical"
	case l.position != t.positionTag(h.stream, h.version):
		return o, "position tag does not match the header"
	case l.key != t.keyTag(h.key):
		return o, "key tag does not match the header"
	}
	return opened{index: f.Index, leaf: l, hash: hash, nonce: nonce, plain: plain, header: h}, ""
}

// follows says whether the header commitment holds, which binds the header to
// the leaf of the stream's entry before.
func (t *tenant) follows(o *opened, previous Hash) bool {
	salt := t.headers.saltOf(o.nonce)
	return headerCommitment(&salt, previous, o.plain) == o.leaf.header
}

// add takes the next entry in, or says why it cannot follow.
func (s *state) add(t *tenant, o opened) (what string) {
	_, taken := s.byKey[o.key]
	switch {
	case o.index != s.size():
		return "index is out of order"
	case o.leaf.time <= s.lastTime():
		return "engine time does not grow"
	case o.version != s.version(o.stream)+1:
		return "stream version has a hole or a repetition"
	case !t.follows(&o, s.lastLeaf(o.stream)):
		return "header commitment does not hold behind the stream's previous leaf"
	case taken:
		return "idempotency key occurs twice"
	}
	nodes, err := grow(s.nodes, o.index, o.hash)
	if err != nil {
		return err.Error()
	}
	s.nodes = nodes
	s.metas = append(s.metas, meta{time: o.leaf.time, version: o.version})
	s.byKey[o.key] = o.index
	s.streams[o.stream] = append(s.streams[o.stream], o.index)
	if o.kind == TypeShredded {
		s.shred(o)
		return ""
	}
	for _, subject := range o.subjects {
		s.subjects[subject] = append(s.subjects[subject], o.index)
	}
	return ""
}

func (s *state) shred(o opened) {
	for _, subject := range o.subjects {
		if _, again := s.shredded[subject]; !again {
			s.shredded[subject] = o.index
		}
	}
}

// has says what keeps a frame from being the one the state knows at its index.
// The leaf hash decides alone: the leaf commits to the header, which tenant.open
// has held against it, and add has held the header against the log.
func (s *state) has(o opened) (what string) {
	switch {
	case o.index >= s.size():
		return "index lies outside the log"
	case o.hash != s.leafHash(o.index):
		return "leaf is not the one in the tree"
	}
	return ""
}

// erased reports whether the payload of an entry is gone by right.
func (s *state) erased(h header) bool {
	if h.kind == TypeShredded {
		return false
	}
	for _, subject := range h.subjects {
		if _, gone := s.shredded[subject]; gone {
			return true
		}
	}
	return false
}

// nodeReader serves tree hashes to tlog.
type nodeReader []Hash

func (n nodeReader) ReadHashes(indexes []int64) ([]Hash, error) {
	out := make([]Hash, len(indexes))
	for i, x := range indexes {
		if x < 0 || x >= int64(len(n)) {
			return nil, &RangeError{Field: "tree hash", Value: uint64(x), Limit: uint64(len(n))}
		}
		out[i] = n[x]
	}
	return out, nil
}

// grow adds leaf n to the tree. Readers that hold the shorter slice see nothing
// of it.
func grow(nodes []Hash, n uint64, leafHash Hash) ([]Hash, error) {
	more, err := tlog.StoredHashesForRecordHash(int64(n), leafHash, nodeReader(nodes))
	return append(nodes, more...), err
}

// rootAt is the root of the tree over the first n leaves.
func rootAt(nodes []Hash, n uint64) (Hash, error) {
	if n == 0 {
		return emptyRoot(), nil
	}
	return tlog.TreeHash(int64(n), nodeReader(nodes))
}

// emptyRoot is the root of a tree without leaves (RFC 6962, section 2.1).
func emptyRoot() Hash { return sha256.Sum256(nil) }
