package policy

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What people hand on or issue by events is checked before it is recorded. The folds ignore what gives nothing; whoever
// records it wants to hear so.

// CheckHandOver reports why a hand-over that would follow the given events gives nothing under an employer's rules:
// somebody who may not hand on, roles that fill no seat, a parent that is unknown, ended or not the giver's, a ring, a depth
// or a time beyond what the requirement allows. It is looked at as at its own time.
//
// The error is a [*RequestError]. Its field is one of the event's ("id", "roles", …), or "requirement" for an employer
// without rules. It costs O(requirements × events × depth).
func (s *Set) CheckHandOver(events []ApprovalEvent, e ApprovalEvent) error {
	doc := s.document(e.Employer)
	if doc == nil {
		return &RequestError{Field: "requirement", Text: "is unknown: the employer has no document"}
	}
	if err := s.checkLink(link{e.ID, e.At, e.Until, e.Depth, e.Categories, e.Bounds}); err != nil {
		return err
	}
	if err := checkNames(name{"person", e.Person}, name{"to", e.To}); err != nil {
		return err
	}
	e.Kind = ApprovalDelegated
	all := append(slices.Clone(events), e)
	var why error = &RequestError{Field: "requirement", Text: "is none of the employer's that may be handed on"}
	for _, a := range doc.approvals {
		if e.Requirement != "" && e.Requirement != a.ID || a.Delegation.Depth < 1 {
			continue
		}
		if why = gives(&a.Requirement, all, &e); why == nil {
			return nil
		}
	}
	return why
}

// gives reports why the last of some events hands on no seat of a requirement.
func gives(req *Requirement, events []ApprovalEvent, e *ApprovalEvent) error {
	facts := &Facts{Employer: e.Employer}
	c := newChains(req, events, facts, e.At)
	h, ok := c.handOver(e.ID, len(c.events), maxDepth)
	switch {
	case e.Depth >= req.Delegation.Depth:
		return &RequestError{Field: "depth", Text: fmt.Sprintf("is %d, must be below %d by the rules", e.Depth, req.Delegation.Depth)}
	case !ok && e.Under != "":
		return &RequestError{Field: "under", Text: "is nothing in force that its giver could hand on in this way"}
	case !ok:
		return &RequestError{Field: "to", Text: "must be somebody else, and the roles must not be empty"}
	case len(shared(h.roles, slices.Concat(req.Seats, req.Escalate.Seats))) == 0:
		return &RequestError{Field: "roles", Text: "fill no seat"}
	case !h.span.live(e.At):
		return &RequestError{Field: "until", Text: "is over before it begins"}
	}
	return nil
}

// CheckGrant reports why a grant that would be issued or handed on after the given events gives nothing beside
// an employer's document: an unknown action, requirement, quota or attribute, a condition (only documents have
// them), or a parent that is unknown, ended, used up or not the giver's. Events are those on the ledger; what the document
// grants is added. It is looked at as at its own time. RolesNow are the roles held now, by person; nil: as at the events.
//
// The error is a [*RequestError] whose field is one of [Grant]'s, "parent", or "by" for who gives it. It costs [FoldGrants].
func (s *Set) CheckGrant(events []GrantEvent, e GrantEvent, rolesNow map[string][]string) error {
	doc := s.document(e.Employer)
	if doc == nil {
		return &RequestError{Field: "may", Text: "is unknown: the employer has no document"}
	}
	g := &e.Grant
	if err := s.checkLink(link{g.ID, e.At, g.Until, g.Depth, g.Categories, g.Bounds}); err != nil {
		return err
	}
	if err := checkNames(name{"person", g.Person}, name{"by", e.Person}); err != nil {
		return err
	}
	if err := doc.checkGrant(&e); err != nil {
		return err
	}
	var all []GrantEvent
	for _, d := range doc.grants {
		all = append(all, d.Issued(e.Employer))
	}
	all = append(append(all, events...), e)
	begins := e.At
	if g.From.After(begins) {
		begins = g.From
	}
	if !slices.ContainsFunc(FoldGrants(all, rolesNow, begins), func(a Authority) bool { return a.Employer == e.Employer && a.ID == g.ID }) {
		return &RequestError{Field: "parent", Text: "is nothing in force that its giver could hand on in this way"}
	}
	return nil
}

