package policy_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// lot is a generator of small documents that collide with each other, and of requests that hit their edges.
type lot struct{ *rand.Rand }

func roll(seed uint64) lot { return lot{rand.New(rand.NewPCG(seed, 4))} }

func one[T any](r lot, list ...T) T { return list[r.IntN(len(list))] }

func some[T any](r lot, list ...T) []T {
	picked := make([]T, 0, len(list))
	for _, x := range list {
		if r.IntN(2) == 0 {
			picked = append(picked, x)
		}
	}
	if len(picked) == 0 {
		picked = append(picked, list[r.IntN(len(list))])
	}
	return picked
}

var (
	drawnActions    = []string{"publish", "match", "engage"}
	drawnCategories = []string{"machine", "machine.lathe", "machine.lathe.cnc", "expertise"}
)

// condition draws the text of a condition.
func (r lot) condition(depth int) string {
	if depth > 0 && r.IntN(3) > 0 {
		a, b := r.condition(depth-1), r.condition(depth-1)
		switch r.IntN(8) {
		case 0, 1, 2:
			return "(" + a + " && " + b + ")"
		case 3, 4, 5:
			return "(" + a + " || " + b + ")"
		case 6:
			return "!" + "(" + a + ")"
		}
		return "(" + a + " ? " + b + " : " + r.condition(0) + ")"
	}
	switch r.IntN(15) {
	case 0, 1, 2:
		return fmt.Sprintf("price.rate %s %d", one(r, "<", "<=", ">", ">=", "==", "!="), r.IntN(3))
	case 3:
		return fmt.Sprintf("%d %s price.rate", r.IntN(3), one(r, "<", ">=", "=="))
	case 4, 5:
		return fmt.Sprintf("request.mode %s '%s'", one(r, "==", "!="), one(r, "remote", "on_site"))
	case 6:
		return "request.mode in ['remote', 'hybrid']"
	case 7:
		return fmt.Sprintf("'%s' in request.topics", one(r, "a", "b"))
	case 8:
		return "counterparty.verified"
	case 9:
		return fmt.Sprintf("present(%s)", one(r, "price.rate", "request.mode", "request.topics"))
	case 10:
		return fmt.Sprintf("request.mode.%s('%s')", one(r, "startsWith", "endsWith", "contains"), one(r, "re", "on", "ote"))
	case 11:
		return fmt.Sprintf("request.per_week %s duration('%dh')", one(r, "<", ">=", "=="), r.IntN(3))
	case 12:
		return fmt.Sprintf("counterparty.trust %s %d.0", one(r, "<", ">="), r.IntN(2))
	case 13:
		return fmt.Sprintf("price.rate %s request.distance_km", one(r, "<", "==", ">="))
	}
	return fmt.Sprintf("context.now %s timestamp('2026-0%d-01T00:00:00Z')", one(r, "<", ">="), 1+r.IntN(3))
}

func listed(words []string) string { return "[" + strings.Join(words, ", ") + "]" }

func (r lot) valid() string {
	if r.IntN(4) > 0 {
		return ""
	}
	from := 1 + r.IntN(3)
	return fmt.Sprintf(", valid: {from: 2026-0%d-01T00:00:00Z, until: 2026-0%d-01T00:00:00Z}", from, from+1+r.IntN(2))
}

func (r lot) permit(id string) string {
	s := fmt.Sprintf("  - {id: %s, effect: permit, actions: %s, categories: %s, approval: %s%s", id, listed(some(r, drawnActions...)),
		listed(some(r, drawnCategories...)), one(r, "auto", "auto", "boss", "two"), r.valid())
	if r.IntN(3) > 0 {
		s += fmt.Sprintf(", when: %q", r.condition(2))
	}
	if r.IntN(4) == 0 {
		s += ", quotas: " + listed(some(r, "week", "all"))
	}
	if r.IntN(4) == 0 {
		s += ", authority: grant"
	}
	if r.IntN(4) == 0 {
		s += ", requires: [person_consent]"
	}
	return s + "}\n"
}

func (r lot) forbid(id string) string {
	s := fmt.Sprintf("  - {id: %s, effect: forbid%s", id, r.valid())
	if r.IntN(4) > 0 {
		s += ", actions: " + listed(some(r, drawnActions...))
	}
	if r.IntN(4) > 0 {
		s += ", categories: " + listed(some(r, drawnCategories...))
	}
	if r.IntN(6) > 0 {
		s += fmt.Sprintf(", when: %q", r.condition(2))
	}
	return s + "}\n"
}

func (r lot) grant(id string) string {
	may := some(r, append(slices.Clone(drawnActions), `"approve:boss"`)...)
	s := fmt.Sprintf("  - {id: %s, to: {role: %s}, may: %s, categories: %s, valid: {from: 2026-01-01T00:00:00Z, until: 2026-0%d-01T00:00:00Z}",
		id, one(r, "owner", "chief"), listed(may), listed(some(r, drawnCategories...)), 2+r.IntN(3))
	if r.IntN(2) == 0 {
		s += fmt.Sprintf(", when: %q", r.condition(1))
	}
	if r.IntN(3) == 0 {
		s += ", discharges: [boss]"
	}
	if r.IntN(3) == 0 {
		s += ", quotas: [all]"
	}
	return s + "}\n"
}

