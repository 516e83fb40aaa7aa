package ledger

import "os"

// What the tests of the formats look at from outside.
type (
	Scan = scan
	Leaf = leaf
)

var (
	DecodeLeaf   = decodeLeaf
	DecodeHeader = func(b []byte) ([]byte, bool) { h, ok := decodeHeader(b); return h.encode(), ok }
	ScanSegment  = func(b []byte) (frames, heads int, end int64) {
		s := scanSegment(b, 0)
		return len(s.frames), len(s.heads), s.end
	}
	AppendSegment = func() []byte { return appendSegmentHead(nil, 0) }
	AppendFrame   = func(b []byte, body []byte) []byte { return appendFrame(b, 0, int64(len(b)), body) }
	EncodeEntry   = encodeEntry
	DecodeEntry   = decodeEntry
	EncodeTrailer = encodeTrailer
	DecodeTrailer = decodeTrailer
	DecodeSlot    = decodeSlot
	EncodeSlot    = encodeSlot
	RootAt        = rootAt
	Grow          = grow
	EncodeHeader  = func(stream string, subjects ...string) []byte {
		return header{stream: stream, version: 1, kind: "t", key: "k", subjects: subjects}.encode()
	}
	EncodeLeafTime = func(t int64) []byte { return leaf{time: t}.encode() }
)

// Encode gives the canonical form of a leaf.
func (l leaf) Encode() []byte { return l.encode() }

// FailSync makes every later sync of a directory store fail; with nil, it makes
// them do nothing.
func FailSync(s Store, err error) {
	*s.(*dirStore).sync = syncer{file: func(*os.File) error { return err }, folder: func(string) error { return err }}
}

// NoSync spares a directory store the syncs, for tests that open it a thousand
// times.
func NoSync(s Store) Store {
	FailSync(s, nil)
	return s
}
