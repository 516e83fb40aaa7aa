package csss

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/envelope"
	"github.com/deeperpoint/csss/disclosure/terms"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
	"github.com/deeperpoint/csss/policy"
)

// deal is what the host of a session keeps with its proposal: what would be
// reserved, at which price, under which terms, and what each side is shown.
type deal struct {
	Said     time.Time            `json:"said"` // when the requester says it selected
	Mode     match.Mode           `json:"mode"`
	Rate     int64                `json:"rate"`     // agreed, cents per hour
	Estimate [2]int64             `json:"estimate"` // for the briefs: median of the comparables of the side's own category; 0 = none
	Currency string               `json:"currency"`
	Plan     match.Plan           `json:"plan"`
	Template string               `json:"template"`
	Terms    []byte               `json:"terms"` // the document both sides will accept, canonical
	Shown    [2]shownFor          `json:"shown"` // by the side that looks
	Pledges  [2]pledge            `json:"pledges,omitzero"`
	Edits    int                  `json:"edits"` // of the offer
	Rules    [2]disclosure.Digest `json:"rules"` // in force when the session opened
	Facts    [2]facts             `json:"facts"` // what the other side's rules may weigh about a side, as it was when the session opened
}

// facts are what rules read of a counterparty. They are fixed for a session: a
// side that saw its own verdict follow the other side's later fortunes would
// learn of them.
type facts struct {
	Certifications []string `json:"certifications,omitempty"`
	Trust          float64  `json:"trust"`
}

func (f facts) apply(r *policy.Request) {
	if f.Certifications != nil {
		r.Attrs["counterparty.certifications"] = policy.Strings(f.Certifications...)
	}
	r.Attrs["counterparty.trust"] = policy.Double(f.Trust)
}

// shownFor is a summary as one side sees it.
type shownFor struct {
	Labels     []string `json:"labels"`
	Place      string   `json:"place,omitempty"`
	Commitment string   `json:"commitment,omitempty"` // to what later stages show; in sessions alone
}

func (s shownFor) digest() disclosure.Digest {
	text, _ := json.Marshal(s)
	return disclosure.DigestOf(text)
}

// applySession folds one entry of a session's stream.
func (st *state) applySession(id disclosure.SessionID, e ledger.Entry) error {
	ev, err := disclosure.DecodeEvent(disclosure.Record{Stream: e.Stream, Type: e.Type, Data: e.Payload, Expect: e.StreamVersion})
	if err != nil {
		return err
	}
	ss := st.sessions[id]
	if ss == nil {
		ss = &sessionState{taken: map[takenKey]time.Time{}}
		st.sessions[id] = ss
	}
	ss.state = disclosure.Evolve(ss.state, ev)
	if ev.Command != "" {
		ss.taken[takenKey{ev.Actor, ev.Command}] = ev.Said
	}
	if ev.Proposal != nil {
		if err := json.Unmarshal(ev.Proposal.Plan, &ss.deal); err != nil {
			return fmt.Errorf("csss: decode a session's plan: %w", err)
		}
	}
	ss.shareOf(&ev)
	ss.steps = append(ss.steps, step{index: e.Index, name: ev.TrailName(), at: cmp.Or(ev.At, e.Claimed), side: ev.Side, both: sharedStep(ev.Type), session: true,
		auto: ev.Auto, rules: rulings(&ev)})
	if ev.Type == disclosure.EngagementAgreed {
		st.watched(ss)
	}
	if ev.Type == disclosure.EngagementCompleted {
		st.book.Trim(string(id), match.Amount(ev.Hours)) // what was not worked is free again
	}
	st.learn(ss, &ev)
	return nil
}

// rulings are the rule documents that an event was decided under, by side.
func rulings(ev *disclosure.Event) (out [2]ruling) {
	for side := range out {
		out[side] = ruling{ev.Policies[side], ev.Versions[side]}
	}
	if ev.Type != disclosure.IdentitiesRevealed && ev.Side <= disclosure.Demand {
		out[ev.Side] = ruling{ev.Policy, ev.Version}
		if ev.Kind == disclosure.Abort && ev.Policy.IsZero() {
			out[ev.Side].digest = ev.Bind.Policy
		}
	}
	return out
}

