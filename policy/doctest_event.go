package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// The events of a test row: `approvals`, votes with their requests, hand-overs and revocations, and `grant_events`, what was
// issued beside the document, handed on or taken back. Both are read in ledger order; a name that an event goes back to
// must stand before it.

// approvalWords are the kinds of approval events, as rows write them.
var approvalWords = map[string]ApprovalKind{"requested": ApprovalRequested, "granted": ApprovalGranted, "denied": ApprovalDenied,
	"revoked": ApprovalRevoked, "delegated": ApprovalDelegated}

// grantWords are the kinds of grant events.
var grantWords = map[string]GrantKind{"issued": GrantIssued, "delegated": GrantDelegated, "revoked": GrantRevoked}

// eventRefs are the names in a row's events that the whole document knows.
type eventRefs struct {
	requirements, quotas, grants, under []ref // under: a hand-over, else a grant
}

func (d *decoder) approvalEvent(n *node, row *testRow) {
	e := ApprovalEvent{}
	var kind string
	d.object(n, "approval",
		field{"kind", true, func(n *node) { kind = d.oneOf(n, "kind", "requested", "granted", "denied", "revoked", "delegated") }},
		field{"at", true, func(n *node) { e.At = d.time(n, "at") }},
		field{"id", false, func(n *node) { e.ID = d.word(n, "id") }},
		field{"requirement", false, func(n *node) {
			e.Requirement = d.word(n, "requirement")
			row.events.requirements = append(row.events.requirements, ref{e.Requirement, n.place})
		}},
		field{"person", false, func(n *node) { e.Person = d.text(n, "person") }},
		field{"roles", false, func(n *node) { e.Roles = d.words(n, "roles", maxListed) }},
		field{"under", false, func(n *node) {
			e.Under = d.word(n, "under")
			if !handsOver(row.Request.Approvals, e.Under) {
				row.events.under = append(row.events.under, ref{e.Under, n.place})
			}
		}},
		field{"revokes", false, func(n *node) {
			e.Revokes = d.word(n, "revokes")
			if !slices.ContainsFunc(row.Request.Approvals, func(old ApprovalEvent) bool { return old.ID == e.Revokes }) {
				d.fail(n, "revokes: no event before it is called '%s'%s", clip(e.Revokes), expr.Suggest(e.Revokes, approvalIDs(row.Request.Approvals)))
			}
		}},
		field{"to", false, func(n *node) { e.To = d.text(n, "to") }},
		field{"until", false, func(n *node) { e.Until = d.time(n, "until") }},
		field{"depth", false, func(n *node) { e.Depth = int(d.integer(n, "depth", 0, maxDepth)) }},
		field{"categories", false, func(n *node) { e.Categories = d.categories(n) }},
		field{"at_least", false, func(n *node) { e.Bounds = append(e.Bounds, d.bounds(n, AtLeast)...) }},
		field{"at_most", false, func(n *node) { e.Bounds = append(e.Bounds, d.bounds(n, AtMost)...) }})
	e.Kind = approvalWords[kind]
	d.approvalShape(n, &e, row)
	row.Request.Approvals = append(row.Request.Approvals, e)
}

// handsOver reports whether a hand-over with an id is among the events.
func handsOver(events []ApprovalEvent, id string) bool {
	return slices.ContainsFunc(events, func(e ApprovalEvent) bool { return e.Kind == ApprovalDelegated && e.ID == id })
}

func approvalIDs(events []ApprovalEvent) (ids []string) {
	for _, e := range events {
		ids = append(ids, e.ID)
	}
	return ids
}

