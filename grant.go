package csss

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/policy"
)

// This file keeps the grants that are given beside a firm's rules. Like those
// in the rules they count where a rule says `authority: grant`, where they
// discharge an approval, and for the seats that they may fill.

// IssueGrant lets a role or a person of the firm act for it, as a grant in the
// firm's rules would, until it ends or is taken back. It is for the firm's
// owner or operations director. A grant without From begins now.
//
// Its ID is unique in the firm, for ever and among those in its rules; rules
// that come later and hold one of that id go before it. It has bounds instead of a
// condition, none of them on the other side or the distance to it.
//
// Errors: *InputError names what would give nothing; ErrNotFound for a grantee
// who is not of the firm, ErrExists, ErrNotYours, ErrUnsigned for a firm whose
// rules must be signed, ErrKeyReused, and the ledger's.
func (x *Exchange) IssueGrant(ctx context.Context, by By, g policy.Grant) (Receipt, error) {
	return x.command(ctx, by, "issue_grant", g, func(st *state, at time.Time) ([]event, error) {
		if !st.governs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		if st.firms[by.Firm].pins.Only {
			return nil, ErrUnsigned
		}
		e := policy.GrantEvent{Kind: policy.GrantIssued, Employer: by.Firm, Grant: g, Person: by.Person, At: at}
		return st.decideGrant(&e)
	})
}

// HandOnGrant lets the holder of a grant give a part of it to somebody else of
// the firm, as deep as it may be handed on. Whatever the link says, it reaches
// no further than what it hangs on: it takes over the actions, categories and
// end that it leaves empty, and discharges what it names alone. Parent is the
// id of a grant in the rules, of an issued one, or of a link.
//
// Errors: as [Exchange.IssueGrant], with ErrNotYours for somebody who is not of
// the firm; *InputError for a parent that the giver cannot hand on.
func (x *Exchange) HandOnGrant(ctx context.Context, by By, parent string, link policy.Grant) (Receipt, error) {
	args := struct {
		Parent string       `json:"parent"`
		Link   policy.Grant `json:"link"`
	}{parent, link}
	return x.command(ctx, by, "hand_on_grant", args, func(st *state, at time.Time) ([]event, error) {
		if !st.employs(by.Firm, by.Person) {
			return nil, ErrNotYours
		}
		e := policy.GrantEvent{Kind: policy.GrantDelegated, Employer: by.Firm, Grant: link, Parent: parent,
			Person: by.Person, Roles: st.roles(by.Firm, by.Person), At: at}
		if e.Grant.Until.IsZero() {
			e.Grant.Until = st.grantNamed(by.Firm, parent).Until
		}
		return st.decideGrant(&e)
	})
}

func (st *state) decideGrant(e *policy.GrantEvent) ([]event, error) {
	g := &e.Grant
	if e.Kind == policy.GrantIssued && g.From.IsZero() {
		g.From = e.At
	}
	if g.AtExpiry == "" {
		g.AtExpiry = "finish"
	}
	g.From, g.Until = g.From.UTC().Round(0), g.Until.UTC().Round(0)
	stream := "grant/" + e.Employer + "/" + g.ID
	switch {
	case g.Person != "" && !st.employs(e.Employer, g.Person):
		return nil, ErrNotFound
	case st.versions[stream] > 0 || st.grantNamed(e.Employer, g.ID).ID != "":
		return nil, ErrExists
	}
	if err := openBounds("grant", g.Bounds); err != nil {
		return nil, err
	}
	if len(lastingGrants(st.grants[e.Employer], e.At)) >= maxHanded {
		return nil, &InputError{Field: "grant", Limit: fmt.Sprintf("the firm has %d that have not ended: no more", maxHanded)}
	}
	known := st.rolesNow(e.Employer, nil)
	for _, person := range []string{e.Person, g.Person} {
		if person != "" {
			known[person] = st.roles(e.Employer, person)
		}
	}
	if err := st.firms[e.Employer].ownRules(st).CheckGrant(st.grants[e.Employer], *e, known); err != nil {
		return nil, requestFault("grant", err)
	}
	subjects := []string{e.Employer, e.Person}
	if g.Person != "" && g.Person != e.Person {
		subjects = append(subjects, g.Person)
	}
	if e.Kind == policy.GrantIssued {
		e.Person, subjects = "", slices.DeleteFunc(subjects, func(s string) bool { return s != e.Employer && s != g.Person })
	}
	return []event{{stream: stream, fresh: true, subjects: subjects, body: &grantChanged{*e}}}, nil
}

