package csss

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
)

// Digest is a fingerprint of everything the exchange knows. Two exchanges with
// equal ledgers have equal digests.
func (x *Exchange) Digest() (disclosure.Digest, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return x.st.digest()
}

// Replay folds the ledger from its first entry into a fresh state and returns
// that state's digest, which equals [Exchange.Digest] unless somebody appends
// meanwhile. It changes nothing.
//
// Errors: the ledger's and ctx's.
func (x *Exchange) Replay(ctx context.Context) (disclosure.Digest, error) {
	st, err := x.replay(ctx)
	if err != nil {
		return disclosure.Digest{}, err
	}
	return st.digest()
}

// digest hashes the state in a fixed order. Private bounds are part of it,
// through the same encoding that the log uses.
func (st *state) digest() (disclosure.Digest, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	put := func(vs ...any) error {
		for _, v := range vs {
			if err := enc.Encode(v); err != nil {
				return fmt.Errorf("csss: digest of the state: %w", err)
			}
		}
		return nil
	}
	err := put(st.next, st.now.UTC(), st.order, st.rare, st.names, st.reports, st.comparables, st.outcomes, st.summaries.Memory(), st.proposals,
		st.book.All(), st.versions)
	if err == nil {
		err = st.digestMarket(put)
	}
	if err == nil {
		err = st.digestSessions(put)
	}
	return disclosure.Digest(h.Sum(nil)), err
}

func (st *state) digestMarket(put func(...any) error) error {
	for _, id := range slices.Sorted(maps.Keys(st.firms)) {
		f := st.firms[id]
		rules := [32]byte{}
		if f.rules != nil {
			rules = f.rules.Digest(id)
		}
		if err := put(f.firm, rules); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(st.people)) {
		if p := st.people[id]; p != nil {
			if err := put(p.firm, p.person, p.left); err != nil {
				return err
			}
		}
	}
	for _, id := range slices.Sorted(maps.Keys(st.offers)) {
		o := st.offers[id]
		if err := put(newOfferPublished(o.offer, o.publisher), o.live, st.misses[id]); err != nil {
			return err
		}
	}
	for _, id := range slices.Sorted(maps.Keys(st.needs)) {
		n := st.needs[id]
		if err := put(newNeedRegistered(n.need), n.live); err != nil {
			return err
		}
	}
	return nil
}

func (st *state) digestSessions(put func(...any) error) error {
	for _, id := range st.sessionIDs() {
		ss := st.sessions[id]
		names := make([]string, len(ss.steps))
		for i, s := range ss.steps {
			names[i] = fmt.Sprint(s.index, s.name, s.side, s.both)
		}
		if err := put(id, ss.state, ss.deal, names); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(st.answers), answerKey.compare) {
		if err := put(key.group, key.offer, st.answers[key].fit, st.answers[key].full, st.answers[key].at); err != nil {
			return err
		}
	}
	for _, key := range slices.SortedFunc(maps.Keys(st.contacts), answerKey.compare) {
		for _, c := range st.contacts[key] {
			if err := put(key.group, key.offer, c.need, c.revision, c.rules, c.at); err != nil {
				return err
			}
		}
	}
	return nil
}

// Verify checks the whole ledger: tree, commitments, positions and the signed
// head; the findings name an entry at fault.
//
// Errors: the ledger's and ctx's.
func (x *Exchange) Verify(ctx context.Context) (ledger.Findings, error) { return x.log.Verify(ctx) }

// Checkpoint returns the log's signed head, in the C2SP form.
func (x *Exchange) Checkpoint(ctx context.Context) ([]byte, error) { return x.log.Checkpoint(ctx) }

// VerifierKey returns the key that checkpoints and receipts verify under.
func (x *Exchange) VerifierKey() string { return x.log.VerifierKey() }

// Size is the number of entries in the ledger.
func (x *Exchange) Size() uint64 { return x.log.Size() }

// Erase destroys a subject's data key, so that every payload about a firm or a
// person becomes unreadable while all proofs still verify, and rebuilds the
// state without it. Subject is a firm id or a person id; the operator calls
// this.
//
// Errors: ErrNotYours, ErrNotFound, ErrKeyReused, and the ledger's. After an error from the rebuild the
// exchange refuses everything until reopened; the erasure itself is done.
func (x *Exchange) Erase(ctx context.Context, by By, subject, reason string) (Receipt, error) {
	if err := by.operator(); err != nil {
		return Receipt{}, err
	}
	by = by.withID()
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.broken != nil {
		return Receipt{}, x.broken
	}
	again, known, err := x.st.duplicate(by, eraseDigest(subject, reason))
	if err != nil {
		return Receipt{}, err
	}
	if !known && x.st.firms[subject] == nil && x.st.people[subject] == nil {
		return Receipt{}, ErrNotFound
	}
	at := x.st.clamp(by.At)
	_, err = x.log.Shred(ctx, subject, by.key()+"#0", reason, at) // again, too: it finishes what a crash has left
	if x.log.Size() > x.st.next || known {
		if failed := x.rebuild(ctx); failed != nil {
			x.broken = failed
			return Receipt{}, failed
		}
	}
	switch {
	case errors.Is(err, ledger.ErrKeyReused):
		return Receipt{}, ErrKeyReused
	case err != nil:
		return Receipt{}, err
	case known:
		return again, nil
	}
	return Receipt{Command: by.ID, At: at}, nil
}

// eraseDigest is the command digest of an erasure, out of what its entry holds.
func eraseDigest(subject, reason string) string {
	return commandDigest("erase", []string{subject, reason})
}

// rebuild folds the log anew and forgets every cache. x.mu is held.
func (x *Exchange) rebuild(ctx context.Context) error {
	st, err := x.replay(ctx)
	if err != nil {
		return err
	}
	for _, id := range x.st.order {
		x.matcher.Remove(id)
	}
	x.st = st
	x.engine.Reset()
	return x.reindex(ctx)
}

// Tick does what time makes due, up to now: deadlines, publication slots,
// lapsed holds, engagements whose grant has ended. It returns when it is next
// due; the exchange owns no timer.
//
// Errors: the ledger's and ctx's; what was not done is done by the next Tick.
func (x *Exchange) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	x.mu.RLock()
	now = x.st.clamp(now)
	ids := x.st.openSessions()
	ending := x.st.endedGrants(now)
	x.mu.RUnlock()
	for _, id := range ending {
		_, err := x.engine.Do(ctx, disclosure.Command{ID: "grant-ended/" + string(id), Session: id, Side: disclosure.Supply,
			Kind: disclosure.Abort, At: now, Reason: "the grant has ended"})
		if err != nil {
			return now, x.sessionError(err)
		}
	}
	if next, err = x.engine.Tick(ctx, now, ids...); err != nil {
		return next, x.sessionError(err)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	if end := x.st.nextGrantEnd(now); !end.IsZero() && (next.IsZero() || end.Before(next)) {
		next = end
	}
	return next, nil
}

func (st *state) openSessions() []disclosure.SessionID {
	var out []disclosure.SessionID
	for _, id := range st.sessionIDs() {
		if !st.sessions[id].state.Phase.Final() {
			out = append(out, id)
		}
	}
	return out
}
