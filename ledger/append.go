package ledger

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"
)

// Limits of an append. What is above is refused with a [TooLargeError] before
// anything is written.
const (
	MaxPayload    = 1 << 20  // bytes of one payload
	MaxBatch      = 4096     // entries of one batch
	MaxBatchBytes = 64 << 20 // bytes of all payloads of one batch
	MaxName       = 512      // bytes of a stream, type, key or subject
	MaxSubjects   = 64       // subjects of one entry

	MaxPublic      = 768 // bytes of the names and values of Public together
	MaxPublicPairs = 24  // so that a leaf has at most 1 KiB
)

// Append is one entry to be.
type Append struct {
	Stream string `json:"stream"` // required; pseudonymous, 1 to MaxName bytes of UTF-8
	Type   string `json:"type"`   // required; 1 to MaxName bytes of UTF-8, none of the log's own types
	Key    string `json:"key"`    // idempotency key, required, unique in the log for ever; 1 to MaxName bytes of UTF-8, none that begins as the log's own: "shred/", "shred#", "key.added/", "key.retired/"

	// Expect is the version the stream must have; where a batch names a stream
	// twice, the version after the earlier append. Default: Any.
	Expect Version `json:"expect,omitempty"`

	// Subjects are the pseudonymous data subjects under whose keys the payload
	// is encrypted: a set, at most MaxSubjects. Default: none; the payload can
	// then not be shredded.
	Subjects []string `json:"subjects,omitempty"`

	// Time is the time the caller claims, kept beside the engine's own, of the
	// years 0 to 9999. Default: none.
	Time time.Time `json:"time,omitzero"`

	// Public are attributes in clear in the leaf, for anybody who sees the tree:
	// at most MaxPublicPairs, MaxPublic bytes of UTF-8. Default: none.
	Public map[string]string `json:"public,omitempty"`

	// Payload is private; only a salted commitment is in the leaf. At most
	// MaxPayload bytes; the caller's again after the call.
	Payload []byte `json:"payload,omitempty"`
}

// Receipt says where an entry is.
type Receipt struct {
	Index         uint64    `json:"index"`          // in the log, from 0
	StreamVersion uint64    `json:"stream_version"` // in the stream, from 1
	Leaf          Hash      `json:"leaf"`           // RFC 6962 hash of the leaf record
	Time          time.Time `json:"time"`           // engine time, UTC, grows with the index
	Duplicate     bool      `json:"duplicate,omitempty"`
}

// Append writes the entries as one batch, in the order of the call, and returns
// one receipt each. When it returns without an error, the batch is durable; an
// error means that nothing was written, except for ErrPoisoned with
// ErrUnknownOutcome or a failed sync, where the batch may be there: open the log
// again and ask [Log.ByKey]. What it answers, be it a receipt, a duplicate or a
// conflict, rests on durable entries only.
//
// If all keys are known, with the same stream, type, subjects, public attributes
// and payload, the first receipts come back with Duplicate set, and nothing is
// written; Expect and Time are not compared, so a retry may bring a new clock
// reading. Once an entry's payload is erased, its stream, type, subjects and
// public attributes alone are compared. An empty batch does nothing.
//
// Batches that wait at the same time share one write and one sync of the store,
// and the next group is sealed and written while one is synced: a thousand
// callers cost few syncs more than one. Beside the store, an entry of 300 bytes
// costs about 2 µs of CPU in a large batch, 3 µs where a thousand goroutines append
// single ones, and 5 µs alone; batches and groups of 64 and more are sealed on all
// processors. The context is heeded until the commit begins.
//
// Errors: [ConflictError], [KeyReusedError], [InvalidError], [TooLargeError],
// [ShreddedError], [ErrFull] and [ErrReadOnly] (of the store; later appends may
// succeed), [ErrPoisoned] (at once, and for every later append),
// [ErrUnknownOutcome] alone from a store that several logs write, [ErrClosed],
// the context's, and a [CorruptError] where a known key's entry or a subject's
// key cannot be read.
func (l *Log) Append(ctx context.Context, entries ...Append) ([]Receipt, error) {
	if err := checkBatch(entries); err != nil || len(entries) == 0 {
		return nil, err
	}
	return l.appendAny(ctx, entries)
}