func isSession(stream string) bool { return strings.HasPrefix(stream, sessionPrefix) }

// sharedStep reports whether a step before the reveal is told to both sides.
func sharedStep(t disclosure.EventType) bool {
	switch t {
	case disclosure.SessionProposed, disclosure.SummariesPublished, disclosure.SessionStaled,
		disclosure.SessionRevived, disclosure.SessionClosed:
		return true
	default:
		return false
	}
}

// noteHold adds a step of the session's hold, which lies in the offer's stream.
func (st *state) noteHold(session string, name string, e ledger.Entry) {
	if ss := st.sessions[disclosure.SessionID(session)]; ss != nil {
		ss.steps = append(ss.steps, step{index: e.Index, name: name, at: e.Claimed, side: disclosure.Supply})
	}
}

func outcomeOf(ev *disclosure.Event, rater string) market.Outcome {
	return market.Outcome{At: ev.At, Rater: rater, Solved: ev.Rating.Solved}
}

// learn turns a rating into history: of the rated firm, and of the offer whose
// cases it adds to.
func (st *state) learn(ss *sessionState, ev *disclosure.Event) {
	if ev.Type != disclosure.OutcomeRated || ev.Rating == (disclosure.Rating{}) {
		return
	}
	p := &ss.state.Proposal
	rated := p.Parties[ev.Side.Other()].Firm
	if rated == "" {
		return // erased
	}
	st.outcomes[rated] = append(st.outcomes[rated], outcomeOf(ev, p.Parties[ev.Side].Group))
	o := st.offers[p.Offer]
	if ev.Side != disclosure.Demand || !ev.Rating.Solved || o == nil {
		return
	}
	n := st.needs[p.Need]
	var topics []string
	if n != nil {
		topics = n.need.Topics
	}
	o.offer.Evidence = append(slices.Clone(o.offer.Evidence), match.Evidence{Year: ev.At.Year(), Terms: topics})
	o.offer.Revision++
	if o.live {
		st.summaries.Put(st.listing(&o.offer))
		st.dirty = append(st.dirty, p.Offer)
	}
}

// Select opens a disclosure session with a candidate. The other side is
// invited; candidates that are not selected learn nothing. It costs some
// milliseconds, a half of them for both sides' commitments.
//
// Errors: ErrNotFound (also for another firm's handle), ErrNotYours,
// ErrUnavailable, ErrNoPrice, ErrKeyReused, and the ledger's.
func (x *Exchange) Select(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	by = by.withDefaults()
	p, again, err := x.proposal(ctx, by, h)
	if err != nil {
		return Receipt{}, err
	}
	defer x.proposed(p.Session)
	err = x.engine.Propose(ctx, p)
	if errors.Is(err, disclosure.ErrPolicy) || errors.Is(err, disclosure.ErrConflict) {
		return Receipt{}, ErrUnavailable // one of the two employers, or another session; which is not told
	}
	if err != nil {
		return Receipt{}, x.sessionError(err)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	at := by.At
	if ss := x.st.sessions[p.Session]; ss != nil {
		at = ss.deal.Said
	}
	return Receipt{Command: by.ID, At: at, Duplicate: again}, nil
}

// draft is a proposal in the making: what the session will be about, and what
// both sides will commit themselves to.
type draft struct {
	disclosure.Proposal
	deal  deal
	later [2]disclosure.Values
}

// finish writes down what the session is about and what each side is shown.
func (d *draft) finish() (err error) {
	if d.Plan, err = json.Marshal(d.deal); err != nil {
		return fmt.Errorf("csss: encode a session's plan: %w", err)
	}
	for side := range d.Summaries {
		d.Summaries[side] = d.deal.Shown[side].digest()
	}
	return nil
}

// proposal is what a candidate would be selected on, with both sides'
// commitments; or what this very command has selected it on.
func (x *Exchange) proposal(ctx context.Context, by By, h disclosure.Handle) (disclosure.Proposal, bool, error) {
	d, again, err := x.draft(ctx, by, h)
	if err == nil && !again {
		err = x.commitTo(ctx, &d)
	}
	if err == nil && !again {
		x.mu.Lock()
		x.st.opening[d.Session] = &d.deal
		x.mu.Unlock()
	}
	return d.Proposal, again, err
}

// proposed forgets what was about to be proposed: it is in the ledger, or never
// will be.
func (x *Exchange) proposed(sessions ...disclosure.SessionID) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, id := range sessions {
		delete(x.st.opening, id)
	}
}

