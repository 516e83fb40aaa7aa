package csss

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
)

// Digest is a fingerprint of everything the exchange knows. Two exchanges with
// equal ledgers have equal digests.
//
// Errors: none in practice; only what cannot be encoded.
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

// digest hashes the state in a fixed order: all of it but what is configured,
// the caches (opening, dirty, compiled, pending), the decisions of a step under
// way (batch), and what the same entries have brought about besides (stocked,
// and of the documents rules, changed and changes). Private bounds are part of
// it, through the same encoding that the log uses.
func (st *state) digest() (disclosure.Digest, error) {
	h := sha256.New()
	enc := json.NewEncoder(h)
	var failed error
	put := func(vs ...any) {
		for _, v := range vs {
			if t, ok := v.(time.Time); ok {
				v = t.UTC()
			}
			if err := enc.Encode(v); err != nil {
				failed = err
			}
		}
	}
	put(st.next, st.now, st.versions, st.order, st.rare, st.names, st.reports, st.handOvers, st.grants, st.comparables, st.outcomes,
		st.summaries.Memory(), st.proposals, st.book.All())
	st.digestMarket(put)
	st.digestPairs(put)
	st.digestBudgets(put)
	st.digestSessions(put)
	if failed != nil {
		return disclosure.Digest{}, fmt.Errorf("csss: digest of the state: %w", failed)
	}
	return disclosure.Digest(h.Sum(nil)), nil
}

// inOrder goes through a map by its keys as text.
func inOrder[K comparable, V any](m map[K]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		keys := make(map[string]K, len(m))
		for k := range m {
			keys[fmt.Sprintf("%#v", k)] = k
		}
		for _, text := range slices.Sorted(maps.Keys(keys)) {
			if !yield(text, m[keys[text]]) {
				return
			}
		}
	}
}

func (st *state) digestMarket(put func(...any)) {
	for id, c := range inOrder(st.commands) {
		put(id, c.id, c.digest, c.at)
	}
	for id, f := range inOrder(st.firms) {
		put(id, f.firm, f.rules != nil, f.version, f.pins)
		if f.rules != nil {
			put(f.rules.Digest(f.firm.ID))
		}
		for digest := range inOrder(f.past) {
			put(digest)
		}
	}
	for id, p := range inOrder(st.people) {
		put(id, p.firm, p.person, p.left, p.leftAt)
	}
	for id, o := range inOrder(st.offers) {
		put(id, newOfferPublished(o.offer, o.publisher), o.live, o.edits)
	}
	for id, n := range inOrder(st.needs) {
		put(id, newNeedRegistered(n.need), n.live, n.lastMatch)
	}
	put(st.seeds)
	for id, x := range inOrder(st.excluded) {
		put(id, x.list, x.at)
	}
	for id, list := range inOrder(st.misses) {
		for _, m := range list {
			put(id, m, m.public, m.own)
		}
	}
}

// digestPairs hashes what employer groups know of each other.
func (st *state) digestPairs(put func(...any)) {
	for handle, ref := range inOrder(st.handles) {
		put(handle, ref.side, ref.session, ref.need, ref.needRev, ref.candidate, ref.until)
	}
	for key, a := range inOrder(st.answers) {
		put(key, a.fit, a.full, a.need, a.revision, a.until)
	}
	for key, list := range inOrder(st.contacts) {
		for _, c := range list {
			put(key, c.need, c.revision, c.rules, c.until)
		}
	}
	for key, frozen := range inOrder(st.asks) {
		put(key, frozen)
	}
	for key, shown := range inOrder(st.asked) {
		put(key, shown)
	}
}

func (st *state) digestSessions(put func(...any)) {
	for id, ss := range inOrder(st.sessions) {
		put(id, ss.state, ss.deal, ss.watches, ss.notices, ss.settled, ss.shares)
		for _, s := range ss.steps {
			put(s.index, s.name, s.at, s.side, s.both, s.session, s.auto)
			for _, r := range s.rules {
				put(r.digest, r.version)
			}
		}
		for key, at := range inOrder(ss.taken) {
			put(key, at)
		}
	}
	for stream, f := range inOrder(st.helpers) {
		put(stream, f.Facilitator, f.session, f.number, f.handle)
	}
}

// Verify checks the whole ledger: tree, commitments, positions and the signed
// head; the findings name an entry at fault.
//
// Errors: the ledger's and ctx's.
func (x *Exchange) Verify(ctx context.Context) (ledger.Findings, error) {
	return x.log.Verify(ctx, nil)
}

// Checkpoint returns the log's signed head, in the C2SP form.
//
// Errors: the ledger's and ctx's.
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
	by = by.withDefaults()
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
	at, err := x.st.stamp(by.At)
	if err != nil {
		return Receipt{}, err
	}
	_, err = x.log.Shred(ctx, subject, &ledger.ShredOptions{Key: by.key() + "#0", Reason: reason, Time: at}) // again, too: it finishes what a crash has left
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
// It is also what holds open sessions and running engagements against the rules
// and facts of now, so call it soon after either change. A session that a
// side's changed rules refuse, or whose facts have fallen, is left for that
// side. An engagement that could not be entered any more ends or goes on as its
// terms say: see [terms.Document.Ending]. Its own side reads why, both sides the
// notice and the end.
//
// Errors: the ledger's and ctx's, joined: what fails does not keep the rest.
// What was not done is done by the next Tick; next is right for the rest.
func (x *Exchange) Tick(ctx context.Context, now time.Time) (next time.Time, err error) {
	x.mu.RLock()
	if now, err = x.st.stamp(now); err != nil {
		x.mu.RUnlock()
		return now, err
	}
	ids := x.st.openSessions()
	ending := x.st.endedGrants(now)
	x.mu.RUnlock()
	var errs []error
	for _, id := range ending {
		_, err := x.engine.Do(ctx, disclosure.Command{ID: "grant-ended/" + string(id), Session: id, Side: disclosure.Supply,
			Kind: disclosure.Abort, At: now, Reason: "the grant has ended"})
		if err != nil {
			errs = append(errs, x.sessionError(err))
		}
	}
	errs = append(errs, x.suspend(ctx, now), x.askForShares(ctx, now))
	notice, err := x.monitor(ctx, now)
	errs = append(errs, err)
	orphans, err := x.releaseOrphans(ctx, now)
	errs = append(errs, err)
	next, err = x.engine.Tick(ctx, now, ids...)
	errs = append(errs, x.sessionErrors(err))
	next = sooner(sooner(next, orphans), notice)
	x.mu.RLock()
	defer x.mu.RUnlock()
	return sooner(next, x.st.nextGrantEnd(now)), errors.Join(errs...)
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
