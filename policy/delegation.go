package policy

import (
	"slices"
	"time"
)

// Delegation is how far those who may fill a seat may hand it on. The zero value allows none.
type Delegation struct {
	Depth  int           `json:"depth"`            // how many hands it may pass through
	Within time.Duration `json:"within,omitempty"` // how long one hand-over lasts at most; 0: as long as it says
}

// maxDepth bounds the hops of any chain of authority.
const maxDepth = 8

// Op compares an attribute with a bound.
type Op string

// The comparisons. Both bounds are inclusive.
const (
	AtLeast Op = "at_least"
	AtMost  Op = "at_most"
)

// Bound is a limit that a delegation adds: an attribute of kind int, or of kind duration in nanoseconds, and how it must
// compare with a value. A bound on an attribute that is absent, withheld or of another kind is not kept.
type Bound struct {
	Attr  string `json:"attr"`
	Op    Op     `json:"op"`
	Value int64  `json:"value"`
}

// kept reports whether a request keeps the bound.
func (l Bound) kept(get func(name string) (Value, bool)) bool {
	v, ok := get(l.Attr)
	if !ok || v.kind != KindInt && v.kind != KindDuration {
		return false
	}
	switch l.Op {
	case AtLeast:
		return v.num >= l.Value
	case AtMost:
		return v.num <= l.Value
	}
	return false
}

// meetBounds keeps of each attribute the tighter bounds, in a fixed order.
func meetBounds(a, b []Bound) []Bound {
	var met []Bound
	for _, l := range slices.Concat(a, b) {
		at := slices.IndexFunc(met, func(m Bound) bool { return m.Attr == l.Attr && m.Op == l.Op })
		switch {
		case at < 0:
			met = append(met, l)
		case l.Op == AtLeast:
			met[at].Value = max(met[at].Value, l.Value)
		default:
			met[at].Value = min(met[at].Value, l.Value)
		}
	}
	return met
}

// meetCategories is what both lists of heads cover; an empty list covers everything. It reports whether anything is left.
func meetCategories(a, b []string) ([]string, bool) {
	if len(a) == 0 || len(b) == 0 {
		return slices.Concat(a, b), true
	}
	var met []string
	for _, x := range a {
		for _, y := range b {
			switch {
			case covers(x, y):
				met = append(met, y)
			case covers(y, x):
				met = append(met, x)
			}
		}
	}
	slices.Sort(met)
	met = slices.Compact(met)
	return met, len(met) > 0
}

// keptAll reports whether a request lies in the categories and keeps the bounds.
func keptAll(categories []string, bounds []Bound, category string, get func(string) (Value, bool)) bool {
	return (len(categories) == 0 || coveredByAny(categories, category)) &&
		!slices.ContainsFunc(bounds, func(l Bound) bool { return !l.kept(get) })
}

// span is a stretch of time, from inclusive and until exclusive; a zero bound is open.
type span = validity

func meetSpans(a, b span) span {
	s := span{from: a.from, until: earliest(a.until, b.until)}
	if b.from.After(s.from) {
		s.from = b.from
	}
	return s
}

// handOver is one resolved chain of approval.delegated events, from the one who holds the roles to the one who may vote.
type handOver struct {
	via        []string // the people, from the holder to the last who handed on
	to         string
	roles      []string
	categories []string
	bounds     []Bound
	span       span
	left       int // how many more hands it may pass through
}

// chains resolves delegations of one flow.
type chains struct {
	req     *Requirement
	facts   *Facts
	events  []ApprovalEvent // that exist at now, each once, of one employer
	places  map[string]int  // of the events, by id
	revoked map[string]bool // ids of events taken back by now
}

func newChains(req *Requirement, events []ApprovalEvent, facts *Facts, now time.Time) *chains {
	c := &chains{req: req, facts: facts, events: existing(events, facts, now), places: map[string]int{}, revoked: map[string]bool{}}
	for i := range c.events {
		c.places[c.events[i].ID] = i
	}
	c.takeBack()
	return c
}

// find returns the place of the hand-over with an id, which stands before another event in the ledger.
func (c *chains) find(id string, before int) (at int, ok bool) {
	at, ok = c.places[id]
	return at, ok && at < before && c.events[at].Kind == ApprovalDelegated
}

// handOver resolves the delegation with an id that stands before a place. It fails for one that is unknown, taken back,
// about something else, without an end, deeper than allowed, in a ring, or of another employer than its parent; so does
// everything below it. The delegation of a seat thus never gives more than its delegator had.
func (c *chains) handOver(id string, before, hops int) (*handOver, bool) {
	at, ok := c.find(id, before)
	if !ok || hops == 0 {
		return nil, false
	}
	e := &c.events[at]
	switch {
	case c.revoked[e.ID], e.Person == "", e.To == "", e.Until.IsZero(), e.Depth < 0:
		return nil, false
	case e.Requirement != "" && e.Requirement != c.req.ID:
		return nil, false
	case e.Binding != [32]byte{} && e.Binding != c.facts.Binding:
		return nil, false
	}
	own := handOver{via: []string{e.Person}, to: e.To, roles: e.Roles, categories: e.Categories, bounds: e.Bounds,
		span: span{from: e.At, until: c.req.Delegation.end(e)}, left: e.Depth}
	up := &handOver{to: e.Person, roles: e.Roles, left: min(c.req.Delegation.Depth, maxDepth)}
	if e.Under != "" {
		if up, ok = c.handOver(e.Under, at, hops-1); !ok || c.events[c.place(e.Under)].Employer != e.Employer {
			return nil, false
		}
	}
	return up.below(&own)
}

func (c *chains) place(id string) int {
	at, _ := c.find(id, len(c.events))
	return at
}

// end is when a hand-over ends.
func (d Delegation) end(e *ApprovalEvent) time.Time {
	if d.Within <= 0 {
		return e.Until
	}
	return earliest(e.Until, e.At.Add(d.Within))
}

// below is the meet of a chain with one more hop.
func (h *handOver) below(own *handOver) (*handOver, bool) {
	delegator := own.via[0]
	if h.left < 1 || delegator != h.to || slices.Contains(h.via, own.to) || own.to == delegator {
		return nil, false
	}
	categories, some := meetCategories(h.categories, own.categories)
	roles := shared(own.roles, h.roles)
	if !some || len(roles) == 0 {
		return nil, false
	}
	return &handOver{
		via: append(slices.Clone(h.via), delegator), to: own.to, roles: roles,
		categories: categories, bounds: meetBounds(h.bounds, own.bounds),
		span: meetSpans(h.span, own.span), left: min(own.left, h.left-1),
	}, true
}

// covers reports whether the chain is live for a vote of a person, at the vote and now.
func (h *handOver) covers(person string, at, now time.Time, facts *Facts) bool {
	get := func(name string) (Value, bool) { v, ok := facts.Attrs[name]; return v, ok }
	return h.to == person && h.span.live(at) && h.span.live(now) && keptAll(h.categories, h.bounds, facts.Category, get)
}

func (d *decoder) delegation(n *node, a *approvalDoc) {
	d.object(n, "delegation",
		field{"depth", true, func(n *node) { a.Delegation.Depth = int(d.integer(n, "depth", 1, maxDepth)) }},
		field{"within", false, func(n *node) { a.Delegation.Within = d.duration(n, "within", time.Second) }})
}
