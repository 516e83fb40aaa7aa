package ledger

import (
	"context"
	"time"
)

// Shred erases a data subject. It appends an entry of [TypeShredded] that names
// the subject and holds the reason, destroys the subject's data key, and has
// the store drop the ciphertexts of every entry of that subject, also of those
// it shares with others. From then on those entries read as Erased; the tree,
// old receipts and proofs stay valid; appends that name the subject are refused
// with [ErrShredded]. A subject without entries may be shredded too.
//
// at is the time the caller claims, as of an append; zero for none. key is an
// idempotency key like any other: the same key, subject and reason
// return the first receipt with Duplicate set. If the entry was written and the
// destruction then failed, the error is returned, reads already answer Erased,
// and the same call again, or opening the log again, finishes the work.
//
// It costs one append and, in a directory, one rewrite of each segment that
// holds entries of the subject. Copies of the directory made before are beyond
// its reach. Errors: those of [Log.Append] and of the store.
func (l *Log) Shred(ctx context.Context, subject, key, reason string, at time.Time) (Receipt, error) {
	a := Append{Stream: StreamShredded, Type: TypeShredded, Key: key, Subjects: []string{subject}, Time: at, Payload: []byte(reason)}
	if err := checkAppend(0, a); err != nil {
		return Receipt{}, err
	}
	if err := l.lock(ctx); err != nil {
		return Receipt{}, err
	}
	defer l.unlock()
	receipts, err := l.append(ctx, []Append{a})
	if err != nil {
		return Receipt{}, err
	}
	return receipts[0], l.destroy(ctx, subject)
}

// destroy is repeatable, so that a retry or a reopening can finish it.
func (l *Log) destroy(ctx context.Context, subject string) error {
	l.mu.Lock()
	delete(l.data, subject)
	entries := l.state.subjects[subject]
	l.mu.Unlock()
	if err := l.store.DeleteSecrets(ctx, l.tenant.subjectSecret(subject)); err != nil {
		return err
	}
	if len(entries) == 0 {
		return nil
	}
	return l.store.Erase(ctx, entries)
}
