package csss

import (
	"context"
	"iter"
	"slices"

	"github.com/deeperpoint/csss/disclosure"
)

// Note is one thing to tell people of a firm: what an e-mail or a web hook of
// the host's is made of. Firm, Persons, Roles and Next are for the host, to
// address it; Encode of the notice is for them.
type Note struct {
	disclosure.Notice
	Firm    string   // who is told
	Persons []string // the party itself, while it works for the firm
	Roles   []string // of approvers whose vote is due as the rules are now
}

// Notices tells what happened in sessions since a cursor, addressed to the side
// that may know: an invitation, a publication, a reveal, the own side's steps.
// Before the reveal nothing of it depends on the other side's sealed choices,
// and no note ever says who the other side is: that is for [Exchange.View].
//
// Call [Exchange.Tick] first, and keep the last note's Next once it is told: from
// there on another call tells what is new, after a crash too, and what comes
// twice has the same ID. Any number of readers may do so.
//
// Errors: the ledger's and ctx's, yielded once.
func (x *Exchange) Notices(ctx context.Context, from disclosure.Cursor) iter.Seq2[Note, error] {
	return func(yield func(Note, error) bool) {
		for n, err := range x.engine.Events(ctx, from) {
			note := Note{Notice: n}
			if err == nil && !x.address(ctx, &note) {
				continue // erased since
			}
			if !yield(note, err) || err != nil {
				return
			}
		}
	}
}

// address fills in who a note is for, and reports whether anybody is left.
func (x *Exchange) address(ctx context.Context, n *Note) bool {
	x.mu.RLock()
	ss := x.st.sessions[n.Session]
	if ss == nil || ss.state.Phase == 0 { // the proposal is erased, which says who the sides are
		x.mu.RUnlock()
		return false
	}
	party, now := ss.state.Proposal.Parties[n.Side], x.st.now
	n.Firm = party.Firm
	if x.st.employs(party.Firm, party.Actor) {
		n.Persons = []string{party.Actor}
	}
	x.mu.RUnlock()
	status, err := x.engine.Status(looking(ctx), n.Session, n.Side, now)
	if err != nil {
		return true // the party is told all the same
	}
	for _, due := range status.Own.Due {
		n.Roles = append(n.Roles, due.Roles...)
	}
	slices.Sort(n.Roles)
	n.Roles = slices.Compact(n.Roles)
	return true
}
