package ledger

import (
	"context"
	"iter"
)

// Store keeps the bytes of one log. It is for implementers; users hold a [Log].
//
// A store knows nothing of streams, keys or trees: it keeps frames in order,
// and small named secrets beside them. It gets frames in batches and makes each
// batch durable as a whole. The log calls Commit, Erase, PutSecrets and
// DeleteSecrets from one goroutine at a time, and Read from many beside them.
// Package ledgertest holds the suite every store must pass. The seam does not
// grow: later abilities are optional interfaces.
type Store interface {
	// Recover returns the head of the last whole batch, after dropping a torn
	// one. It is called once, before everything else, and makes durable what it
	// returns. A store that knows of more entries than it finds, or finds
	// damage other than a torn last batch, returns a [CorruptError].
	Recover(ctx context.Context) (Head, error)

	// Commit makes the batch durable, whole or not at all, before it returns. A
	// store whose size is not b.First returns [ErrFenced]. After any other error
	// the store may hold the batch or not, and refuses further commits until it
	// is recovered again; where it cannot know which, the error wraps
	// [ErrUnknownOutcome].
	Commit(ctx context.Context, b Batch) error

	// Read yields the frames from index from up to, not including, index to, in
	// order. It yields an error once, and stops. The frames belong to the caller.
	Read(ctx context.Context, from, to uint64) iter.Seq2[Frame, error]

	// Erase removes the payloads of these entries for good. Their frames keep
	// leaf and header and have Erased set. It may be repeated.
	Erase(ctx context.Context, indexes []uint64) error

	// Secrets returns all secrets.
	Secrets(ctx context.Context) (map[string][]byte, error)

	// PutSecrets stores each secret under its name (at most 100 characters of
	// a–z, 0–9, '-' and '.'), durably and each as a whole, replacing an old one.
	PutSecrets(ctx context.Context, secrets map[string][]byte) error

	// DeleteSecrets destroys the named secrets; unknown names are fine.
	DeleteSecrets(ctx context.Context, names ...string) error

	// Close releases everything. It does not make anything durable that was not.
	Close() error
}

// Frame is one entry as a store sees it. Header and payload are ciphertexts.
type Frame struct {
	Index   uint64
	Leaf    []byte // canonical leaf record, at most 1 KiB
	Header  []byte // at most 64 KiB
	Payload []byte // at most [MaxPayload] and 64 bytes; nil once erased
	Erased  bool
}

// Batch is what one commit writes: frames with consecutive indexes from First.
type Batch struct {
	First  uint64
	Frames []Frame
	Head   Head // the log after this batch
}

// Head is the size of a log and the root of its tree. The zero Size has the
// root of the empty tree.
type Head struct {
	Size uint64
	Root Hash
}
