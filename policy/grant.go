package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Grant is an employer's statement that a role or a person may act for it, within bounds. A rule with
// `authority: grant` applies only inside a live grant that the actor of the request holds, by "actor.person" or by
// "actor.roles", in the grantee's own right or through links that are events. Nor does a grant discharge an approval for
// anybody else. A request that names no actor is inside none: what an engine does for people, it asks in their names.
type Grant struct {
	ID         string    `json:"id"`
	Role       string    `json:"role,omitempty"`   // to whom: holders of this role …
	Person     string    `json:"person,omitempty"` // … or this person; exactly one of the two
	May        []string  `json:"may"`              // actions, and "approve:<requirement>"
	Categories []string  `json:"categories"`
	When       string    `json:"when,omitempty"`       // bounds, a condition
	Bounds     []Bound   `json:"bounds,omitempty"`     // more bounds, of links that are events; documents say `when`
	Quotas     []string  `json:"quotas,omitempty"`     // ids of quotas that hold as bounds
	Discharges []string  `json:"discharges,omitempty"` // requirements this grant pre-approves, inside its bounds
	Depth      int       `json:"depth"`                // how often it may be delegated onward
	From       time.Time `json:"from"`                 // inclusive
	Until      time.Time `json:"until"`                // exclusive
	AtExpiry   string    `json:"atExpiry"`             // what running engagements do then: "end" or "finish"; default "finish"
}

func (g Grant) clone() Grant {
	c := g
	c.Bounds = slices.Clone(g.Bounds)
	c.May, c.Categories = slices.Clone(g.May), slices.Clone(g.Categories)
	c.Quotas, c.Discharges = slices.Clone(g.Quotas), slices.Clone(g.Discharges)
	return c
}

// actions is a grant's `may` without the approvals.
func (g *grantDoc) mayAct(a Action) bool { return slices.Contains(g.May, string(a)) }

// to names the grantee as the document does. The person of a personal grant is not named.
func (g *grantDoc) to() string {
	if g.Role != "" {
		return "role " + g.Role
	}
	return "a named person"
}

// heldByActor reports whether the acting person is one to whom the grant is made. Without an actor nobody is.
func (g *grantDoc) heldByActor(b *bound) bool {
	if g.Role != "" {
		roles, ok := b.frame.Strings(b.slot(attrRoles))
		return ok && slices.Contains(roles, g.Role)
	}
	return b.text(attrActor) == g.Person
}

// miss is one bound of a grant that a request does not keep.
type miss struct {
	text    string
	clause  string // the part of the grant's condition; "" if it is tainted, or another bound
	tainted bool
	quota   string // the quota concerned, if any
}

// misses returns every bound of the grant that the request does not keep; none means that the grant is live for it.
// Whether the grant may do what is asked has been looked at before.
func (g *grantDoc) misses(b *bound, headroom map[string]time.Duration) []miss {
	list := append(g.outside(b), g.unmet(b)...)
	for _, q := range g.quotas {
		left, isBounded, why := q.check(b)
		noteHeadroom(headroom, q, left, isBounded)
		for _, w := range why {
			list = append(list, g.beyondQuota(q, w, b.schema.taintedQuota(q)))
		}
	}
	return list
}

func (g *grantDoc) beyondQuota(q *Quota, why string, tainted bool) miss {
	if tainted {
		return miss{text: "excluded by grant " + g.ID, tainted: true, quota: q.ID}
	}
	return miss{text: q.ID + ": " + why, quota: q.ID}
}

// outside checks category and time. For publish the offer must also end before the grant does: it would otherwise
// promise what nobody may promise then. Any other action needs the grant only at the moment itself.
func (g *grantDoc) outside(b *bound) (list []miss) {
	say := func(format string, args ...any) { list = append(list, miss{text: fmt.Sprintf(format, args...)}) }
	if !coveredByAny(g.Categories, b.req.Category) {
		say("covers %s only", strings.Join(g.Categories, ", "))
	}
	if b.withdrawn(g.ID) {
		say("is revoked")
	}
	if b.req.Now.Before(g.From) {
		say("valid from %s", g.From.Format(time.RFC3339))
	}
	if !b.req.Now.Before(g.Until) {
		say("valid until %s", g.Until.Format(time.RFC3339))
	}
	if b.req.Action != Publish {
		return list
	}
	switch end, ok := b.instant(attrEnd); {
	case !ok:
		say("%s is missing, and the grant ends at %s", attrEnd, g.Until.Format(time.RFC3339))
	case end.After(g.Until):
		say("%s is after the grant ends, %s", attrEnd, g.Until.Format(time.RFC3339))
	}
	return list
}

