package csss

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/match/market"
	"github.com/deeperpoint/csss/policy"
)

// SetPolicy replaces the rule document of a firm, for the operator or the
// firm's owner or operations director. Text is the document in the form
// of package policy; its employer must be the firm and its version must rise.
// Every later step of every session of the firm is judged by it; what runs and
// is not allowed any more ends with the next [Exchange.Tick], or as its terms say.
//
// Errors: *policy.Errors with every position, *InputError, ErrNotFound,
// ErrNotYours, ErrUnsigned where only [Exchange.ApplyBundle] is taken,
// ErrKeyReused, and the ledger's.
func (x *Exchange) SetPolicy(ctx context.Context, by By, firm, name string, text []byte) (Receipt, error) {
	args := &policyChanged{Firm: firm, Name: name, Text: text}
	return x.command(ctx, by, "set_policy", args, func(st *state, _ time.Time) ([]event, error) {
		if by.operator() != nil && (by.Firm != firm || !st.governs(firm, by.Person)) {
			return nil, ErrNotYours
		}
		return st.decidePolicy(firm, name, text)
	})
}

func (st *state) decidePolicy(firm, name string, text []byte) ([]event, error) {
	f := st.firms[firm]
	if f == nil {
		return nil, ErrNotFound
	}
	if f.pins.Only {
		return nil, ErrUnsigned
	}
	set, err := policy.Compile(st.schema, policy.Source{Name: name, Text: text})
	if err != nil {
		return nil, err
	}
	if got := set.Employers(); len(got) != 1 || got[0] != firm {
		return nil, &InputError{Field: "policy.employer", Limit: "must be the id of the firm the rules are for"}
	}
	if version := set.Version(firm); version <= f.version {
		return nil, &InputError{Field: "policy.version", Value: fmt.Sprint(version),
			Limit: fmt.Sprintf("must be above %d", f.version)}
	}
	st.compiled[firm] = compiled{text: string(text), set: set}
	return []event{{stream: "policy/" + firm, subjects: []string{firm}, body: f.change(name, text, set)}}, nil
}

// change is the entry by which a compiled document replaces the firm's rules.
func (f *firmState) change(name string, text []byte, set *policy.Set) *policyChanged {
	digest := set.Digest(f.firm.ID)
	return &policyChanged{Firm: f.firm.ID, Name: name, Text: text, Version: set.Version(f.firm.ID), Digest: hex.EncodeToString(digest[:]),
		OldVersion: f.version, OldDigest: f.digest()}
}

// compiled is a document that was just decided, so that the fold need not
// compile it again.
type compiled struct {
	text string
	set  *policy.Set
}

// compile is policy.Compile for a document that was accepted once. Should it
// not compile any more, or not be signed as the firm demands, the firm is left
// without rules, which denies everything, and Open reports it.
func (st *state) compile(ev *policyChanged, at time.Time) (*policy.Set, error) {
	if err := st.firms[ev.Firm].verify(ev, at); err != nil {
		return nil, &RulesError{Firm: ev.Firm, Version: ev.Version, Err: err}
	}
	if c, ok := st.compiled[ev.Firm]; ok && c.text == string(ev.Text) {
		delete(st.compiled, ev.Firm)
		return c.set, nil
	}
	set, err := policy.Compile(st.schema, policy.Source{Name: ev.Name, Text: ev.Text})
	if err != nil {
		return nil, &RulesError{Firm: ev.Firm, Version: ev.Version, Err: err}
	}
	return set, nil
}

// brokenRules joins what is wrong with the documents in force.
func (st *state) brokenRules() error {
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(st.firms)) {
		errs = append(errs, st.firms[id].broken)
	}
	return errors.Join(errs...)
}

// publishRequest is what the firm's rules are asked before an offer goes out.
func (st *state) publishRequest(o *match.Offer, person string, roles []string, at time.Time) (*policy.Request, error) {
	total, err := match.NewBook().Remaining(o)
	if err != nil && !errors.Is(err, match.ErrUnbounded) {
		return nil, err
	}
	r := &policy.Request{
		Employer: o.Firm, Action: policy.Publish, Category: o.Category, Now: at,
		Attrs: policy.Attrs{
			"actor.person":      policy.String(person),
			"actor.roles":       policy.Strings(roles...),
			"request.requester": policy.String(person),
			"context.now":       policy.Time(at),
		},
		Total: total.Duration(),
		Usage: &usage{st: st, publish: true, exceptOffer: o.ID},
	}
	st.resourceAttrs(r.Attrs, o, at)
	if err == nil { // without an end there is no total, and a rule that needs one does not hold
		r.Attrs["request.total"] = policy.Duration(total.Duration())
	}
	if o.Quantity.PerWeek > 0 {
		r.Attrs["request.per_week"] = policy.Duration(o.Quantity.PerWeek.Duration())
	}
	if start, end, ok := o.Horizon(); ok {
		r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(start), policy.Time(end)
	}
	priceAttrs(r.Attrs, o.Floor, total, o.Currency)
	return st.granting(r), nil
}

