package ledger

import (
	"errors"
	"fmt"
)

// The yes/no questions. Typed errors of this package unwrap to one of them.
var (
	// ErrConflict: a stream is not at the version an append expected.
	ErrConflict = errors.New("ledger: stream is not at the expected version")
	// ErrKeyReused: an idempotency key came again with other content.
	ErrKeyReused = errors.New("ledger: idempotency key reused with other content")
	// ErrTooLarge: an entry, a batch or a field is above its limit.
	ErrTooLarge = errors.New("ledger: too large")
	// ErrInvalid: a field of an append or of the options is not acceptable.
	ErrInvalid = errors.New("ledger: invalid argument")
	// ErrRange: an index or a tree size lies outside the log.
	ErrRange = errors.New("ledger: outside the log")
	// ErrShredded: an append names a data subject that was shredded.
	ErrShredded = errors.New("ledger: data subject was shredded")
	// ErrPoisoned: a commit failed or its outcome is unknown; the log refuses to
	// append until it is opened again.
	ErrPoisoned = errors.New("ledger: poisoned by a failed commit, open it again")
	// ErrUnknownOutcome: a store cannot say whether a commit happened. After the
	// log is opened again, [Log.ByKey] settles it.
	ErrUnknownOutcome = errors.New("ledger: outcome of the commit is unknown")
	// ErrFenced: another writer has moved the store on.
	ErrFenced = errors.New("ledger: store was advanced by another writer")
	// ErrFull: there is no room; nothing was written, and the log still appends
	// once there is.
	ErrFull = errors.New("ledger: no room left in the store")
	// ErrReadOnly: the store does not take writes; nothing was written.
	ErrReadOnly = errors.New("ledger: store is read-only")
	// ErrLocked: another process, or another Log of this one, has the directory.
	ErrLocked = errors.New("ledger: directory is in use by another writer")
	// ErrCorrupt: stored bytes are damaged, missing or forged.
	ErrCorrupt = errors.New("ledger: corrupt")
	// ErrCheckpoint: a signed checkpoint does not verify.
	ErrCheckpoint = errors.New("ledger: checkpoint does not verify")
	// ErrReceipt: a receipt file does not verify.
	ErrReceipt = errors.New("ledger: receipt does not verify")
	// ErrProof: a proof does not lead to the given root.
	ErrProof = errors.New("ledger: proof does not verify")
	// ErrClosed: the log or the store was closed.
	ErrClosed = errors.New("ledger: closed")
)

// ConflictError says which append of a batch met a stream at another version.
// The stream is not named in the text. It unwraps to [ErrConflict].
type ConflictError struct {
	Entry int     // position in the batch, from 0
	Want  Version // the expectation
	Have  uint64  // the version the stream had at that point of the batch
}

func (e *ConflictError) Error() string {
	return fmt.Sprintf("ledger: append %d of the batch expects %v, stream has version %d", e.Entry, e.Want, e.Have)
}

// Unwrap returns [ErrConflict].
func (e *ConflictError) Unwrap() error { return ErrConflict }

// KeyReusedError says which append of a batch has a key that is taken: by an
// entry with other content, by an entry of a batch that otherwise is new, or by
// an earlier append of the same batch. It unwraps to [ErrKeyReused].
type KeyReusedError struct {
	Entry   int    // position in the batch, from 0
	InBatch bool   // the key occurs twice in this batch; First is then a position
	First   uint64 // the entry that holds the key
	What    string // what differs: "stream", "type", "subjects", "payload", "batch"
}

func (e *KeyReusedError) Error() string {
	where := "by entry"
	if e.InBatch {
		where = "by append"
	}
	return fmt.Sprintf("ledger: key of append %d is taken %s %d with other content (%s)", e.Entry, where, e.First, e.What)
}

// Unwrap returns [ErrKeyReused].
func (e *KeyReusedError) Unwrap() error { return ErrKeyReused }

// TooLargeError names what is above its limit; nothing was written. It unwraps
// to [ErrTooLarge].
type TooLargeError struct {
	Entry int    // position in the batch, or -1 for the batch as a whole
	Field string // "Payload", "Key", "batch entries", …
	Size  int    // bytes or entries
	Limit int    // the same unit
}

func (e *TooLargeError) Error() string {
	if e.Entry < 0 {
		return fmt.Sprintf("ledger: %s is %d, limit %d", e.Field, e.Size, e.Limit)
	}
	return fmt.Sprintf("ledger: %s of append %d is %d, limit %d", e.Field, e.Entry, e.Size, e.Limit)
}

// Unwrap returns [ErrTooLarge].
func (e *TooLargeError) Unwrap() error { return ErrTooLarge }

// InvalidError names a field that is not acceptable, never its value. It
// unwraps to [ErrInvalid].
type InvalidError struct {
	Entry int // position in the batch, or -1 where there is none
	Field string
	Why   string // "empty", "not UTF-8", …
}

func (e *InvalidError) Error() string {
	if e.Entry < 0 {
		return fmt.Sprintf("ledger: %s is %s", e.Field, e.Why)
	}
	return fmt.Sprintf("ledger: %s of append %d is %s", e.Field, e.Entry, e.Why)
}

// Unwrap returns [ErrInvalid].
func (e *InvalidError) Unwrap() error { return ErrInvalid }

// ShreddedError says which append of a batch names a data subject that was
// shredded. The subject is not named. It unwraps to [ErrShredded].
type ShreddedError struct {
	Entry int // position in the batch, from 0
}

func (e *ShreddedError) Error() string {
	return fmt.Sprintf("ledger: append %d of the batch names a data subject that was shredded", e.Entry)
}

// Unwrap returns [ErrShredded].
func (e *ShreddedError) Unwrap() error { return ErrShredded }

// RangeError says which index or size lies outside the log. It unwraps to
// [ErrRange].
type RangeError struct {
	Field string // "index", "size", "stream version", …
	Value uint64
	Limit uint64 // the largest value plus one for an index, the largest for a size
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("ledger: %s %d is outside the log (%d)", e.Field, e.Value, e.Limit)
}

// Unwrap returns [ErrRange].
func (e *RangeError) Unwrap() error { return ErrRange }

// CorruptError says where stored bytes are damaged, missing or forged. It
// unwraps to [ErrCorrupt].
type CorruptError struct {
	Index   int64  // the entry at fault, or -1 where no single entry is
	Segment string // the file at fault, without its folder, or empty
	Offset  int64  // byte in that file
	What    string // what does not hold
}

func (e *CorruptError) Error() string {
	s := "ledger: corrupt"
	if e.Index >= 0 {
		s += fmt.Sprintf(" entry %d", e.Index)
	}
	if e.Segment != "" {
		s += fmt.Sprintf(" in %s at byte %d", e.Segment, e.Offset)
	}
	return s + ": " + e.What
}

// Unwrap returns [ErrCorrupt].
func (e *CorruptError) Unwrap() error { return ErrCorrupt }

// corruptEntry is the error of an entry that fails a check.
func corruptEntry(index uint64, what string) *CorruptError {
	return &CorruptError{Index: int64(index), What: what}
}

// corrupt is the error of damage that belongs to no single entry.
func corrupt(what string) *CorruptError { return &CorruptError{Index: -1, What: what} }

// asCorrupt returns the damage an error tells of, or nil.
func asCorrupt(err error) *CorruptError {
	damage, _ := errors.AsType[*CorruptError](err)
	return damage
}
