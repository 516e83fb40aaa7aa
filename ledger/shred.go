package ledger

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"
)

// ShredOptions are the choices of [Log.Shred]. A nil *ShredOptions is the zero
// value.
type ShredOptions struct {
	// Key is the idempotency key of the entry: with the same key, subject, reason
	// and KeepBlobs, a repetition returns the first receipt with Duplicate set.
	// Default: one that follows from the subject, so that a subject is shredded
	// once; no other append can take it.
	Key string

	// Reason is logged with the entry, and not encrypted under the subject's key.
	// Default: empty.
	Reason string

	// Time is the time the caller claims, as of an append. Default: none.
	Time time.Time

	// KeepBlobs destroys the key alone and leaves the ciphertexts, which nobody
	// can open any more. Default: false, they are erased.
	KeepBlobs bool
}

// Shred erases a data subject. It appends an entry of [TypeShredded] (with
// KeepBlobs of [TypeKeyShredded]) that names the subject and holds the reason,
// destroys the subject's data key and with it the salts, and has the store erase
// the ciphertexts of every entry of that subject, also of those it shares with
// others. From then on those entries read as Erased; the tree, old receipts and
// proofs stay valid; appends that name the subject are refused with
// [ErrShredded]. A subject without entries may be shredded too.
//
// If the entry was written and the destruction then failed, the error is
// returned, reads already answer Erased, and the same call again, or opening the
// log again, finishes the work.
//
// It costs one append and one erasure in the store. Copies of the store made
// before are beyond its reach. Errors: those of [Log.Append] and of the store.
func (l *Log) Shred(ctx context.Context, subject string, o *ShredOptions) (Receipt, error) {
	if o == nil {
		o = &ShredOptions{}
	}
	a := Append{Stream: StreamShredded, Type: TypeShredded, Key: o.Key, Subjects: []string{subject}, Time: o.Time, Payload: []byte(o.Reason)}
	if o.KeepBlobs {
		a.Type = TypeKeyShredded
	}
	if a.Key == "" {
		a.Key = shredKey(subject)
	}
	if err := checkAppend(0, &a); err != nil {
		return Receipt{}, err
	}
	l.shredding(1)
	receipts, err := l.appendAny(ctx, []Append{a})
	if err != nil {
		l.shredding(-1)
		return Receipt{}, err
	}
	if err := l.destroy(ctx, subject, o.KeepBlobs); err != nil {
		return receipts[0], err
	}
	l.shredding(-1)
	return receipts[0], nil
}

// Keys of shreddings begin so.
const (
	shredPrefix = "shred/"
	shredHashed = "shred#"
)

// shredKey is the key under which a subject is shredded: with its name, or, where
// that is too long for a key, with its hash, which no shorter name can spell.
func shredKey(subject string) string {
	if len(shredPrefix)+len(subject) <= MaxName {
		return shredPrefix + subject
	}
	return fmt.Sprintf("%s%x", shredHashed, sha256.Sum256([]byte(subject)))
}

// shredding counts what is not finished: a snapshot may not say it is.
func (l *Log) shredding(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unshred += by
}

// destroy is repeatable, so that a retry or a reopening can finish it.
func (l *Log) destroy(ctx context.Context, subject string, keepBlobs bool) error {
	if err := l.lock(ctx); err != nil {
		return err
	}
	defer l.unlock()
	l.subjects.drop(subject)
	if err := l.store.DeleteSecrets(ctx, l.tenant.subjectSecret(subject)); err != nil {
		return err
	}
	if keepBlobs {
		return nil
	}
	l.mu.RLock()
	indexes := l.state.sealedFor(l.tenant.id(idSubject, subject))
	l.mu.RUnlock()
	if len(indexes) == 0 {
		return nil
	}
	return l.store.Erase(ctx, indexes)
}