func (st *state) resourceAttrs(a policy.Attrs, o *match.Offer, at time.Time) {
	a["resource.id"] = policy.String(o.Resource)
	a["resource.kind"] = policy.String(string(o.Kind))
	a["resource.topics"] = policy.Strings(o.Topics...)
	if o.Person != "" {
		a["resource.person"] = policy.String(o.Person)
	}
	if f := st.firms[o.Firm]; f != nil {
		for _, res := range f.firm.Resources {
			if res.ID == o.Resource {
				a["resource.tags"] = policy.Strings(res.Tags...)
			}
		}
	}
	if until, ok := certifiedUntil(o, at); ok {
		a["resource.certified_until"] = policy.Time(until)
	}
}

// certifiedUntil is the earliest end among the offer's credentials in force.
func certifiedUntil(o *match.Offer, at time.Time) (time.Time, bool) {
	var end time.Time
	for _, c := range o.Credentials {
		if c.To.IsZero() || !at.Before(c.To) {
			continue
		}
		if end.IsZero() || c.To.Before(end) {
			end = c.To
		}
	}
	return end, !end.IsZero()
}

// priceAttrs sets the price a side's rules see: its own private bound.
func priceAttrs(a policy.Attrs, b match.Bound, hours match.Amount, currency string) {
	a["price.currency"] = policy.String(currency)
	if cents, ok := b.Open(); ok {
		a["price.rate"] = policy.Int(cents)
		a["price.amount"] = policy.Int(market.Fee(cents, int64(hours)))
	}
}

// fit is one way a need and an offer could be brought together.
type fit struct {
	need *match.Need
	off  *match.Offer
	plan *match.Plan
	mode match.Mode
	rate int64 // agreed price in cents per hour; 0 before it is known

	revealed bool // both sides know each other

	weeks []policy.WeekAmount // of the plan, once they were asked for
}

// byWeek is the plan by week of the offer's zone. Finding it loads the zone,
// and both sides' rules ask.
func (f *fit) byWeek() []policy.WeekAmount {
	if f.weeks == nil {
		f.weeks = weeksOf(f.plan.Slots, f.off.Zone)
	}
	return f.weeks
}

// supplyRequest is what the offering employer's rules are asked about a fit.
func (st *state) supplyRequest(a policy.Action, f *fit, at time.Time) *policy.Request {
	r := &policy.Request{Employer: f.off.Firm, Action: a, Category: f.off.Category, Now: at,
		Attrs: policy.Attrs{"context.now": policy.Time(at)}, Usage: &usage{st: st}}
	st.resourceAttrs(r.Attrs, f.off, at)
	f.requestAttrs(r)
	asker := st.asker(disclosure.Supply, f)
	r.Attrs["request.requester"] = policy.String(asker)
	st.actor(r, asker)
	st.counterparty(r, f.need.Firm, nil, at)
	f.price(r.Attrs, f.off.Floor, f.plan.Amount, f.off.Currency)
	return st.granting(r)
}

// demandRequest is what the asking employer's rules are asked: about the need
// alone when f is nil, else about a fit.
func (st *state) demandRequest(a policy.Action, n *match.Need, f *fit, at time.Time) *policy.Request {
	r := &policy.Request{Employer: n.Firm, Action: a, Category: n.Governance, Now: at,
		Attrs: policy.Attrs{
			"context.now":       policy.Time(at),
			"request.requester": policy.String(n.Requester),
			"request.topics":    policy.Strings(n.Topics...),
		}}
	st.actor(r, n.Requester)
	if f == nil {
		hours := needHours(n)
		r.Attrs["request.total"] = policy.Duration(hours.Duration())
		priceAttrs(r.Attrs, n.Ceiling, hours, n.Currency)
		return st.granting(r)
	}
	f.requestAttrs(r)
	hours := f.plan.Amount
	if !f.revealed {
		hours = needHours(n)
		asked(r, n, hours)
	}
	st.counterparty(r, f.off.Firm, f.off, at)
	f.price(r.Attrs, n.Ceiling, hours, n.Currency)
	return st.granting(r)
}

func needHours(n *match.Need) match.Amount {
	if n.Quantity.Weeks > 0 {
		return n.Quantity.PerWeek * match.Amount(n.Quantity.Weeks)
	}
	return n.Quantity.Value
}

