package csss

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
)

// ErrErased means that what was revealed has been erased since: the other
// side's identity, or a part of the session's own record, on which every
// identity hangs. The steps that led to it are still provable.
var ErrErased = errors.New("csss: identity was erased")

// View is what a party may see of the other side at a stage.
type View struct {
	Stage      disclosure.Stage    `json:"stage"`
	Summary    []string            `json:"summary"`
	Place      string              `json:"place,omitempty"`
	Commitment string              `json:"commitment,omitempty"` // what the other side promises to show: an SD-JWT without disclosures, for this session's handle; verifies by CommitmentKey
	Identity   disclosure.Identity `json:"identity"`             // empty before StageIdentity; prints as sealed, see Identity.Open; its proof opens the commitment
	Details    Details             `json:"details"`              // of the listing, beyond its summary, by field; as sealed as the identity, which they may tell
	Deal       *Deal               `json:"deal,omitempty"`       // nil before StageIdentity
}

// Details are fields of a listing in plain, by their names in the schema of
// [Config]. They print as sealed.
type Details struct {
	disclosure.Sealed[disclosure.Values]
}

// Deal is what both parties are about to agree on.
type Deal struct {
	Rate         int64             `json:"rate"` // agreed price, cents per hour
	Currency     string            `json:"currency"`
	Hours        match.Amount      `json:"hours"` // reserved
	Fee          int64             `json:"fee"`   // cents for the hours reserved; once completed, for those worked; after an early end, for those that a side marked before it, else those held until then
	Slots        []match.Slot      `json:"slots"`
	Terms        terms.Document    `json:"terms"`
	TermsDigest  disclosure.Digest `json:"terms_digest"`           // for AcceptTerms
	Contribution *int64            `json:"contribution,omitempty"` // cents over variable cost; the offer's side only
}

// View shows a party of a session what a stage allows, field by field as the
// schema of Config.Summary said when the session opened: by default email,
// telephone and the listing's own words come with the contacts, after the
// terms. It is what the other side committed itself to when
// the session opened, held against that commitment. The view is logged before
// anything is returned. Cost: about a millisecond after the reveal.
//
// Errors: ErrNotFound, ErrNotYours, ErrErased, ErrShare when the operator's key is not there, *disclosure.PhaseError when the
// stage is not reached, and the ledger's.
func (x *Exchange) View(ctx context.Context, by By, h disclosure.Handle, stage disclosure.Stage) (View, error) {
	if stage >= disclosure.StageIdentity && x.erased(by, h) {
		return View{}, ErrErased
	}
	if _, err := x.step(ctx, by, h, disclosure.Command{Kind: disclosure.View, Stage: stage}); err != nil {
		return View{}, err
	}
	x.mu.RLock()
	ref := x.st.handles[h]
	ss := x.st.sessions[ref.session]
	if ss == nil {
		x.mu.RUnlock()
		return View{}, ErrErased // meanwhile
	}
	shown := ss.deal.Shown[ref.side]
	v := View{Stage: stage, Summary: slices.Clone(shown.Labels), Place: shown.Place, Commitment: shown.Commitment}
	if stage < disclosure.StageIdentity {
		x.mu.RUnlock()
		return v, nil
	}
	deal, err := x.st.dealFor(ss, ref.side)
	x.mu.RUnlock()
	if err != nil {
		return View{}, err
	}
	o, err := x.who(ctx, ref.session, ref.side.Other(), stage)
	if err != nil {
		return View{}, err
	}
	v.Identity, v.Details, v.Deal = disclosure.NewIdentity(o.identity), Details{disclosure.Seal(o.details)}, deal
	return v, nil
}

// who is what a revealed session shows of a side at a stage.
//
// Errors: ErrErased, and those of open.
func (x *Exchange) who(ctx context.Context, session disclosure.SessionID, side disclosure.Side, stage disclosure.Stage) (disclosed, error) {
	x.mu.RLock()
	ss := x.st.sessions[session]
	if ss == nil || ss.state.Phase == 0 {
		x.mu.RUnlock()
		return disclosed{}, ErrErased
	}
	data, known := x.st.identity(ss.state.Proposal.Parties[side])
	h, err := x.st.handing(ss, side)
	x.mu.RUnlock()
	switch {
	case !known:
		return disclosed{}, ErrErased
	case err != nil:
		return disclosed{}, err
	case !h.found: // opened before there were commitments
		return disclosed{identity: atStage(x.cfg.summarySchema(), stage, data)}, nil
	}
	return x.open(ctx, h, stage)
}

// erased reports whether the caller's session was revealed and has lost a part
// of its record to an erasure since. The proposal may be among what is lost, so
// the need or the offer says whose the handle is.
func (x *Exchange) erased(by By, h disclosure.Handle) bool {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref, ok := x.st.handles[h]
	ss := x.st.sessions[ref.session]
	if !ok || ss == nil || !ss.state.Erased || !x.st.employs(by.Firm, by.Person) {
		return false
	}
	firm := ""
	if n := x.st.needs[ref.need]; n != nil && ref.side == disclosure.Demand {
		firm = n.need.Firm
	}
	if o := x.st.offers[ref.candidate.Offer]; o != nil && ref.side == disclosure.Supply {
		firm = o.offer.Firm
	}
	return firm == by.Firm && slices.ContainsFunc(ss.steps, func(s step) bool { return s.name == "identity.revealed" })
}

