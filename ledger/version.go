package ledger

import "strconv"

// Version says which state of its stream an append expects. Stream versions
// start at 1 and have no holes; a stream without entries has version 0. The
// zero Version is [Any].
type Version uint64

const (
	// Any appends whatever the stream's version is.
	Any Version = 0
	// NoStream appends only the first entry of a stream. It equals Exactly(0).
	NoStream Version = 1
)

// Exactly expects the stream to have version n, that is, n entries.
func Exactly(n uint64) Version {
	if n+1 == 0 { // no stream grows this long: stay an expectation that fails
		return Version(n)
	}
	return Version(n + 1)
}

// holds reports whether a stream at version have meets the expectation.
func (v Version) holds(have uint64) bool { return v == Any || uint64(v)-1 == have }

// String returns "any", "no stream" or "exactly n".
func (v Version) String() string {
	switch v {
	case Any:
		return "any"
	case NoStream:
		return "no stream"
	}
	return "exactly " + strconv.FormatUint(uint64(v)-1, 10)
}
