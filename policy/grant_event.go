package policy

import (
	"slices"
	"strings"
	"time"
)

// GrantKind is what happened to a grant.
type GrantKind string

// The kinds. Expiry is computed, not an event.
const (
	GrantIssued    GrantKind = "grant.issued"    // the employer gives authority
	GrantDelegated GrantKind = "grant.delegated" // a holder hands a part of it on
	GrantRevoked   GrantKind = "grant.revoked"   // the employer or somebody above takes it back
)

// GrantEvent is one entry of the ledger about grants. Events are passed in ledger order.
type GrantEvent struct {
	Kind     GrantKind `json:"kind"`
	Employer string    `json:"employer"`
	Grant    Grant     `json:"grant"`            // issued, delegated: the new link, its id unique per employer; revoked: its id
	Parent   string    `json:"parent,omitempty"` // delegated: id of the link it hangs on
	Person   string    `json:"person,omitempty"` // who did it; a revocation without one is the employer's own
	Roles    []string  `json:"roles,omitempty"`  // delegated: held by Person then
	At       time.Time `json:"at"`               // events after now do not exist yet
}

// Issued returns the event by which an employer's document gives the grant, at the grant's own beginning.
func (g Grant) Issued(employer string) GrantEvent {
	return GrantEvent{Kind: GrantIssued, Employer: employer, Grant: g.clone(), At: g.From}
}

// Authority is what the last link of a chain of grants may do: the meet of all links.
type Authority struct {
	ID         string    `json:"id"`   // of the last link
	Root       string    `json:"root"` // of the first
	Employer   string    `json:"employer"`
	Role       string    `json:"role,omitempty"`   // who holds it: holders of this role …
	Person     string    `json:"person,omitempty"` // … or this person
	Via        []string  `json:"via,omitempty"`    // who handed it on, first the one who holds the root; none: it is the root
	Seat       string    `json:"seat,omitempty"`   // the root's role, whose seats "approve:" fills
	May        []string  `json:"may"`
	Categories []string  `json:"categories,omitempty"` // none: all
	When       []string  `json:"when,omitempty"`       // conditions that hold together; the Set evaluates them
	Bounds     []Bound   `json:"bounds,omitempty"`
	Quotas     []string  `json:"quotas,omitempty"` // they hold together
	Discharges []string  `json:"discharges,omitempty"`
	From       time.Time `json:"from,omitzero"`  // inclusive; zero: open
	Until      time.Time `json:"until,omitzero"` // exclusive; zero: open
	Depth      int       `json:"depth"`          // how often it may still be handed on
	AtExpiry   string    `json:"atExpiry"`       // "end" if any link says so, else "finish"

	roles []string // that held it on the way
}