// draft decides whether a candidate can still be selected, and on what; or
// finds that this very command has selected it.
func (x *Exchange) draft(ctx context.Context, by By, h disclosure.Handle) (p draft, again bool, err error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := x.st
	ref, ok := st.handles[h]
	n := st.needs[ref.need]
	if !ok || ref.side != disclosure.Demand || n == nil || n.need.Firm != by.Firm || len(ref.candidate.Summary) == 0 {
		return p, false, ErrNotFound
	}
	if by.Person != n.need.Requester {
		return p, false, ErrNotYours
	}
	if taken, ok := st.selectedBy(by); ok && taken != ref.session {
		return p, false, ErrKeyReused
	} else if ok {
		return draft{Proposal: st.sessions[taken].state.Proposal}, true, nil
	}
	if st.sessions[ref.session] != nil {
		return p, false, ErrUnavailable
	}
	at, err := st.stamp(by.At)
	if err != nil {
		return p, false, err
	}
	c := ref.candidate
	if st.busy(n.need.Group, at)[c.Offer] {
		return p, false, ErrUnavailable
	}
	o := st.offers[c.Offer]
	if o == nil || !o.live || !n.live || o.offer.Revision != c.Rev || n.need.Revision != ref.needRev {
		return p, false, ErrUnavailable
	}
	f := &fit{need: &n.need, off: &o.offer, plan: &c.Plan, mode: c.Mode, rate: c.Rate}
	parties := st.parties(f, o.publisher)
	if !st.standing(f, disclosure.Supply, parties, o.edits, at) || !st.standing(f, disclosure.Demand, parties, o.edits, at) {
		return p, false, ErrUnavailable
	}
	err = x.deciding(ctx, func(st *state) error {
		if !st.mayMeet(f, c.Rules, at) {
			return ErrUnavailable
		}
		return nil
	})
	if err != nil {
		return p, false, err
	}
	if !c.Priced {
		return p, false, ErrNoPrice
	}
	p, err = x.newDraft(by, ref, f, parties, at)
	return p, false, err
}

// selectedBy is the session that a command has opened.
func (st *state) selectedBy(by By) (disclosure.SessionID, bool) {
	for id, ss := range st.sessions {
		if ss.state.Proposal.ID == sessionKey(by) {
			return id, true
		}
	}
	return "", false
}

func sessionKey(by By) string { return "select/" + by.key() }

// parties are the two sides and whose opt-in counts: an offered person's own,
// else that of the person who published; the requester's on the other side.
func (st *state) parties(f *fit, publisher string) [2]disclosure.Party {
	supply := disclosure.Party{Firm: f.off.Firm, Group: f.off.Group, Actor: publisher}
	if f.off.Person != "" {
		supply.Actor, supply.Person = f.off.Person, true
	}
	return [2]disclosure.Party{
		disclosure.Supply: supply,
		disclosure.Demand: {Firm: f.need.Firm, Group: f.need.Group, Actor: f.need.Requester},
	}
}

// mayMeet asks both employers again whether a summary may be shown, by the
// rules of now and those under which the pair was found.
func (st *state) mayMeet(f *fit, rules [2]disclosure.Digest, at time.Time) bool {
	supply := st.decideSince(st.supplyRequest(policy.Summarise, f, at), rules[disclosure.Supply])
	demand := st.decideSince(st.demandRequest(policy.Summarise, f.need, f, at), rules[disclosure.Demand])
	return supply.Outcome != policy.Deny && demand.Outcome != policy.Deny
}

