package csss

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/policy"
)

// This file keeps the log of decisions, if the host wants one.
//
// A step's decisions are logged together, before anything comes of them: before
// what was decided is in the ledger, or is refused. A step whose decisions
// cannot be logged fails with the log's error. What is decided again, because
// another writer was first or because something could have come between, is
// logged again. Looking decides too (Inbox, Status, Effects, Duties), but
// nothing comes of it, and it is not logged.
//
// The log is the host's. A record is of the rules of one firm, that of its
// request, and of nobody else's business; of a filter it is of all firms'. What
// a firm is shown of its own records is for the host to choose within these
// bounds: records of its own publish, register and process_externally, at any
// time; those of a session, from the reveal on; those of match and summarise
// in totals only, because the payload holds what the rules weighed of a
// stranger (its industry, region, country, trust and credentials), and because
// the rules that a record names tell as much. The other side is shown none.
// No record names the counterparty before the reveal: its group is recorded as
// withheld, and where a wall must know whether it is a former partner, under a
// name that is made for that one request.
//
// Payloads hold people and bounds. They are outside the ledger, and so outside
// what [Exchange.Erase] erases: the host erases those whose
// [policy.Payload.Request] speaks of the subject.

// deciding runs a step on the state. With a log it runs on a copy of the
// state's head that takes the decisions down.
func (x *Exchange) deciding(ctx context.Context, step func(st *state) error) error {
	if x.cfg.Decisions == nil {
		return step(x.st)
	}
	st := *x.st
	st.batch = x.cfg.Decisions.Batch()
	err := step(&st)
	if _, failed := st.batch.Commit(ctx); failed != nil {
		return fmt.Errorf("csss: decisions: %w", failed)
	}
	return err
}

// explain asks one set of rules, and takes the answer down if there is a log.
func (st *state) explain(set *policy.Set, r *policy.Request) policy.Explanation {
	r = st.able(r)
	if st.batch != nil {
		return st.batch.Explain(set, r)
	}
	return set.Explain(r)
}

// able is the request of an exchange that carries out what it says it does.
func (st *state) able(r *policy.Request) *policy.Request {
	able := *r
	able.Knows = st.knows
	return &able
}

// lookingKey marks the context of a call that only looks.
type lookingKey struct{}

func looking(ctx context.Context) context.Context { return context.WithValue(ctx, lookingKey{}, true) }

func isLooking(ctx context.Context) bool { return ctx.Value(lookingKey{}) != nil }

// strangers names firms anew for one request, so that a wall can tell whether
// it knows one, and nobody else who it is or whether it asked before.
type strangers struct{ key string }

func newStrangers() strangers { return strangers{rand.Text()} }

func (s strangers) name(group string) string {
	if group == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(s.key + group))
	return hex.EncodeToString(sum[:16])
}

// ruleChange is a document that came into force.
type ruleChange struct {
	firm    string
	digest  disclosure.Digest
	command string // changes of one command came into force together
}

// DecidedBy returns the rules that records of the decision log name, for
// [policy.Replay]: every document that was ever in force, by its digest, and
// every set of documents that a search was filtered by, by its fingerprint; nil
// for what is not known, among them the rules of erased firms. It is for the
// operator. A document costs a lookup; a set that is not in force any more some
// milliseconds for each change of rules since, the first time.
//
// Errors: ErrNotYours.
func (x *Exchange) DecidedBy(by By) (func(digest [32]byte) *policy.Set, error) {
	if err := by.operator(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	known := map[[32]byte]*policy.Set{x.st.rules.Fingerprint(): x.st.rules}
	for _, f := range x.st.firms {
		for digest, set := range f.past {
			known[digest], known[set.Fingerprint()] = set, set
		}
	}
	past := x.st.pastRules()
	return func(digest [32]byte) *policy.Set {
		for known[digest] == nil {
			set, ok := past()
			if !ok {
				return nil
			}
			known[set.Fingerprint()] = set
		}
		return known[digest]
	}, nil
}

// pastRules returns the sets that were in force, one with each call, the latest
// first.
func (st *state) pastRules() func() (*policy.Set, bool) {
	changes, past, none := st.changes, map[disclosure.Digest]*policy.Set{}, st.noRules
	for _, f := range st.firms {
		maps.Copy(past, f.past)
	}
	return func() (*policy.Set, bool) {
		if len(changes) == 0 {
			return nil, false
		}
		sets := []*policy.Set{none}
		for _, c := range changes {
			if set := past[c.digest]; set != nil {
				sets = append(sets, set)
			}
		}
		last := changes[len(changes)-1].command
		for len(changes) > 0 && changes[len(changes)-1].command == last {
			changes = changes[:len(changes)-1]
		}
		all, err := policy.Join(sets...)
		return all, err == nil
	}
}