// sections of a document, by name; a line each.
type sections struct {
	zone                             string
	quotas, approvals, grants, rules []string
}

func (r lot) sections() sections {
	s := sections{zone: "America/Toronto"}
	s.quotas = []string{fmt.Sprintf("  - {id: week, per: iso_week, unit: duration, max: %dh}\n", 1+r.IntN(4)), "  - {id: all, per: total, unit: duration, max: 4h}\n"}
	s.approvals = []string{"  - {id: boss, seats: [owner], need: 1, expires: 72h}\n",
		fmt.Sprintf("  - {id: two, seats: [owner, chief], need: %d, expires: 72h, not: [requester]}\n", 1+r.IntN(2))}
	for i := range 1 + r.IntN(2) {
		s.grants = append(s.grants, r.grant(fmt.Sprint("g", i)))
	}
	for i := range 2 + r.IntN(4) {
		s.rules = append(s.rules, r.permit(fmt.Sprint("p", i)))
	}
	for i := range r.IntN(3) {
		s.rules = append(s.rules, r.forbid(fmt.Sprint("f", i)))
	}
	return s
}

func (s sections) text(version int) string {
	return fmt.Sprintf("apiVersion: csss.policy/v1\nemployer: shop\nversion: %d\nzone: %s\nquotas:\n%sapprovals:\n%sgrants:\n%srules:\n%s", version, s.zone,
		strings.Join(s.quotas, ""), strings.Join(s.approvals, ""), strings.Join(s.grants, ""), strings.Join(s.rules, ""))
}

// compile compiles the sections. A drawn rule may have an authority that no grant gives, which is an error: that draw is
// left out.
func (s sections) compile(t testing.TB, schema *policy.Schema, version int) *policy.Set {
	t.Helper()
	set, err := policy.Compile(schema, policy.Source{Name: "shop.yaml", Text: []byte(s.text(version))})
	if err != nil {
		require.ErrorContains(t, err, "no grant may do any of its actions", "%s", s.text(version))
		return nil
	}
	return set
}

// edited returns the sections with one thing changed.
func (r lot) edited(s sections) sections {
	e := sections{zone: s.zone, quotas: slices.Clone(s.quotas), approvals: slices.Clone(s.approvals), grants: slices.Clone(s.grants), rules: slices.Clone(s.rules)}
	switch r.IntN(8) {
	case 0:
		e.zone = "Asia/Tokyo"
	case 1:
		e.quotas[0] = "  - {id: week, per: iso_week, unit: duration, max: 9h}\n"
	case 2:
		e.approvals[0] = "  - {id: boss, seats: [owner, chief], need: 2, expires: 72h}\n"
	case 3:
		e.grants[0] = r.grant("g0")
	case 4:
		e.rules = append(e.rules, r.forbid("f9"))
	case 5:
		e.rules = append(e.rules, r.permit("p9"))
	case 6:
		e.rules = e.rules[1:]
	default:
		e.rules[0] = r.permit("p0")
	}
	return e
}

// request draws a request: absent and withheld attributes, every edge of the drawn conditions.
func (r lot) request() *policy.Request {
	req := &policy.Request{Employer: "shop", Action: policy.Action(one(r, drawnActions...)), Attrs: policy.Attrs{},
		Category: one(r, append(slices.Clone(drawnCategories), "machine.mill", "space")...),
		Now:      time.Date(2026, time.Month(1+r.IntN(4)), 1, 0, 0, 0, 0, time.UTC).Add(-time.Duration(r.IntN(2)))}
	give := func(name string, v policy.Value) {
		switch r.IntN(8) {
		case 0:
		case 1:
			req.Withheld = append(req.Withheld, name)
			req.Attrs[name] = v
		default:
			req.Attrs[name] = v
		}
	}
	give("price.rate", policy.Int(int64(r.IntN(5)-1)))
	give("request.distance_km", policy.Int(int64(r.IntN(3))))
	give("request.mode", policy.String(one(r, "remote", "on_site", "hybrid", "once")))
	give("request.topics", policy.Strings(one(r, []string{}, []string{"a"}, []string{"b"}, []string{"a", "b"})...))
	give("request.per_week", policy.Duration(time.Duration(r.IntN(4))*time.Hour))
	give("request.total", policy.Duration(time.Duration(r.IntN(6))*time.Hour))
	give("request.end", policy.Time(req.Now.Add(time.Duration(r.IntN(40))*24*time.Hour)))
	give("request.requester", policy.String(one(r, "ann", "bob")))
	give("counterparty.verified", policy.Bool(r.IntN(2) == 0))
	give("counterparty.trust", policy.Double(float64(r.IntN(3))/2))
	give("actor.roles", policy.Strings(some(r, "owner", "chief")...))
	for _, who := range some(r, "ann", "bob", "cid") {
		req.Votes = append(req.Votes, policy.Vote{Person: who, Roles: some(r, "owner", "chief"), Yes: r.IntN(4) > 0, At: req.Now.Add(-time.Hour)})
	}
	if r.IntN(2) == 0 {
		req.Consents = []string{policy.PersonConsent}
	}
	return req
}