// requestAttrs sets the facts of the work asked for.
func (f *fit) requestAttrs(r *policy.Request) {
	r.Attrs["request.mode"] = policy.String(modeName(f.mode))
	r.Attrs["request.topics"] = policy.Strings(f.need.Topics...)
	r.Attrs["request.distance_km"] = policy.Int(f.distance())
	r.Total = f.plan.Amount.Duration()
	r.Attrs["request.total"] = policy.Duration(r.Total)
	var most time.Duration
	r.Weeks = f.byWeek()
	for _, w := range r.Weeks {
		most = max(most, w.Hours)
	}
	r.Attrs["request.per_week"] = policy.Duration(most)
	if len(f.plan.Slots) > 0 {
		first, last := f.plan.Slots[0].Start, f.plan.Slots[0].End
		for _, s := range f.plan.Slots {
			first, last = minTime(first, s.Start), maxTime(last, s.End)
		}
		r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(first), policy.Time(last)
	}
}

// distanceStep is what distances are rounded up to before the reveal, in km. A
// side reads the verdict of its own rules, and could otherwise find the other
// site by writing many of them.
const distanceStep = 20

// distance is how far apart the sites are, as rules see it: rounded up, and
// before the reveal to a multiple of distanceStep.
func (f *fit) distance() int64 {
	km := f.need.Site.DistanceKM(f.off.Site)
	if f.revealed {
		return int64(math.Ceil(km))
	}
	return int64(math.Ceil(km/distanceStep)) * distanceStep
}

// price shows a side's rules the agreed price once it is revealed, before that
// only the side's own bound, which the agreed price keeps.
func (f *fit) price(a policy.Attrs, own match.Bound, hours match.Amount, currency string) {
	if f.revealed {
		own = match.NewBound(f.rate)
	}
	priceAttrs(a, own, hours, currency)
}

// actor tells a firm's rules in whose name the exchange acts: a grant counts
// for those alone who hold it.
func (st *state) actor(r *policy.Request, person string) {
	if person != "" {
		r.Attrs["actor.person"] = policy.String(person)
		r.Attrs["actor.roles"] = policy.Strings(st.roles(r.Employer, person)...)
	}
}

// asker is who started it on a side: the publisher or the requester. What the
// exchange does later it does in their name, while their firm lets them. Rules
// keep that person apart from approving; they see only their own side's.
func (st *state) asker(side disclosure.Side, f *fit) string {
	if side == disclosure.Demand {
		return f.need.Requester
	}
	if o := st.offers[f.off.ID]; o != nil {
		return o.publisher
	}
	return ""
}

// asked puts what a need asks for in the place of what would be booked: hours
// and dates of the booking tell what the offer has left.
func asked(r *policy.Request, n *match.Need, hours match.Amount) {
	r.Total, r.Weeks = hours.Duration(), nil
	r.Attrs["request.total"] = policy.Duration(r.Total)
	r.Attrs["request.per_week"] = policy.Duration(cmp.Or(n.Quantity.PerWeek, hours).Duration())
	r.Attrs["request.start"], r.Attrs["request.end"] = policy.Time(n.From), policy.Time(n.Until)
}

// counterparty releases to a side's rules what they may weigh about the other
// side before the reveal. The employer group stays withheld.
func (st *state) counterparty(r *policy.Request, firm string, o *match.Offer, at time.Time) {
	f := st.firms[firm]
	if f == nil {
		return
	}
	r.Attrs["counterparty.naics"] = policy.String(f.firm.NAICS)
	r.Attrs["counterparty.region"] = policy.String(f.firm.Sites[0].Region)
	r.Attrs["counterparty.country"] = policy.String(f.firm.Country)
	r.Attrs["counterparty.trust"] = policy.Double(st.trust(firm))
	r.Withheld = []string{"counterparty.group"}
	st.history(r, firm)
	if o != nil {
		r.Attrs["counterparty.certifications"] = policy.Strings(schemes(o, at)...)
	}
}

// schemes lists the credentials in force, lower case as rules write them.
func schemes(o *match.Offer, at time.Time) []string {
	var out []string
	for _, c := range o.Credentials {
		if !at.Before(c.From) && (c.To.IsZero() || at.Before(c.To)) {
			out = append(out, strings.ToLower(c.Scheme))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func modeName(m match.Mode) string {
	switch m {
	case match.Remote:
		return "remote"
	case match.Remote | match.OnSite:
		return "hybrid"
	default:
		return "on_site"
	}
}

func minTime(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func maxTime(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