func (x *Exchange) newDraft(by By, ref handleRef, f *fit, parties [2]disclosure.Party, at time.Time) (out draft, err error) {
	st := x.st
	c := ref.candidate
	d := deal{Said: by.At, Mode: c.Mode, Rate: c.Rate, Currency: cmp.Or(f.off.Currency, f.need.Currency), Plan: c.Plan}
	d.Facts[disclosure.Supply] = facts{Certifications: schemes(f.off, at), Trust: st.trust(f.off.Firm)}
	d.Edits = st.offers[f.off.ID].edits
	for side, party := range parties {
		d.Rules[side] = st.inForce(party.Firm)
	}
	d.Facts[disclosure.Demand] = facts{Trust: st.trust(f.need.Firm)}
	d.Estimate[disclosure.Supply], _ = st.median(f.off.Category)
	d.Estimate[disclosure.Demand], _ = st.median(f.need.Category)
	d.Shown[disclosure.Demand] = shownFor{Labels: c.Summary, Place: c.Place}
	d.Shown[disclosure.Supply] = c.Asks
	for side, party := range parties {
		var known bool
		if out.later[side], known = st.later(f, disclosure.Side(side), party); !known {
			return out, ErrUnavailable
		}
	}
	doc, err := x.fillTerms(f, &d)
	if err != nil {
		return out, err
	}
	d.Template, d.Terms = doc.Template, doc.Encode()
	out.deal = d
	out.Proposal = disclosure.Proposal{
		ID: sessionKey(by), Session: ref.session, Offer: f.off.ID, Need: f.need.ID,
		OfferRevision: f.off.Revision, NeedRevision: f.need.Revision, Parties: parties,
		Terms: disclosure.Digest(doc.Digest()), Price: c.Rate, Amount: int64(c.Plan.Amount), At: at,
	}
	x.deadlines(&out.Proposal)
	return out, nil
}

// deadlines sets how long the session may sleep: the market's defaults, or
// what both firms' rules say where they say less, cut to one of a few times:
// both sides read it, and a deadline of a firm's own would tell whose it is.
func (x *Exchange) deadlines(p *disclosure.Proposal) {
	p.Deadline, p.HardExpiry, p.Grace, p.Slot = x.cfg.Deadline, x.cfg.Expiry, x.cfg.Grace, x.cfg.Slot
	p.Flips = x.cfg.Budgets.Flips
	for _, party := range p.Parties {
		f := x.st.firms[party.Firm]
		if f == nil || f.rules == nil {
			continue
		}
		d := f.rules.Deal(party.Firm)
		p.Deadline = less(p.Deadline, usual(d.Deadline, p.Slot))
		p.HardExpiry = less(p.HardExpiry, usual(d.HardExpiry, p.Slot))
	}
}

// usualHours are the times that a session may take to be shown to both sides.
var usualHours = [...]time.Duration{1, 2, 3, 4, 6, 8, 12, 16, 18, 24, 36, 48, 60, 72, 96, 120, 144, 168, 240, 336, 360, 504, 720, 1080, 1440, 2160}

// usual cuts a duration to the longest of the usual ones that it has room for;
// what is shorter than all of them to whole slots, at least one. 0 stays 0.
func usual(d, slot time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	out := max(d.Truncate(slot), slot)
	for _, h := range usualHours {
		if h*time.Hour <= d {
			out = h * time.Hour
		}
	}
	return out
}

func less(a, b time.Duration) time.Duration {
	if b > 0 && b < a {
		return b
	}
	return a
}

// The templates that the kinds of need are served under.
const (
	termsCapacity = "capacity-v1"
	termsConsult  = "consult-v1"
	termsGuidance = "guidance-v1"
)

// templateOf names the standard terms for a kind of need.
func templateOf(kind match.Kind) string {
	switch kind {
	case match.TechnicalQuery, match.Expertise:
		return termsConsult
	case match.Guidance:
		return termsGuidance
	default:
		return termsCapacity
	}
}

// fillTerms fills the standard terms for the kind of need.
func (x *Exchange) fillTerms(f *fit, d *deal) (terms.Document, error) {
	id := templateOf(f.need.Kind)
	for _, t := range x.cfg.Terms {
		if t.ID == id {
			return terms.Fill(t, termParams(f, d))
		}
	}
	return terms.Document{}, &InputError{Field: "config.terms", Value: id, Limit: "is missing"}
}

