package csss

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/policy"
)

// Obligations that rules may ask for and every exchange carries out.
const (
	RedactText   = "redact_text"   // names and contacts are taken out of a listing's text before it is stored, indexed or summarised
	HideIdentity = "hide_identity" // who a side is, is shown after both sides and both employers have agreed, and not before
	LogViews     = "log_views"     // what a side looks at in a session is in the ledger before it is shown
	LogDecisions = "log_decisions" // every decision of a step is in Config.Decisions before anything comes of it; only with one
)

// obligations are those that the exchange and its host carry out.
func (c *Config) obligations() []string {
	list := append([]string{RedactText, HideIdentity, LogViews}, c.Knows...)
	if c.Decisions != nil {
		list = append(list, LogDecisions)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// Duty is what the rules of one firm ask of whoever runs the exchange, for one
// thing of the firm's.
type Duty struct {
	Kind        EffectKind    `json:"kind"`
	Firm        string        `json:"firm"`   // whose rules ask
	ID          string        `json:"id"`     // of the offer or need; else the firm's own handle of the session, or of the pair that may become one
	Action      policy.Action `json:"action"` // the step that is bound to it
	Obligations []string      `json:"obligations,omitempty"`
	Advice      []string      `json:"advice,omitempty"`
}

// Duties lists what the rules in force oblige, or advise, the host to do: for
// live offers and needs, for pairs that a search has brought together, and for
// the next step of each session, or the present one of an engagement. Things of
// which nothing is asked, or whose step the rules deny, are not listed. It is
// the one place where obligations are told. What became of one is for the host
// to keep, with [policy.Recorder.Fulfil] in its log of decisions.
//
// It is for the operator alone, who runs the host. An obligation may hang on
// what a rule reads of the other side, so that even the firm whose rule it is
// could sound a stranger out by it. It decides each of these things anew and
// logs nothing.
//
// Errors: ErrNotYours.
func (x *Exchange) Duties(by By) ([]Duty, error) {
	if err := by.operator(); err != nil {
		return nil, err
	}
	x.mu.RLock()
	defer x.mu.RUnlock()
	d := duties{st: x.st, at: x.st.clamp(by.At)}
	d.listings()
	d.pairs()
	for _, id := range d.st.sessionIDs() {
		for _, side := range []disclosure.Side{disclosure.Supply, disclosure.Demand} {
			if q, ok := d.st.nextStep(id, side, d.at); ok {
				d.note(Duty{Kind: q.kind, ID: string(disclosure.HandleOf(id, side.Other()))}, q.req, d.st.decideSince(q.req, q.opened))
			}
		}
	}
	slices.SortStableFunc(d.list, func(a, b Duty) int {
		return cmp.Or(cmp.Compare(effectOrder(a.Kind), effectOrder(b.Kind)), cmp.Compare(a.Firm, b.Firm), cmp.Compare(a.ID, b.ID))
	})
	return d.list, nil
}

// duties is one run of [Exchange.Duties].
type duties struct {
	st   *state
	at   time.Time
	list []Duty
}

func (d *duties) note(one Duty, req *policy.Request, answer policy.Explanation) {
	if len(answer.Obligations)+len(answer.Advice) == 0 {
		return
	}
	one.Firm, one.Action, one.Obligations, one.Advice = req.Employer, req.Action, answer.Obligations, answer.Advice
	d.list = append(d.list, one)
}

func (d *duties) listings() {
	for _, id := range d.st.offerIDs() {
		if req, ok := d.st.publishedUnder(id, d.at); ok {
			d.note(Duty{Kind: OfferEffect, ID: id}, req, d.st.decide(req))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(d.st.needs)) {
		if n := d.st.needs[id]; n.live {
			req := d.st.registeredUnder(&n.need, d.at)
			d.note(Duty{Kind: NeedEffect, ID: id}, req, d.st.decide(req))
		}
	}
}

// pairs asks about the candidates of each need's latest search.
func (d *duties) pairs() {
	for _, id := range slices.Sorted(maps.Keys(d.st.needs)) {
		last := d.st.proposals[d.st.needs[id].lastMatch]
		if last == nil {
			continue
		}
		for _, c := range last.Found {
			d.pair(c)
		}
	}
}

func (d *duties) pair(c *proposed) {
	ref := d.st.handles[c.handle()]
	if d.st.sessions[c.Session] != nil || !d.st.consentable(ref, d.at) {
		return
	}
	f := &fit{need: &d.st.needs[ref.need].need, off: &d.st.offers[c.Offer].offer, plan: &c.Plan, mode: c.Mode}
	supply, demand := d.st.supplyRequest(policy.Summarise, f, d.at), d.st.demandRequest(policy.Summarise, f.need, f, d.at)
	d.note(Duty{Kind: SessionEffect, ID: string(c.supplyHandle())}, supply, d.st.decideSince(supply, c.Rules[disclosure.Supply]))
	d.note(Duty{Kind: SessionEffect, ID: string(c.handle())}, demand, d.st.decideSince(demand, c.Rules[disclosure.Demand]))
}