// identity is the package the reveal opens: the firm, its first site, and the
// person who speaks for it.
func (st *state) identity(p disclosure.Party) (disclosure.IdentityData, bool) {
	f, person := st.firms[p.Firm], st.people[p.Actor]
	if f == nil || person == nil {
		return disclosure.IdentityData{}, false
	}
	site := f.firm.Sites[0]
	return disclosure.IdentityData{
		LegalName: f.firm.LegalName, Contact: person.person.Name, Email: person.person.Email, Phone: person.person.Phone,
		Street: site.Street + ", " + site.PostalCode, City: site.City, Site: site.ID,
	}, true
}

// atStage is what the schema opens of an identity at a stage.
func atStage(s disclosure.Schema, stage disclosure.Stage, d disclosure.IdentityData) disclosure.IdentityData {
	v := s.Open(stage, disclosure.Values{"legal_name": {d.LegalName}, "contact": {d.Contact}, "email": {d.Email}, "phone": {d.Phone},
		"street": {d.Street}, "city": {d.City}, "site": {d.Site}})
	of := func(name string) string { return strings.Join(v[name], ", ") }
	return disclosure.IdentityData{LegalName: of("legal_name"), Contact: of("contact"), Email: of("email"), Phone: of("phone"),
		Street: of("street"), City: of("city"), Site: of("site")}
}

func (st *state) dealFor(ss *sessionState, side disclosure.Side) (*Deal, error) {
	doc, err := terms.Decode(ss.deal.Terms)
	if err != nil {
		return nil, err
	}
	d := &Deal{Rate: ss.deal.Rate, Currency: ss.deal.Currency, Hours: ss.deal.Plan.Amount,
		Terms: doc, TermsDigest: ss.state.Proposal.Terms}
	h, held := st.book.Hold(string(ss.state.ID()))
	if held {
		d.Slots, d.Hours = h.Slots, h.Amount
	}
	worked := d.Hours
	switch {
	case ss.state.Phase == disclosure.Completed:
		worked = match.Amount(ss.state.Sides[side].Hours)
	case ss.state.Phase == disclosure.Closed && !ss.state.EngagedAt.IsZero():
		if !held {
			d.Hours = 0
		}
		worked = before(d.Slots, ss.state.StartedAt, ss.state.EndedAt)
		for _, by := range []disclosure.Side{side.Other(), side} {
			if hours := ss.state.Sides[by].Hours; hours > 0 { // said before the end, the own word first
				worked = match.Amount(hours)
			}
		}
	}
	d.Fee = market.Fee(d.Rate, int64(worked))
	if o := st.offers[ss.state.Proposal.Offer]; side == disclosure.Supply && o != nil {
		if cost, ok := o.offer.Cost.Open(); ok {
			c := market.Fee(d.Rate-cost, int64(worked))
			d.Contribution = &c
		}
	}
	return d, nil
}

// before adds up the slots that lie before the end of an engagement, and of one
// that it cuts what can have been worked by then: a block from its beginning on,
// a week's share only since the work has begun.
func before(slots []match.Slot, started, end time.Time) (sum match.Amount) {
	for _, s := range slots {
		from := s.Start
		switch block := s.End.Sub(s.Start) == s.Amount.Duration(); {
		case !s.End.After(end):
			sum += s.Amount
			continue
		case !block && started.IsZero():
			continue
		case !block:
			from = maxTime(from, started)
		}
		if from.Before(end) {
			sum += min(s.Amount, match.Amount(end.Sub(from)*time.Duration(match.Hour)/time.Hour))
		}
	}
	return sum
}

// Status is what one side knows of a session: its own moves, and what has
// been published.
type Status struct {
	disclosure.Status
	Category   string     `json:"category"`
	Suspension Suspension `json:"suspension,omitzero"` // of the own side: why it cannot go on, or could not be entered any more
	Ends       time.Time  `json:"ends,omitzero"`       // of a running engagement: when it ends by notice, which both sides read
}

// Status answers any person of the side's firm. It is a projection that does
// not depend on the other side's sealed choices.
//
// Errors: ErrNotFound.
func (x *Exchange) Status(ctx context.Context, by By, h disclosure.Handle) (Status, error) {
	ref, at, err := x.side(by, h)
	if err != nil {
		return Status{}, err
	}
	s, err := x.engine.Status(looking(ctx), ref.session, ref.side, at)
	if err != nil {
		return Status{}, x.sessionError(err)
	}
	s.Session = "" // the handle is all a party needs
	x.mu.RLock()
	defer x.mu.RUnlock()
	out := Status{Status: s, Category: x.st.ownCategory(ref), Suspension: x.st.ownSuspension(ref, &s, at)}
	ss := x.st.sessions[ref.session]
	if ss == nil {
		return out, nil
	}
	if ss.runs() {
		out.Ends, _ = ss.ends()
	}
	out.Own.Disputed = ss.disputed(ref.side)
	if out.Theirs != nil {
		out.Theirs.Disputed = ss.disputed(ref.side.Other())
	}
	return out, nil
}

// ownCategory is the category under which the side itself spoke.
func (st *state) ownCategory(ref handleRef) string {
	if ref.side == disclosure.Supply {
		if o := st.offers[ref.candidate.Offer]; o != nil {
			return o.offer.Category
		}
		return ""
	}
	if n := st.needs[ref.need]; n != nil {
		return n.need.Category
	}
	return ""
}