// appendAny is Append without its checks: the log's own entries come here too.
func (l *Log) appendAny(ctx context.Context, entries []Append) ([]Receipt, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		receipts, next, err := l.attempt(ctx, entries)
		if next == callKnown {
			receipts, err = l.duplicates(ctx, entries)
			if receipts == nil && err == nil {
				continue // what was known was never acknowledged
			}
		}
		if next != callAgain || err != nil {
			return receipts, err
		}
	}
}

// attempt runs a call through one group.
func (l *Log) attempt(ctx context.Context, entries []Append) ([]Receipt, verdict, error) {
	c := callPool.Get().(*call)
	defer c.release(l)
	c.ctx, c.entries = ctx, entries
	if err := l.prepare(c); err != nil {
		return nil, callDone, err
	}
	if err := l.enqueue(c); err != nil {
		return nil, callDone, err
	}
	return c.receipts, c.verdict, c.err
}

// checkBatch holds the limits that need no state.
func checkBatch(entries []Append) error {
	if n := len(entries); n > MaxBatch {
		return &TooLargeError{Entry: -1, Field: "batch entries", Size: n, Limit: MaxBatch}
	}
	total := 0
	for i := range entries {
		e := &entries[i]
		if err := checkAppend(i, e); err != nil {
			return err
		}
		if reservedType(e.Type) || reservedStream(e.Stream) {
			return &InvalidError{Entry: i, Field: "Type or Stream", Why: "reserved for the log's own entries"}
		}
		if reservedKey(e.Key) {
			return &InvalidError{Entry: i, Field: "Key", Why: "one that begins as those of the log's own entries"}
		}
		for name := range e.Public {
			if strings.HasPrefix(name, publicReserved) {
				return &InvalidError{Entry: i, Field: "Public", Why: "a name reserved for the log's own entries"}
			}
		}
		total += len(e.Payload)
	}
	if total > MaxBatchBytes {
		return &TooLargeError{Entry: -1, Field: "batch bytes", Size: total, Limit: MaxBatchBytes}
	}
	return nil
}

func checkAppend(i int, e *Append) error {
	if err := checkName(i, "Stream", e.Stream); err != nil {
		return err
	}
	if err := checkName(i, "Type", e.Type); err != nil {
		return err
	}
	if err := checkName(i, "Key", e.Key); err != nil {
		return err
	}
	if n := len(e.Subjects); n > MaxSubjects {
		return &TooLargeError{Entry: i, Field: "Subjects", Size: n, Limit: MaxSubjects}
	}
	for _, s := range e.Subjects {
		if err := checkName(i, "Subjects", s); err != nil {
			return err
		}
	}
	if len(e.Public) > 0 {
		if err := checkPublic(i, e.Public); err != nil {
			return err
		}
	}
	if year := e.Time.UTC().Year(); year < 0 || year > 9999 {
		return &InvalidError{Entry: i, Field: "Time", Why: "outside the years 0 to 9999"}
	}
	if n := len(e.Payload); n > MaxPayload {
		return &TooLargeError{Entry: i, Field: "Payload", Size: n, Limit: MaxPayload}
	}
	return nil
}

func checkPublic(i int, public map[string]string) error {
	if n := publicSize(public); n > MaxPublic {
		return &TooLargeError{Entry: i, Field: "Public", Size: n, Limit: MaxPublic}
	}
	if n := len(public); n > MaxPublicPairs {
		return &TooLargeError{Entry: i, Field: "Public pairs", Size: n, Limit: MaxPublicPairs}
	}
	if what := publicFault(public); what != "" {
		return &InvalidError{Entry: i, Field: "Public", Why: what}
	}
	return nil
}

func checkName(i int, field, value string) error {
	switch {
	case value == "":
		return &InvalidError{Entry: i, Field: field, Why: "empty"}
	case len(value) > MaxName:
		return &TooLargeError{Entry: i, Field: field, Size: len(value), Limit: MaxName}
	case !utf8.ValidString(value):
		return &InvalidError{Entry: i, Field: field, Why: "not UTF-8"}
	}
	return nil
}

// reservedType, reservedKey and reservedStream are the log's own: nobody can take
// the key of a shredding or of a rotation, and so prevent it.
func reservedType(kind string) bool {
	return shreds(kind) || kind == TypeKeyAdded || kind == TypeKeyRetired
}

func reservedKey(key string) bool {
	for _, own := range [...]string{shredPrefix, shredHashed, TypeKeyAdded + "/", TypeKeyRetired + "/"} {
		if strings.HasPrefix(key, own) {
			return true
		}
	}
	return false
}

func reservedStream(stream string) bool { return stream == StreamShredded || stream == StreamKeys }