// unmet names the bounds that are not kept, and the clauses of `when` that do not hold.
func (g *grantDoc) unmet(b *bound) (list []miss) {
	for _, l := range g.Bounds {
		if !l.kept(b.attribute) {
			list = append(list, g.beyond(b, l))
		}
	}
	if g.when == nil {
		return list
	}
	for _, f := range failures(g.when, b.frame, "grant "+g.ID) {
		list = append(list, miss{text: f.text, clause: f.clause, tainted: f.tainted})
	}
	return list
}

// beyond says which bound is not kept. One on the counterparty is not named.
func (g *grantDoc) beyond(b *bound, l Bound) miss {
	if slot, known := b.frame.Table().Lookup(l.Attr); known && b.frame.Table().Attr(slot).Tainted {
		return miss{text: "excluded by grant " + g.ID, tainted: true}
	}
	return miss{text: fmt.Sprintf("%s is not %s %d", l.Attr, strings.ReplaceAll(string(l.Op), "_", " "), l.Value)}
}

// covered reports whether one of the employer's grants lets the request through a rule with `authority: grant`, and which.
// If none does, it says why for each grant that may do the action at all.
func (b *bound) covered(r *rule, headroom map[string]time.Duration) (by *grantDoc, reasons []Reason) {
	for _, g := range b.grants() {
		if !g.mayAct(b.req.Action) {
			continue
		}
		misses := g.misses(b, headroom)
		if !b.holds(g, func(*Authority) bool { return true }) {
			misses = append(misses, miss{text: "is given to " + g.to()})
		}
		if len(misses) == 0 {
			return g, nil
		}
		reasons = append(reasons, grantReasons(g, misses)...)
	}
	if reasons == nil {
		reasons = []Reason{{Rule: r.name, Text: fmt.Sprintf("needs a grant, and none may %s", b.req.Action)}}
	}
	return nil, reasons
}

func grantReasons(g *grantDoc, misses []miss) (list []Reason) {
	for _, m := range misses {
		list = append(list, Reason{Rule: "grant:" + g.ID, Text: m.text, Tainted: m.tainted, Clause: m.clause})
		if m.quota != "" {
			list = append(list, quotaReason(m.quota, strings.TrimPrefix(m.text, m.quota+": "), m.tainted))
		}
	}
	return list
}

// discharged reports whether a live grant pre-approves the requirement for this request.
func (b *bound) discharged(req *Requirement) bool {
	return slices.ContainsFunc(b.grants(), func(g *grantDoc) bool {
		return slices.Contains(g.Discharges, req.ID) && g.mayAct(b.req.Action) && len(g.misses(b, nil)) == 0 &&
			b.holds(g, func(a *Authority) bool { return slices.Contains(a.Discharges, req.ID) })
	})
}

// holds reports whether the actor has the grant, or a link below it that reaches the request and does also what is asked.
func (b *bound) holds(g *grantDoc, also func(*Authority) bool) bool {
	return g.heldByActor(b) || b.heldByChain(g, also)
}

// approval is where a requirement stands for this request. A role fills a seat only by its own authority or by a grant
// that is live for the request: where grants name it for the requirement, and none of them is, it fills none.
func (b *bound) approval(req *Requirement) Approval {
	facts := b.facts()
	facts.Employer, facts.Category, facts.Requested = b.req.Employer, b.req.Category, b.req.Requested
	ballots := ballotsOf(req, b.req.Votes, &facts, b.req.Now)
	if len(b.req.Approvals) > 0 {
		facts.Attrs, facts.Granted = b.unwithheld(), b.seatGrants(req)
		more, asked := ballotsOfEvents(req, b.req.Approvals, &facts, b.req.Now)
		ballots = append(ballots, more...)
		facts.Requested = earliest(facts.Requested, asked)
	}
	dead := b.deadRoles(req)
	for i := range ballots {
		ballots[i].roles = without(ballots[i].roles, dead)
	}
	return tally(req, ballots, &facts, b.req.Now)
}

// without returns the words of a that b does not hold.
func without(a, b []string) (rest []string) {
	for _, x := range a {
		if !slices.Contains(b, x) {
			rest = append(rest, x)
		}
	}
	return rest
}

func (b *bound) deadRoles(req *Requirement) []string {
	var dead, live []string
	for _, g := range b.grants() {
		switch {
		case !slices.Contains(g.May, approvePrefix+req.ID):
		case len(g.misses(b, nil)) == 0:
			live = append(live, g.Role)
		default:
			dead = append(dead, g.Role)
		}
	}
	return without(dead, live)
}