// step runs one command of a session for one side.
func (x *Exchange) step(ctx context.Context, by By, h disclosure.Handle, c disclosure.Command) (Receipt, error) {
	by = by.withDefaults()
	ref, at, err := x.side(by, h)
	if err != nil {
		return Receipt{}, err
	}
	c.ID, c.Session, c.Side, c.Firm, c.Actor, c.At, c.Said = by.ID, ref.session, ref.side, by.Firm, by.Person, at, by.At
	x.mu.RLock()
	c.Roles = x.st.roles(by.Firm, by.Person)
	_, again := x.st.takenAt(ref.session, by)
	x.mu.RUnlock()
	_, err = x.engine.Do(ctx, c)
	switch {
	case again && errors.Is(err, disclosure.ErrStale):
		return Receipt{}, ErrKeyReused
	case err != nil:
		return Receipt{}, x.sessionError(err)
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	first, ok := x.st.takenAt(ref.session, by)
	if !ok {
		first = by.At
	}
	return Receipt{Command: by.ID, At: first, Duplicate: again}, nil
}

// takenAt is when a person took the step of a session that bears the id.
func (st *state) takenAt(id disclosure.SessionID, by By) (time.Time, bool) {
	ss := st.sessions[id]
	if ss == nil {
		return time.Time{}, false
	}
	at, ok := ss.taken[takenKey{by.Person, by.ID}]
	return at, ok
}

// side resolves a handle for a person of the firm whose handle it is.
func (x *Exchange) side(by By, h disclosure.Handle) (handleRef, time.Time, error) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref, _, at, err := x.st.side(by, h)
	return ref, at, err
}

// side is [Exchange.side] with the session, for who goes on in the same state:
// an erasure may put another in its place. x.mu is held.
func (st *state) side(by By, h disclosure.Handle) (ref handleRef, ss *sessionState, at time.Time, err error) {
	ref, ok := st.handles[h]
	if ss = st.sessions[ref.session]; !ok || ss == nil {
		return ref, nil, at, ErrNotFound
	}
	firm := ss.state.Proposal.Parties[ref.side].Firm
	if firm != by.Firm || !st.employs(firm, by.Person) {
		return ref, nil, at, ErrNotFound
	}
	at, err = st.stamp(by.At)
	return ref, ss, at, err
}

// bind is what a consent of the side is tied to.
func (x *Exchange) bind(h disclosure.Handle) disclosure.Binding {
	x.mu.RLock()
	defer x.mu.RUnlock()
	ref := x.st.handles[h]
	if ss := x.st.sessions[ref.session]; ss != nil {
		return ss.state.Binding(ref.side)
	}
	return disclosure.Binding{}
}

// sessionErrors gives each of several joined errors its words.
func (x *Exchange) sessionErrors(err error) error {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return err // none
	}
	var out []error
	for _, e := range joined.Unwrap() {
		out = append(out, x.sessionError(e))
	}
	return errors.Join(out...)
}

// sessionError gives package disclosure's errors their words here. Nothing in
// them tells the sides apart.
func (x *Exchange) sessionError(err error) error {
	switch {
	case errors.Is(err, disclosure.ErrNotFound):
		return ErrNotFound
	case errors.Is(err, disclosure.ErrPolicy):
		return policyError(err)
	case errors.Is(err, disclosure.ErrBudget):
		return fmt.Errorf("%w: %w", ErrBudget, err)
	default:
		return err
	}
}

// policyError says to a side whether its rules keep the person out or the
// whole session.
func policyError(err error) error {
	p, ok := errors.AsType[*disclosure.PolicyError](err)
	if !ok || p.Rule != disclosure.RuleNotAllowed {
		return ErrNotYours
	}
	return &DeniedError{Reasons: []policy.Reason{{Rule: fmt.Sprintf("version %d", p.Version),
		Text: "the firm's rules, or what it brought into the session, no longer allow it"}}}
}