// approvalShape checks that an event says what its kind needs and nothing else, and names one that has no id by its
// place.
func (d *decoder) approvalShape(n *node, e *ApprovalEvent, row *testRow) {
	var must []string
	may := []string{"kind", "at", "id"}
	switch e.Kind {
	case ApprovalRequested:
		may = append(may, "requirement")
	case ApprovalGranted, ApprovalDenied:
		must = []string{"person"}
		may = append(may, "requirement", "roles", "under")
	case ApprovalRevoked:
		must = []string{"revokes"}
		may = append(may, "person")
	case ApprovalDelegated:
		must = []string{"id", "person", "roles", "to", "until"}
		may = append(may, "requirement", "under", "depth", "categories", "at_least", "at_most")
	}
	d.kindShape(n, "approval", string(e.Kind), must, may)
	if slices.Contains(approvalIDs(row.Request.Approvals), e.ID) {
		d.fail(n, "approval: id '%s' stands twice", clip(e.ID))
	}
	if e.ID == "" {
		e.ID = fmt.Sprintf(" %d", len(row.Request.Approvals)) // no word has a blank
	}
}

// kindShape reports keys that are missing from an event of a kind, and those that it has no use for.
func (d *decoder) kindShape(n *node, what, kind string, must, may []string) {
	if n.form != formObject || kind == "" {
		return
	}
	_, kind, _ = strings.Cut(kind, ".")
	for _, key := range must {
		if n.child(key) == nil {
			d.fail(n, "%s: '%s' is missing, which a %s one needs", what, key, kind)
		}
	}
	for _, key := range n.keys {
		if !slices.Contains(must, key.text) && !slices.Contains(may, key.text) {
			d.fail(key, "%s: '%s' means nothing in a %s one", what, clip(key.text), kind)
		}
	}
}

// bounds reads limits by attribute: numbers, or lengths of time where the attribute is one.
func (d *decoder) bounds(n *node, op Op) (list []Bound) {
	if n.form != formObject {
		d.fail(n, "%s: want an object, got %s", op, formNames[n.form])
		return nil
	}
	for i, key := range n.keys {
		a, known := d.schema.attrs[key.text]
		switch {
		case !known:
			d.fail(key, "%s: %s", op, d.schema.unknownAttribute(key.text))
		case a.Kind == KindInt:
			list = append(list, Bound{key.text, op, d.integer(n.items[i], a.Name, -1<<53, 1<<53)})
		case a.Kind == KindDuration:
			list = append(list, Bound{key.text, op, int64(d.duration(n.items[i], a.Name, 0))})
		default:
			d.fail(key, "%s: '%s' is of kind %s, want int or duration", op, a.Name, a.Kind)
		}
	}
	return list
}

func (d *decoder) grantEvent(n *node, row *testRow) {
	e := GrantEvent{}
	g := &grantDoc{Grant: Grant{AtExpiry: "finish"}}
	var kind string
	var id, parent ref
	refs := &row.events
	d.object(n, "grant event",
		field{"kind", true, func(n *node) { kind = d.oneOf(n, "kind", "issued", "delegated", "revoked") }},
		field{"at", true, func(n *node) { e.At = d.time(n, "at") }},
		field{"id", true, func(n *node) { g.ID = d.word(n, "id"); id = ref{g.ID, n.place} }},
		field{"parent", false, func(n *node) { e.Parent = d.word(n, "parent"); parent = ref{e.Parent, n.place} }},
		field{"person", false, func(n *node) { e.Person = d.text(n, "person") }},
		field{"roles", false, func(n *node) { e.Roles = d.words(n, "roles", maxListed) }},
		field{"to", false, func(n *node) { d.grantee(n, g) }},
		field{"may", false, func(n *node) { d.list(n, "may", maxListed, func(n *node) { d.may(n, g) }) }},
		field{"categories", false, func(n *node) { g.Categories = d.categories(n) }},
		field{"at_least", false, func(n *node) { g.Bounds = append(g.Bounds, d.bounds(n, AtLeast)...) }},
		field{"at_most", false, func(n *node) { g.Bounds = append(g.Bounds, d.bounds(n, AtMost)...) }},
		field{"quotas", false, func(n *node) {
			g.quotaRefs = d.refs(n, "quotas")
			refs.quotas = append(refs.quotas, g.quotaRefs...)
		}},
		field{"discharges", false, func(n *node) {
			g.discharge = d.refs(n, "discharges")
			refs.requirements = append(refs.requirements, g.discharge...)
		}},
		field{"depth", false, func(n *node) { g.Depth = int(d.integer(n, "depth", 0, maxDepth)) }},
		field{"valid", false, func(n *node) { v := d.validity(n, false); g.From, g.Until = v.from, v.until }},
		field{"at_expiry", false, func(n *node) { g.AtExpiry = d.oneOf(n, "at_expiry", "end", "finish") }})
	refs.requirements = append(refs.requirements, g.mayRefs...)
	for _, r := range g.quotaRefs {
		g.Quotas = append(g.Quotas, r.id)
	}
	for _, r := range g.discharge {
		g.Discharges = append(g.Discharges, r.id)
	}
	e.Kind, e.Grant = grantWords[kind], g.Grant
	d.grantShape(n, &e)
	switch {
	case e.Kind == GrantRevoked:
		parent = id
	case e.Kind == GrantIssued && g.From.IsZero():
		e.Grant.From = e.At
	}
	d.grantPlace(row, &e, id, parent)
	row.Request.Grants = append(row.Request.Grants, e)
}

