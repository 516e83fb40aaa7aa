package ledger

import (
	"context"
	"io"
	"iter"
)

// Store keeps the bytes of one log. It is for implementers; users hold a [Log].
//
// A store knows nothing of streams, keys or trees: it keeps frames in order,
// and small named secrets beside them. It gets frames in batches and makes each
// batch durable as a whole. The log calls Commit, Erase, PutSecrets and
// DeleteSecrets from one goroutine at a time, and Read and Secret from many
// beside them. Package ledgertest holds the suite every store must pass. The
// seam does not grow: later abilities are optional interfaces ([Pipeliner],
// [Cacher], [Follower]).
type Store interface {
	// Recover returns the head of the last whole batch, after dropping a torn
	// one. It is called once, before everything else, and makes durable what it
	// returns. A store that knows of more entries than it finds, or finds
	// damage other than a torn last batch, returns a [CorruptError].
	Recover(ctx context.Context) (Head, error)

	// Commit makes the batch durable, frames and secrets, whole or not at all,
	// before it returns. The batch is the log's again afterwards. A store whose
	// size is not b.First returns [ErrFenced]; one that has no room, or may not
	// write, returns [ErrFull] or [ErrReadOnly]. Nothing is written then, and
	// the next commit may succeed. After any other error the store may hold the
	// batch or not, and refuses further commits until it is recovered again;
	// where it cannot know which, the error wraps [ErrUnknownOutcome].
	Commit(ctx context.Context, b Batch) error

	// Read yields the frames from index from up to, not including, index to, in
	// order. It yields an error once, and stops. A frame and its bytes belong to
	// the caller until the loop asks for the next one: a store may read into one
	// buffer again and again.
	Read(ctx context.Context, from, to uint64) iter.Seq2[Frame, error]

	// Erase removes the payloads of these entries for good. Their frames keep
	// leaf and header and have Erased set. It may be repeated.
	Erase(ctx context.Context, indexes []uint64) error

	// Secret returns the secret with a name, and whether there is one. It
	// belongs to the caller.
	Secret(ctx context.Context, name string) ([]byte, bool, error)

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
	Header  []byte // nonce(12) ‖ sealed header, at most 64 KiB
	Payload []byte // sealed payload without a nonce, at most [MaxPayload] and 16 bytes; nil once erased
	Erased  bool
}

// Secret is a small named value, such as a wrapped key.
type Secret struct {
	Name  string // of the alphabet of [Store.PutSecrets]
	Value []byte // at most 64 KiB
}

// Batch is what one commit writes: frames with consecutive indexes from First,
// and the secrets that become durable with them, in the same atomic step.
type Batch struct {
	First   uint64
	Frames  []Frame
	Secrets []Secret // new ones, such as the wrapped keys of new data subjects
	Head    Head     // the log after this batch
}

// Head is the size of a log and the root of its tree. The zero Size has the
// root of the empty tree.
type Head struct {
	Size uint64
	Root Hash
}

// Pipeliner is a [Store] that takes the next batch while the last one is on its
// way to the disk. A log uses Begin instead of Commit where there is one.
//
// Begin writes batch b and returns once the next Begin may come; wait makes it
// durable. Begins come from one goroutine at a time and in order, on top of what
// was begun before. Each wait is called once, in the order of the Begins and one
// at a time, and at most one batch is begun while another is waited for. The
// batch stays untouched until its wait has returned.
//
// The errors of Begin are those of [Store.Commit]; after ErrFull, ErrReadOnly
// and ErrFenced nothing of b was written and what was begun before is unharmed.
// An error of wait spoils all later batches: their waits fail too.
type Pipeliner interface {
	Begin(ctx context.Context, b Batch) (wait func() error, err error)
}

// Cacher is a [Store] that also keeps what can be rebuilt, such as snapshots of
// the indexes: named blobs, not synced, checksummed by their owner. Names have
// the alphabet of [Store.PutSecrets]. A blob that is lost, old or damaged costs
// time, never an entry.
type Cacher interface {
	// LoadCache maps a blob read-only; ok is false where there is none. The
	// bytes are valid until release, which the log calls when it closes, before
	// it closes the store.
	LoadCache(name string) (b []byte, release func() error, ok bool, err error)

	// SaveCache writes a blob and puts it in the place of the old one at once,
	// by rename; a blob that is mapped stays as it was for its reader.
	SaveCache(name string, write func(io.Writer) error) error
}

// Follower is a [Store] that several logs write. Its Commit answers [ErrFenced]
// when another log was first; the log then asks for the Head, reads the new
// frames and decides again.
type Follower interface {
	// Head returns the newest head that is durable.
	Head(ctx context.Context) (Head, error)

	// Wait returns once the store holds more than size entries. Errors: the
	// context's, [ErrClosed] and the store's.
	Wait(ctx context.Context, size uint64) error
}
