package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Grant is an employer's statement that a role or a person may act for it, within bounds. A rule with
// `authority: grant` applies only inside a live grant.
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

// byActor tells which actions somebody does in person. For the others the engine acts, and it is enough that the
// employer holds the grant.
func byActor(a Action) bool { return a == Publish || a == Register }

// actions is a grant's `may` without the approvals.
func (g *grantDoc) mayAct(a Action) bool { return slices.Contains(g.May, string(a)) }

// to names the grantee as the document does. The person of a personal grant is not named.
func (g *grantDoc) to() string {
	if g.Role != "" {
		return "role " + g.Role
	}
	return "a named person"
}

// heldByActor reports whether the acting person is one to whom the grant is made.
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
			list = append(list, miss{text: q.ID + ": " + w, quota: q.ID})
		}
	}
	return list
}

// outside checks category and time. For publish the offer must also end before the grant does: it would otherwise
// promise what nobody may promise then. Any other action needs the grant only at the moment itself.
func (g *grantDoc) outside(b *bound) (list []miss) {
	say := func(format string, args ...any) { list = append(list, miss{text: fmt.Sprintf(format, args...)}) }
	if !coveredByAny(g.Categories, b.req.Category) {
		say("covers %s only", strings.Join(g.Categories, ", "))
	}
	if slices.Contains(b.req.Revoked, g.ID) {
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

// unmet names the clauses of `when` that do not hold.
func (g *grantDoc) unmet(b *bound) (list []miss) {
	if g.when == nil {
		return nil
	}
	for _, f := range failures(g.when, b.frame, "grant "+g.ID) {
		list = append(list, miss{text: f.text, tainted: f.tainted})
	}
	return list
}

// covered reports whether one of the employer's grants lets the request through a rule with `authority: grant`, and which.
// If none does, it says why for each grant that may do the action at all.
func (b *bound) covered(r *rule, headroom map[string]time.Duration) (by *grantDoc, reasons []Reason) {
	for _, g := range b.doc.grants {
		if !g.mayAct(b.req.Action) {
			continue
		}
		misses := g.misses(b, headroom)
		if byActor(b.req.Action) && !g.heldByActor(b) {
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
		list = append(list, Reason{Rule: "grant:" + g.ID, Text: m.text, Tainted: m.tainted})
		if m.quota != "" {
			list = append(list, Reason{Rule: "quota:" + m.quota, Text: strings.TrimPrefix(m.text, m.quota+": ")})
		}
	}
	return list
}

// discharged reports whether a live grant pre-approves the requirement for this request.
func (b *bound) discharged(req *Requirement) bool {
	return slices.ContainsFunc(b.doc.grants, func(g *grantDoc) bool {
		return slices.Contains(g.Discharges, req.ID) && g.mayAct(b.req.Action) && len(g.misses(b, nil)) == 0 &&
			(!byActor(b.req.Action) || g.heldByActor(b))
	})
}

// seatable drops, from the roles of votes, those that may fill a seat of the requirement only by a grant which is not
// live for this request. Roles that no grant names for it keep their own authority.
func (b *bound) seatable(req *Requirement) []Vote {
	dead := b.deadRoles(req)
	if len(dead) == 0 {
		return b.req.Votes
	}
	votes := slices.Clone(b.req.Votes)
	for i := range votes {
		votes[i].Roles = slices.DeleteFunc(slices.Clone(votes[i].Roles), func(r string) bool { return slices.Contains(dead, r) })
	}
	return votes
}

func (b *bound) deadRoles(req *Requirement) []string {
	var dead, live []string
	for _, g := range b.doc.grants {
		switch {
		case !slices.Contains(g.May, approvePrefix+req.ID):
		case len(g.misses(b, nil)) == 0:
			live = append(live, g.Role)
		default:
			dead = append(dead, g.Role)
		}
	}
	return slices.DeleteFunc(dead, func(r string) bool { return slices.Contains(live, r) })
}