func (doc *document) checkGrant(e *GrantEvent) error {
	g := &e.Grant
	fault := func(field, text string) error { return &RequestError{Field: field, Text: text} }
	switch {
	case (g.Role == "") == (g.Person == ""):
		return fault("role", "or person must be given, and not both")
	case g.When != "":
		return fault("when", "is for documents alone: give bounds")
	case !g.From.IsZero() && !g.From.Before(g.Until):
		return fault("from", "must be before until")
	case !slices.Contains([]string{"", "end", "finish"}, g.AtExpiry):
		return fault("atExpiry", "is neither end nor finish")
	case e.Kind == GrantIssued && len(g.May) == 0:
		return fault("may", "is empty")
	case e.Kind == GrantIssued && len(g.Categories) == 0:
		return fault("categories", "is empty")
	}
	if _, known := doc.quotasNamed(g.Quotas); !known {
		return fault("quotas", "names one that the document does not have")
	}
	known := func(id string) bool {
		return slices.ContainsFunc(doc.approvals, func(a *approvalDoc) bool { return a.ID == id })
	}
	for i, may := range g.May {
		id, seat := strings.CutPrefix(may, approvePrefix)
		switch {
		case !seat && actionIndex(Action(may)) < 0, seat && !known(id):
			return fault("may["+strconv.Itoa(i)+"]", "is no action, nor approve: and an approval of the document")
		case seat && e.Kind == GrantIssued && g.Role == "":
			return fault("role", "must be given with approve:, since seats are roles")
		}
	}
	for i, id := range g.Discharges {
		if !known(id) {
			return fault("discharges["+strconv.Itoa(i)+"]", "is no approval of the document")
		}
	}
	return nil
}

// name is somebody, and where they are named.
type name struct{ field, who string }

// checkNames checks the names that are there.
func checkNames(list ...name) error {
	for _, n := range list {
		if n.who != "" {
			if err := CheckName(n.field, n.who); err != nil {
				return err
			}
		}
	}
	return nil
}

// link is what hand-overs and grants have in common.
type link struct {
	id         string
	at, until  time.Time
	depth      int
	categories []string
	bounds     []Bound
}

func (s *Schema) numeric(name string) bool {
	kind := s.attrs[name].Kind
	return kind == KindInt || kind == KindDuration
}

func (s *Set) checkLink(l link) error {
	fault := func(field, text string) error { return &RequestError{Field: field, Text: text} }
	switch {
	case !isWord(l.id):
		return fault("id", "is not a word of letters, digits, '_', '-' and '.', of at most 128")
	case l.until.IsZero():
		return fault("until", "is missing")
	case !l.at.Before(l.until):
		return fault("until", "is over")
	case l.depth < 0 || l.depth > maxDepth:
		return fault("depth", fmt.Sprintf("is %d, must be 0 to %d", l.depth, maxDepth))
	case len(l.categories) > maxListed:
		return fault("categories", fmt.Sprintf("has %d entries, at most %d", len(l.categories), maxListed))
	case len(l.bounds) > maxListed:
		return fault("bounds", fmt.Sprintf("has %d entries, at most %d", len(l.bounds), maxListed))
	}
	for i, c := range l.categories {
		if len(c) > maxTextSize || !isCategory(c) {
			return fault("categories["+strconv.Itoa(i)+"]", "is not lower-case words joined by dots")
		}
	}
	for i, b := range l.bounds {
		field := "bounds[" + strconv.Itoa(i) + "]"
		switch {
		case !s.schema.numeric(b.Attr):
			return fault(field+".attr", "is no attribute of kind int or duration")
		case b.Op != AtLeast && b.Op != AtMost:
			return fault(field+".op", "is neither at_least nor at_most")
		}
	}
	return nil
}