// FoldGrants returns every authority that is live at now, sorted by employer and id. It is a pure function: duplicates, in
// whatever place, and events after now change nothing.
//
// A link narrows the one it hangs on: it never reaches further in what it may, where, within which bounds, for how long and
// how often it may be handed on. What it leaves empty (May, Categories, Until) it takes over; what it discharges it must
// say. Revoking a link, its end, or the loss of the role by which its giver held it (rolesNow by person; nil: as at the
// event) ends everything below. A link that hangs on an unknown, later or foreign one, that somebody gives who does not
// hold its parent, that is handed on too often, or that comes back to one of its holders, gives nothing. Of two links with
// one id the first counts. It costs O(events × depth).
func FoldGrants(events []GrantEvent, rolesNow map[string][]string, now time.Time) []Authority {
	f := &grantFold{known: map[grantID]*Authority{}, rolesNow: rolesNow}
	for i := range events {
		if e := &events[i]; !e.At.After(now) && e.Kind == GrantRevoked {
			f.revocations = append(f.revocations, e)
		}
	}
	f.links(events, now)
	var list []Authority
	for _, id := range f.order {
		if a := f.known[id]; a != nil && f.live(a, now) {
			list = append(list, *a)
		}
	}
	slices.SortFunc(list, func(a, b Authority) int {
		if c := strings.Compare(a.Employer, b.Employer); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return list
}

type grantID struct{ employer, id string }

type grantFold struct {
	known       map[grantID]*Authority // nil: a link that gives nothing
	order       []grantID
	revocations []*GrantEvent
	rolesNow    map[string][]string
}

// links resolves every link after the one it hangs on. A link that was taken back gives nothing, at any time.
func (f *grantFold) links(events []GrantEvent, now time.Time) {
	for i := range events {
		e := &events[i]
		id := grantID{e.Employer, e.Grant.ID}
		if _, again := f.known[id]; again || e.At.After(now) || e.Grant.ID == "" {
			continue
		}
		switch e.Kind {
		case GrantIssued:
			f.known[id] = f.issued(e)
		case GrantDelegated:
			f.known[id] = f.delegated(e)
		default:
			continue
		}
		f.order = append(f.order, id)
	}
}

func (f *grantFold) issued(e *GrantEvent) *Authority {
	g := e.Grant.clone()
	if (g.Role == "") == (g.Person == "") || f.takenBack(e, nil) {
		return nil
	}
	a := &Authority{ID: g.ID, Root: g.ID, Employer: e.Employer, Role: g.Role, Person: g.Person, Seat: g.Role, May: g.May,
		Categories: g.Categories, Bounds: meetBounds(nil, g.Bounds), Quotas: g.Quotas, Discharges: g.Discharges,
		From: g.From, Until: g.Until, Depth: min(g.Depth, maxDepth), AtExpiry: g.AtExpiry}
	if g.When != "" {
		a.When = []string{g.When}
	}
	if g.Role != "" {
		a.roles = []string{g.Role}
	}
	return a
}

// delegated is the meet of a link with the one it hangs on; nil if it gives nothing.
func (f *grantFold) delegated(e *GrantEvent) *Authority {
	up := f.known[grantID{e.Employer, e.Parent}]
	g := &e.Grant
	switch {
	case up == nil, up.Depth < 1, g.Depth < 0, (g.Role == "") == (g.Person == ""):
		return nil
	case !f.gives(up, e), f.comesBack(up, e), f.takenBack(e, up):
		return nil
	}
	below := *up
	below.ID, below.Role, below.Person = g.ID, g.Role, g.Person
	below.Via = append(slices.Clone(up.Via), e.Person)
	below.roles = append(slices.Clone(up.roles), g.Role)
	if len(g.May) > 0 {
		below.May = shared(up.May, g.May)
	}
	var some bool
	below.Categories, some = meetCategories(up.Categories, g.Categories)
	if g.When != "" {
		below.When = append(slices.Clone(up.When), g.When)
	}
	below.Bounds = meetBounds(up.Bounds, g.Bounds)
	below.Quotas = together(up.Quotas, g.Quotas)
	below.Discharges = shared(up.Discharges, g.Discharges)
	s := meetSpans(meetSpans(span{up.From, up.Until}, span{g.From, g.Until}), span{from: e.At})
	below.From, below.Until = s.from, s.until
	below.Depth = min(up.Depth-1, g.Depth)
	if g.AtExpiry == "end" {
		below.AtExpiry = "end"
	}
	if !some || len(below.May) == 0 {
		return nil
	}
	return &below
}

// gives reports whether the person who hands on held the parent when they did, and holds it now.
func (f *grantFold) gives(up *Authority, e *GrantEvent) bool {
	s := span{up.From, up.Until}
	switch {
	case e.Person == "" || !s.live(e.At):
		return false
	case up.Person != "":
		return e.Person == up.Person && f.there(e.Person)
	}
	return slices.Contains(e.Roles, up.Role) && (f.rolesNow == nil || slices.Contains(f.rolesNow[e.Person], up.Role))
}

func (f *grantFold) there(person string) bool {
	_, there := f.rolesNow[person]
	return there || f.rolesNow == nil
}

// comesBack reports whether a link returns to somebody above.
func (f *grantFold) comesBack(up *Authority, e *GrantEvent) bool {
	if e.Grant.Role != "" {
		return slices.Contains(up.roles, e.Grant.Role)
	}
	return e.Grant.Person == e.Person || slices.Contains(up.Via, e.Grant.Person) || e.Grant.Person == up.Person
}

// takenBack reports whether the employer, the giver, or somebody above has revoked a link.
func (f *grantFold) takenBack(e *GrantEvent, up *Authority) bool {
	return slices.ContainsFunc(f.revocations, func(r *GrantEvent) bool {
		return r.Employer == e.Employer && r.Grant.ID == e.Grant.ID &&
			(r.Person == "" || r.Person == e.Person || up != nil && slices.Contains(up.Via, r.Person))
	})
}

func (f *grantFold) live(a *Authority, now time.Time) bool {
	return span{a.From, a.Until}.live(now) && (a.Person == "" || f.there(a.Person))
}

// together returns the words of both, sorted.
func together(a, b []string) []string {
	both := slices.Concat(a, b)
	slices.Sort(both)
	return slices.Compact(both)
}

// Covers reports whether the authority reaches an action, or "approve:" and the id of a requirement, in a category at a
// time, within its bounds. It does not look at When and Quotas, which the employer's Set knows.
func (a *Authority) Covers(may, category string, attrs Attrs, at time.Time) bool {
	return a.covers(may, category, at, func(name string) (Value, bool) { v, ok := attrs[name]; return v, ok })
}

func (a *Authority) covers(may, category string, at time.Time, get func(string) (Value, bool)) bool {
	return slices.Contains(a.May, may) && span{a.From, a.Until}.live(at) && keptAll(a.Categories, a.Bounds, category, get)
}

// seats reports whether the link lets a vote fill a seat of a requirement, at the vote and now. That its root's condition
// and quotas hold is for the caller to see to.
func (a *Authority) seats(req *Requirement, e *ApprovalEvent, facts *Facts, now time.Time) bool {
	get := func(name string) (Value, bool) { v, ok := facts.Attrs[name]; return v, ok }
	held := a.Person == e.Person || a.Role != "" && slices.Contains(e.Roles, a.Role) &&
		(facts.RolesNow == nil || slices.Contains(facts.RolesNow[e.Person], a.Role))
	return held && a.Employer == e.Employer && a.Seat != "" && len(a.Via) > 0 && span{a.From, a.Until}.live(e.At) &&
		a.covers(approvePrefix+req.ID, facts.Category, now, get)
}

// heldBy reports whether a person with these roles holds the link.
func (a *Authority) heldBy(person string, roles []string) bool {
	return a.Person != "" && a.Person == person || a.Role != "" && slices.Contains(roles, a.Role)
}
