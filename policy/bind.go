package policy

import (
	"fmt"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// bound is a request that was found usable, beside the document that decides it.
type bound struct {
	req   *Request
	doc   *document
	frame *expr.Frame

	schema *Schema
	own    map[string]bool // quotas that a rule looks at which reads the own side alone; for Explain
}

// maxAsked bounds an amount of a request, so that sums cannot overflow.
const maxAsked = 1_000_000 * time.Hour

// check returns every fault of a request that a schema can see.
func (s *Schema) check(r *Request) []error {
	var errs []error
	fault := func(field, format string, args ...any) {
		errs = append(errs, &RequestError{Field: field, Text: fmt.Sprintf(format, args...)})
	}
	if actionIndex(r.Action) < 0 {
		fault("action", "is none of the %d actions", actionCount)
	}
	if len(r.Category) > maxTextSize || !isCategory(r.Category) {
		fault("category", "is not lower-case words joined by dots")
	}
	if r.Now.IsZero() {
		fault("now", "is missing")
	} else if y := r.Now.UTC().Year(); y < 1 || y > 9999 {
		fault("now", "is outside the years 1 to 9999")
	}
	s.checkAttrs(r, fault)
	checkAmounts(r, fault)
	checkEvents(r, fault)
	return errs
}

// maxEvents bounds the votes of a request, its events about approvals, and its events about grants.
const maxEvents = 10_000

// checkEvents looks at who is said to have done what. An empty name is nobody's, and counts for nothing.
func checkEvents(r *Request, fault func(string, string, ...any)) {
	many := func(field string, count int) {
		if count > maxEvents {
			fault(field, "has %d entries, at most %d", count, maxEvents)
		}
	}
	named := func(field string, names ...string) {
		for _, name := range names {
			if why := nameFault(name); name != "" && why != "" {
				fault(field, "has a name that %s", why)
			}
		}
	}
	many("votes", len(r.Votes))
	for i := range r.Votes {
		named("votes", r.Votes[i].Person)
		named("votes", r.Votes[i].Via...)
	}
	many("approvals", len(r.Approvals))
	for i := range r.Approvals {
		named("approvals", r.Approvals[i].Person, r.Approvals[i].To)
	}
	many("grants", len(r.Grants))
	for i := range r.Grants {
		named("grants", r.Grants[i].Person, r.Grants[i].Grant.Person)
	}
	named("member", r.Member)
}

// namesSomebody tells the attributes that are compared with the names of voters and grantees.
func namesSomebody(attribute string) bool {
	return attribute == attrActor || attribute == attrRequester || attribute == attrOffered
}

func (s *Schema) checkAttrs(r *Request, fault func(string, string, ...any)) {
	for name, v := range r.Attrs {
		a, known := s.attrs[name]
		switch why := v.fault(); {
		case !known:
			fault("attributes", "hold one that the schema does not know")
		case v.kind != a.Kind:
			fault(name, "is %s, want %s", v.kind, a.Kind)
		case why != "":
			fault(name, "%s", why)
		case namesSomebody(name) && v.str != "" && !isName(v.str):
			fault(name, "%s", nameFault(v.str))
		case name == attrNow && !v.at.Equal(r.Now), name == attrCategory && v.str != r.Category:
			fault(name, "differs from the request's own field")
		case v.kind == KindDuration && (v.num < 0 || time.Duration(v.num) > maxAsked):
			fault(name, "is outside 0 to %s", short(maxAsked))
		}
	}
	for _, name := range r.Withheld {
		if _, known := s.attrs[name]; !known {
			fault("withheld", "names an attribute that the schema does not know")
		}
	}
}

func checkAmounts(r *Request, fault func(string, string, ...any)) {
	if r.Total < 0 || r.Total > maxAsked {
		fault("total", "is outside 0 to %s", short(maxAsked))
	}
	if len(r.Weeks) > maxWeeks {
		fault("weeks", "has %d entries, at most %d", len(r.Weeks), maxWeeks)
	}
	for _, w := range r.Weeks {
		if _, ok := weekStart(w.Week, time.UTC); !ok {
			fault("weeks", "has a name that is not an ISO week such as 2026-W38")
		}
		if w.Hours < 0 || w.Hours > 200*time.Hour {
			fault("weeks", "has an amount outside 0 to 200h")
		}
	}
	checkTwice(r, fault)
}

// checkTwice refuses amounts that are said twice and not alike: conditions read the attributes, quotas the fields, and
// neither may be told less than is asked.
func checkTwice(r *Request, fault func(string, string, ...any)) {
	var weeks []asked
	most, sum := time.Duration(0), time.Duration(0)
	for _, w := range r.Weeks {
		weeks = charge(weeks, w.Week, w.Hours)
		sum = plus(sum, w.Hours)
	}
	for _, w := range weeks {
		most = max(most, w.amount)
	}
	if v, ok := r.Attrs[attrPerWeek]; ok && len(weeks) > 0 && v.kind == KindDuration && time.Duration(v.num) != most {
		fault(attrPerWeek, "differs from the most that the request's weeks hold")
	}
	v, ok := r.Attrs[attrTotal]
	total := time.Duration(v.num)
	switch {
	case !ok || v.kind != KindDuration:
	case r.Total > 0 && total != r.Total:
		fault(attrTotal, "differs from the request's own field")
	case sum > total:
		fault(attrTotal, "is less than the request's weeks hold")
	}
}

// slot returns the slot of an attribute of the base schema.
func (b *bound) slot(name string) expr.Slot {
	s, _ := b.frame.Table().Lookup(name)
	return s
}

func (b *bound) withheld(name string) bool { return b.frame.Withheld(b.slot(name)) }

// released returns a text that is there and not withheld.
func (b *bound) released(name string) (string, bool) { return b.frame.String(b.slot(name)) }

func (b *bound) duration(name string) (time.Duration, bool) { return b.frame.Duration(b.slot(name)) }

func (b *bound) instant(name string) (time.Time, bool) { return b.frame.Time(b.slot(name)) }

func (b *bound) text(name string) string {
	v, _ := b.released(name)
	return v
}
