package ledger

import "github.com/deeperpoint/csss/ledger/internal/merkle"

// TypeShredded is the type of the entries that [Log.Shred] appends; [Log.Append]
// refuses it. The entry's one subject is the one that was shredded.
const TypeShredded = "subject.shredded"

// TypeKeyShredded is the type where [ShredOptions.KeepBlobs] was asked for: the
// key is destroyed, the ciphertexts stay.
const TypeKeyShredded = "subject.key.shredded"

// StreamShredded is the stream of those entries.
const StreamShredded = "ledger/shredded"

const subjectPrefix = "subject-"

// shreds reports whether entries of a type say that a subject was shredded.
func shreds(kind string) bool { return kind == TypeShredded || kind == TypeKeyShredded }

// state is everything a log knows of its durable entries without asking its
// store. It is rebuilt from the frames.
type state struct {
	index
	view merkle.View // the tree over the durable entries
	last int64       // engine time of the newest entry
}

func (s *state) size() uint64 { return s.view.Size() }

// version is that of a stream: the number of its entries.
func (s *state) version(stream id) uint64 { return s.head(stream).count() }

// emptyRoot is the root of a tree without leaves (RFC 6962, section 2.1).
func emptyRoot() Hash { return merkle.EmptyRoot() }