// RevokeGrant takes back a grant, in the rules or beside them, or a link that
// was handed on, and all that hangs on it: it allows nothing new from now on,
// skips no approval, and fills no seat. What runs under it ends at the next
// [Exchange.Tick] or is finished, as the grant says. It is for the firm's owner
// or operations director, and of a link for whoever gave it or gave what it
// hangs on. It cannot be undone; the same grant is given anew under another id.
// The ledger does not keep by whom it was taken back: erasing that person must
// not bring it back.
//
// Errors: ErrNotFound for none, or one that was taken back, ErrNotYours,
// ErrKeyReused, and the ledger's.
func (x *Exchange) RevokeGrant(ctx context.Context, by By, id string) (Receipt, error) {
	return x.command(ctx, by, "revoke_grant", id, func(st *state, at time.Time) ([]event, error) {
		switch {
		case !st.employs(by.Firm, by.Person):
			return nil, ErrNotYours
		case st.grantNamed(by.Firm, id).ID == "" || !st.revokedAt(by.Firm, id).IsZero():
			return nil, ErrNotFound
		case !st.governs(by.Firm, by.Person) && !st.handedGrant(by.Firm, id, by.Person):
			return nil, ErrNotYours
		}
		e := policy.GrantEvent{Kind: policy.GrantRevoked, Employer: by.Firm, Grant: policy.Grant{ID: id}, At: at}
		return []event{{stream: "grant/" + by.Firm + "/" + id, subjects: []string{by.Firm}, body: &grantChanged{e}}}, nil
	})
}

// grantNamed is the grant of the firm's rules, the issued one or the link that
// has an id; an empty one if there is none.
func (st *state) grantNamed(firm, id string) (none policy.Grant) {
	for _, g := range st.firms[firm].ownRules(st).Grants(firm) {
		if g.ID == id {
			return g
		}
	}
	for _, e := range st.grants[firm] {
		if e.Kind != policy.GrantRevoked && e.Grant.ID == id {
			return e.Grant
		}
	}
	return none
}

// revokedAt is when a grant was taken back; zero: it was not.
func (st *state) revokedAt(firm, id string) (never time.Time) {
	for _, e := range st.grants[firm] {
		if e.Kind == policy.GrantRevoked && e.Grant.ID == id {
			return e.At
		}
	}
	return never
}

// handedGrant reports whether a person handed on a link, or one that it hangs
// on. Each hangs on one from before it, so that this ends.
func (st *state) handedGrant(firm, id, person string) bool {
	for {
		at := slices.IndexFunc(st.grants[firm], func(e policy.GrantEvent) bool { return e.Kind == policy.GrantDelegated && e.Grant.ID == id })
		if at < 0 {
			return false
		}
		e := &st.grants[firm][at]
		if e.Person == person {
			return true
		}
		id = e.Parent
	}
}

// grantsOf are the grants of a firm's rules and those that were issued beside
// them; what was taken back ended then.
func (st *state) grantsOf(firm string) []policy.Grant {
	list := st.firms[firm].ownRules(st).Grants(firm)
	for _, e := range st.grants[firm] {
		if e.Kind == policy.GrantIssued {
			list = append(list, e.Grant)
		}
	}
	for i := range list {
		if end := st.revokedAt(firm, list[i].ID); !end.IsZero() && end.Before(list[i].Until) {
			list[i].Until = end
		}
		if p := st.people[list[i].Person]; p != nil && p.left && p.leftAt.Before(list[i].Until) {
			list[i].Until = p.leftAt // it lapses with the person
		}
	}
	return list
}

// granting tells a request to a firm's rules what was granted beside them.
func (st *state) granting(r *policy.Request) *policy.Request {
	if r.Grants = st.grants[r.Employer]; len(r.Grants) > 0 {
		r.RolesNow = st.rolesNow(r.Employer, nil)
	}
	return r
}

// grantChanged is one event of package policy about grants.
type grantChanged struct {
	policy.GrantEvent
}

func (ev *grantChanged) kind() string { return string(ev.Kind) }

func (ev *grantChanged) fold(st *state, _ ledger.Entry) {
	st.grants[ev.Employer] = append(lastingGrants(st.grants[ev.Employer], ev.At), ev.GrantEvent)
	st.indexAgain(ev.Employer)
}

// untilTicked is how long a grant that ends what runs under it is remembered
// after its own end: some Tick has come by then.
const untilTicked = 366 * 24 * time.Hour

// lastingGrants leaves out what has ended, and not what was taken back of the
// rules.
func lastingGrants(events []policy.GrantEvent, now time.Time) []policy.GrantEvent {
	ended := map[string]bool{}
	for _, e := range events {
		end := e.Grant.Until
		if e.Grant.AtExpiry == "end" {
			end = end.Add(untilTicked)
		}
		if e.Kind != policy.GrantRevoked && !now.Before(end) {
			ended[e.Grant.ID] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(events), func(e policy.GrantEvent) bool { return ended[e.Grant.ID] })
}