// grantPlace checks an event against those before it. What none of them is called the document may know.
func (d *decoder) grantPlace(row *testRow, e *GrantEvent, id, parent ref) {
	if parent.id != "" && !slices.Contains(grantIDs(row.Request.Grants), parent.id) {
		row.events.grants = append(row.events.grants, parent)
	}
	if e.Kind != GrantRevoked && slices.Contains(grantIDs(row.Request.Grants), id.id) {
		d.fail(id.at, "grant event: id '%s' stands twice", clip(id.id))
	}
}

func grantIDs(events []GrantEvent) (ids []string) {
	for _, e := range events {
		if e.Kind != GrantRevoked {
			ids = append(ids, e.Grant.ID)
		}
	}
	return ids
}

func (d *decoder) grantShape(n *node, e *GrantEvent) {
	may := []string{"kind", "at", "id"}
	shape := []string{"may", "categories", "at_least", "at_most", "quotas", "discharges", "depth", "valid", "at_expiry"}
	switch e.Kind {
	case GrantIssued:
		d.kindShape(n, "grant event", string(e.Kind), []string{"to", "may", "categories", "valid"}, append(may, shape...))
		if v := n.child("valid"); v != nil && e.Grant.Until.IsZero() {
			d.fail(v, "valid: 'until' is missing")
		}
	case GrantDelegated:
		d.kindShape(n, "grant event", string(e.Kind), []string{"to", "parent", "person"}, append(append(may, "roles"), shape...))
	case GrantRevoked:
		d.kindShape(n, "grant event", string(e.Kind), nil, append(may, "person"))
	}
}

// eventNames resolves the names in a row's events against the document.
func (d *decoder) eventNames(row *testRow) {
	for _, r := range row.events.requirements {
		d.requirement(r)
	}
	d.quotaRefs(row.events.quotas)
	ids := make([]string, len(d.doc.grants))
	for i, g := range d.doc.grants {
		ids[i] = g.ID
	}
	for _, r := range row.events.grants {
		if !slices.Contains(ids, r.id) {
			d.fail(r.at, "grant event: no grant before it is called '%s'%s", clip(r.id), expr.Suggest(r.id, append(ids, grantIDs(row.Request.Grants)...)))
		}
	}
	links := grantIDs(row.Request.Grants)
	for _, r := range row.events.under {
		if !slices.Contains(links, r.id) {
			d.fail(r.at, "under: no hand-over before it and no grant event is called '%s'%s", clip(r.id),
				expr.Suggest(r.id, append(links, approvalIDs(row.Request.Approvals)...)))
		}
	}
	for i := range row.Request.Approvals {
		row.Request.Approvals[i].Employer = d.doc.employer
	}
	for i := range row.Request.Grants {
		row.Request.Grants[i].Employer = d.doc.employer
	}
	d.latest(row)
}

// latest moves the time of a row that names none to its last event.
func (d *decoder) latest(row *testRow) {
	if row.timed {
		return
	}
	note := func(at time.Time) {
		if at.After(row.Request.Now) {
			row.Request.Now = at
		}
	}
	for _, e := range row.Request.Approvals {
		note(e.At)
	}
	for _, e := range row.Request.Grants {
		note(e.At)
	}
}