// seatGrants are the links below grants that are live for the request and may fill seats of a requirement.
func (b *bound) seatGrants(req *Requirement) (list []Authority) {
	for _, g := range b.grants() {
		if !slices.Contains(g.May, approvePrefix+req.ID) || len(g.misses(b, nil)) > 0 {
			continue
		}
		for _, a := range b.authorities() {
			if a.Root == g.ID && b.usable(&a, g) {
				list = append(list, a)
			}
		}
	}
	return list
}

// grants are those of the document and those that were issued beside it. What was issued with a condition, or with a
// quota that the document does not know, cannot be held to it and gives nothing.
func (b *bound) grants() []*grantDoc {
	list := b.doc.grants
	for i := range b.req.Grants {
		e := &b.req.Grants[i]
		if e.Kind != GrantIssued || e.Employer != b.req.Employer || e.At.After(b.req.Now) || e.Grant.When != "" ||
			(e.Grant.Role == "") == (e.Grant.Person == "") || e.Grant.ID == "" || e.Grant.Until.IsZero() ||
			slices.ContainsFunc(list, func(g *grantDoc) bool { return g.ID == e.Grant.ID }) {
			continue
		}
		quotas, known := b.doc.quotasNamed(e.Grant.Quotas)
		if !known {
			continue
		}
		list = append(slices.Clip(list), &grantDoc{Grant: e.Grant, quotas: quotas})
	}
	return list
}

func (doc *document) quotasNamed(ids []string) (list []*Quota, known bool) {
	for _, id := range ids {
		at := slices.IndexFunc(doc.quotas, func(q *quotaDoc) bool { return q.ID == id })
		if at < 0 {
			return nil, false
		}
		list = append(list, &doc.quotas[at].Quota)
	}
	return list, true
}

// authorities folds the employer's grants, with what the request says was revoked.
func (b *bound) authorities() []Authority {
	if len(b.req.Grants) == 0 {
		return nil
	}
	var events []GrantEvent
	for _, g := range b.doc.grants {
		events = append(events, g.Issued(b.req.Employer))
	}
	for _, id := range b.req.Revoked {
		events = append(events, GrantEvent{Kind: GrantRevoked, Employer: b.req.Employer, Grant: Grant{ID: id}})
	}
	for _, e := range b.req.Grants {
		if e.Employer == b.req.Employer {
			events = append(events, e)
		}
	}
	return FoldGrants(events, b.req.RolesNow, b.req.Now)
}

// withdrawn reports whether the employer took back a grant of its document, or one it issued beside it.
func (b *bound) withdrawn(id string) bool {
	return slices.Contains(b.req.Revoked, id) || slices.ContainsFunc(b.req.Grants, func(e GrantEvent) bool {
		return e.Kind == GrantRevoked && e.Employer == b.req.Employer && e.Grant.ID == id && e.Person == "" && !e.At.After(b.req.Now)
	})
}

// usable reports whether a link below a grant asks for nothing that the request cannot be held to: it adds no condition,
// and the quotas it adds hold.
func (b *bound) usable(a *Authority, g *grantDoc) bool {
	if len(a.Via) == 0 || len(a.When) > 1 || len(a.When) == 1 && a.When[0] != g.When {
		return false
	}
	quotas, known := b.doc.quotasNamed(without(a.Quotas, g.Quotas))
	return known && !slices.ContainsFunc(quotas, func(q *Quota) bool {
		_, _, why := q.check(b)
		return len(why) > 0
	})
}

// heldByChain reports whether the acting person holds a link below a grant that reaches the request.
func (b *bound) heldByChain(g *grantDoc, also func(*Authority) bool) bool {
	roles, _ := b.frame.Strings(b.slot(attrRoles))
	return slices.ContainsFunc(b.authorities(), func(a Authority) bool {
		return a.Root == g.ID && a.heldBy(b.text(attrActor), roles) && also(&a) &&
			a.covers(string(b.req.Action), b.req.Category, b.req.Now, b.attribute) && b.usable(&a, g) && b.endsWithin(&a)
	})
}

// endsWithin reports whether what is published ends before the link does.
func (b *bound) endsWithin(a *Authority) bool {
	end, ok := b.instant(attrEnd)
	return b.req.Action != Publish || a.Until.IsZero() || ok && !end.After(a.Until)
}

// attribute returns one of the request's attributes that is released.
func (b *bound) attribute(name string) (Value, bool) {
	slot, known := b.frame.Table().Lookup(name)
	if !known || b.frame.Withheld(slot) {
		return Value{}, false
	}
	v, ok := b.req.Attrs[name]
	return v, ok
}

func (b *bound) unwithheld() Attrs {
	attrs := maps.Clone(b.req.Attrs)
	maps.DeleteFunc(attrs, func(name string, _ Value) bool { _, ok := b.attribute(name); return !ok })
	return attrs
}