// OptIn is a party's sealed yes to the reveal: the offered person's own, the
// publisher's, or the requester's. The other side learns of it only by the
// reveal. When it is the last of the four consents, both identities are
// revealed in the same step, and the hours are held.
//
// Errors: ErrNotFound, ErrNotYours, *DeniedError when the own firm's rules stop
// the session, ErrShare when the party's key is not there, ErrKeyReused, the other ones of disclosure.Engine.Do, and the
// ledger's.
func (x *Exchange) OptIn(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	share, err := x.consentShare(ctx, by, h, envelope.Party)
	if err != nil {
		return Receipt{}, err
	}
	if share != nil {
		x.mu.RLock()
		ref, now := x.st.handles[h], x.st.clamp(by.At)
		x.mu.RUnlock()
		if ruled := x.ruledShare(ctx, ref.session, ref.side, now); ruled != nil {
			share, ctx = slices.Concat(share, ruled), context.WithValue(ctx, bringing{}, ref.side)
		}
	}
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.OptIn, Bind: x.bind(h), Share: share})
}

// OptOut is a party's discreet no. The other side reads it as silence.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) OptOut(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.OptOut})
}

// WithdrawFrom leaves a session openly and for good: before the reveal the
// other side reads "closed" at the next publication slot, after it at once.
// The reason stays with the firm.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) WithdrawFrom(ctx context.Context, by By, h disclosure.Handle, reason string) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Withdraw, Reason: reason})
}

// Revive wakes a session that went stale, until its hard expiry.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) Revive(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Revive})
}

// Approve is an employer's vote for an approval that the firm's rules ask for.
// Requirement names it as in the task of the [Exchange.Inbox]; empty counts
// for any that the voter's roles can sit in. A vote lives as long as the rules
// say and is bound to the summary, the terms and the rules it was given under.
// Who has no seat of their own votes in the place of whoever let them: see
// [Exchange.Delegate] and [Exchange.HandOnGrant].
//
// Errors: ErrNotYours when nobody waits for this person's vote or the rules
// keep this person apart, and as [Exchange.OptIn].
func (x *Exchange) Approve(ctx context.Context, by By, h disclosure.Handle, requirement string) (Receipt, error) {
	share, err := x.consentShare(ctx, by, h, envelope.Employer)
	if err != nil {
		return Receipt{}, err
	}
	b := x.bind(h)
	b.Policy, b.Expires = x.voteTerms(by, h, requirement)
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Authorize, Requirement: requirement, Bind: b, Under: x.standIn(by, h, requirement), Share: share})
}

// Refuse is an employer's no, by somebody who has a say; see [Exchange.Revoke].
// The reason stays with the firm.
//
// Errors: as [Exchange.Approve].
func (x *Exchange) Refuse(ctx context.Context, by By, h disclosure.Handle, reason string) (Receipt, error) {
	if err := x.hasSay(by, h); err != nil {
		return Receipt{}, err
	}
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Deny, Reason: reason})
}

// Revoke takes back the employer's approval, and after the reveal ends the
// session. It is for those who have a say: who has a standing vote in the
// session, who can sit in an approval of the firm's rules, or in one that is
// due in another's place, or who is its owner or operations director. The reason stays with the firm.
//
// Errors: as [Exchange.Approve].
func (x *Exchange) Revoke(ctx context.Context, by By, h disclosure.Handle, reason string) (Receipt, error) {
	if err := x.hasSay(by, h); err != nil {
		return Receipt{}, err
	}
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.RevokeAuth, Reason: reason})
}

// hasSay reports ErrNotYours for a person of the side's firm who may not speak
// for the employer.
func (x *Exchange) hasSay(by By, h disclosure.Handle) error {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := x.st
	ref, ss, _, err := st.side(by, h)
	if err != nil {
		return err
	}
	at := st.clamp(by.At)
	voted := slices.ContainsFunc(ss.state.Sides[ref.side].Votes,
		func(v disclosure.Vote) bool { return v.Actor == by.Person && st.stillVotes(ss, ref.side, v, at) })
	if voted || st.governs(by.Firm, by.Person) {
		return nil
	}
	if f := st.firms[by.Firm]; f != nil && f.rules != nil {
		roles := st.roles(by.Firm, by.Person)
		for _, r := range f.rules.Requirements(by.Firm) {
			if slices.ContainsFunc(r.Seats, func(seat string) bool { return slices.Contains(roles, seat) }) {
				return nil
			}
		}
	}
	if _, ok := st.standsIn(ss, ref.side, by.Person, "", at); ok {
		return nil
	}
	return ErrNotYours
}

// voteTerms is the digest of the rules a vote is given under, and when the
// vote lapses by them.
func (x *Exchange) voteTerms(by By, h disclosure.Handle, requirement string) (disclosure.Digest, time.Time) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	st := x.st
	f := st.firms[by.Firm]
	ref := st.handles[h]
	ss := st.sessions[ref.session]
	if f == nil || f.rules == nil || ss == nil {
		return disclosure.Digest{}, time.Time{}
	}
	at := st.clamp(by.At)
	digest := disclosure.Digest(f.rules.Digest(by.Firm))
	fit, ok := st.sessionFit(&ss.state)
	if !ok {
		return digest, time.Time{}
	}
	req := st.sessionRequest(fit, &disclosure.AuthRequest{Session: ss.state, Side: ref.side, Action: disclosure.ActReveal, Now: at})
	var expires time.Time
	for _, due := range st.decideSince(req, ss.deal.Rules[ref.side]).Due {
		if due.Expires > 0 && (requirement == "" || due.Requirement == requirement) {
			expires = maxTime(expires, at.Add(due.Expires))
		}
	}
	return digest, expires
}

// AcceptTerms accepts the standard terms by their digest, as [View.Deal] shows
// it. When both parties accepted the same digest and both employers' rules
// still allow it, the hold becomes firm and the session is engaged.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) AcceptTerms(ctx context.Context, by By, h disclosure.Handle, digest disclosure.Digest) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.AcceptTerms, Terms: digest})
}

// Start records that work has begun.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) Start(ctx context.Context, by By, h disclosure.Handle) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Start})
}

// Complete records the hours worked, at most those that were held. Both sides
// must mark the same.
//
// Errors: *InputError for more hours than were held, and as [Exchange.OptIn].
func (x *Exchange) Complete(ctx context.Context, by By, h disclosure.Handle, hours match.Amount) (Receipt, error) {
	x.mu.RLock()
	_, ss, _, err := x.st.side(by, h)
	if err != nil {
		x.mu.RUnlock()
		return Receipt{}, err
	}
	held := ss.deal.Plan.Amount
	x.mu.RUnlock()
	if hours > held {
		return Receipt{}, &InputError{Field: "hours", Value: hoursText(hours), Limit: "at most " + hoursText(held) + " were held"}
	}
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.MarkDone, Hours: int64(hours)})
}

// Rate records how it went; a need that was solved adds a case to the offer's
// evidence, and every rating to the other firm's trust.
//
// Errors: as [Exchange.OptIn].
func (x *Exchange) Rate(ctx context.Context, by By, h disclosure.Handle, r disclosure.Rating) (Receipt, error) {
	return x.step(ctx, by, h, disclosure.Command{Kind: disclosure.Rate, Rating: r})
}

// termParams are the parameters of a deal's standard terms.
func termParams(f *fit, d *deal) map[string]string {
	p := map[string]string{
		"category": f.off.Category,
		"kind":     string(f.need.Kind),
		"mode":     modeName(d.Mode),
		"hours":    hoursText(d.Plan.Amount) + " " + f.need.Quantity.Unit,
		"rate":     centsText(d.Rate),
		"currency": d.Currency,
		"nonce":    randomID(), // keeps the digest, which is shown before the reveal, from giving the price away
	}
	if f.need.Quantity.Weeks > 0 {
		weeks, _ := match.HoursByWeek(d.Plan.Slots, f.off.Zone) // of a part only the weeks that it covers
		p["weeks"] = strconv.Itoa(len(weeks))
		p["per_week"] = hoursText(f.need.Quantity.PerWeek) + " " + f.need.Quantity.Unit
	}
	return p
}

// hoursText writes thousandths without trailing zeros: 2500 is "2.5".
func hoursText(a match.Amount) string {
	return strconv.FormatFloat(float64(a)/float64(match.Hour), 'f', -1, 64)
}

// centsText writes cents as units with two decimals: 12000 is "120.00".
func centsText(c int64) string { return fmt.Sprintf("%d.%02d", c/100, c%100) }
