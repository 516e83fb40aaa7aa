package main

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy"
)

// speaker says what rules decided about one request in one language. It speaks
// to the firm whose rules they are.
type speaker struct {
	*language
	schema   *policy.Schema
	set      *policy.Set
	employer string
	action   policy.Action
	category string
	given    map[string][]string // the request's attributes; nil: not known, and then not spoken of
	withheld []string
	zone     *time.Location

	looked map[string]policy.RuleCoverage // of the rules that the request is under, where the request is known
}

func newSpeaker(l *language, set *policy.Set, q *question) *speaker {
	s := &speaker{language: l, schema: set.Schema(), set: set, employer: q.Employer, action: q.Action, category: q.Category,
		given: maps.Clone(q.given), withheld: q.Withheld, zone: zoneOf(set, q.Employer)}
	s.given["resource.category"] = []string{q.Category}
	s.given["context.now"] = []string{q.Now.Format(time.RFC3339Nano)}
	s.looked = map[string]policy.RuleCoverage{}
	for _, r := range policy.Cover(set, slices.Values([]*policy.Request{q.Request})) {
		if r.Employer == q.Employer {
			s.looked[r.Rule] = r
		}
	}
	return s
}

// thingSpeaker speaks of a thing in the market, whose attributes it does not know.
func thingSpeaker(l *language, set *policy.Set, employer string, action policy.Action, category string) *speaker {
	return &speaker{language: l, schema: set.Schema(), set: set, employer: employer, action: action, category: category, zone: zoneOf(set, employer)}
}

func zoneOf(set *policy.Set, employer string) *time.Location {
	if zone, err := time.LoadLocation(set.Zone(employer)); err == nil {
		return zone
	}
	return time.UTC
}

// explanation is the whole answer, a line each.
func (s *speaker) explanation(x *policy.Explanation) []string {
	lines := s.verdict(x)
	for _, quota := range slices.Sorted(maps.Keys(x.Headroom)) {
		left := x.Headroom[quota].String()
		if s.counts(quota) {
			left = strconv.FormatInt(int64(x.Headroom[quota]), 10)
		}
		lines = append(lines, s.text("headroom", quota, s.span(left)))
	}
	for _, word := range x.Obligations {
		lines = append(lines, s.text("must", word))
	}
	for _, word := range x.Advice {
		lines = append(lines, s.text("may", word))
	}
	if names := s.unnamed(x); len(names) > 0 {
		lines = append(lines, s.text("unnamed", strings.Join(names, ", ")))
	}
	if x.Version == 0 {
		return append(lines, s.text("unruled", s.employer))
	}
	return append(lines, s.text("of", s.employer, x.Version))
}

// unnamed lists what the exchange does not name before the reveal, since it tells
// of the other side.
func (s *speaker) unnamed(x *policy.Explanation) (names []string) {
	for _, d := range x.Due {
		if d.Tainted {
			names = append(names, s.text("unnamed.approval", d.Requirement))
		}
	}
	for _, name := range x.Tainted {
		kind, id, _ := strings.Cut(name, ":")
		names = append(names, s.text("unnamed."+kind, id))
	}
	return names
}

func (s *speaker) counts(quota string) bool {
	return slices.ContainsFunc(s.set.Quotas(s.employer), func(q policy.Quota) bool { return q.ID == quota && q.Unit == "count" })
}

func (s *speaker) verdict(x *policy.Explanation) []string {
	switch x.Outcome {
	case policy.Permit:
		return []string{s.text("permitted", s.rules(x.Rules))}
	case policy.RequireApproval:
		lines := []string{s.text("waits", s.rules(x.Rules))}
		for _, d := range x.Due {
			lines = append(lines, "  – "+s.due(&d))
		}
		return lines
	}
	reasons := s.reasons(x.Reasons)
	if reasons == nil {
		reasons = []string{s.text("no.permit")} // what decides is about the other side
	}
	if len(reasons) == 1 {
		return []string{s.text("denied", reasons[0])}
	}
	lines := []string{s.text("denied.many")}
	for _, r := range reasons {
		lines = append(lines, "  – "+r)
	}
	return lines
}

func (s *speaker) rules(ids []string) string {
	if len(ids) == 1 {
		return s.text("rule", ids[0])
	}
	return s.text("rules", s.joined(ids, s.and))
}

func (s *speaker) due(d *policy.Due) string {
	if d.Requirement == policy.PersonConsent {
		return s.text("consent")
	}
	accord := "accord"
	if d.Need > 1 {
		accord = "accords"
	}
	line := s.text("due", d.Requirement, s.text(accord, d.Need), strings.Join(d.Seats, ", "), d.Have)
	if d.Expires > 0 {
		line += s.text("due.expires", s.wait(d.Expires))
	}
	if len(d.Not) > 0 {
		var who []string
		for _, n := range d.Not {
			who = append(who, s.text(n))
		}
		line += s.text("due.not", s.joined(who, s.or))
	}
	if d.Escalated {
		line += s.text("due.escalated")
	}
	return line
}

// reasons are sentences without repetitions. That no rule permits goes without
// saying where something says why.
func (s *speaker) reasons(list []policy.Reason) []string {
	var lines []string
	for _, r := range list {
		if line := s.reason(r, list); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func (s *speaker) reason(r policy.Reason, all []policy.Reason) string {
	kind, id, ok := strings.Cut(r.Rule, ":")
	switch {
	case r.Rule == "default-deny":
		return s.closed(r.Text, len(all) > 1)
	case r.Rule == "request":
		return s.text("who.request") + ": " + r.Text
	case !ok:
		kind = "rule"
		id, _, _ = strings.Cut(r.Rule, "@")
	case kind == "grant" && alsoOfQuota(r, all):
		return ""
	}
	who := "who." + kind
	if s.texts[who] == "" {
		return r.Rule + ": " + r.Text
	}
	return s.text(who, id) + " " + s.because(kind, r)
}

// alsoOfQuota reports whether a grant's reason is said by one of a quota too.
func alsoOfQuota(r policy.Reason, all []policy.Reason) bool {
	quota, text, ok := strings.Cut(r.Text, ": ")
	return ok && slices.ContainsFunc(all, func(o policy.Reason) bool { return o.Rule == "quota:"+quota && o.Text == text })
}

func (s *speaker) closed(text string, more bool) string {
	switch {
	case strings.HasPrefix(text, "no rule opens "):
		return s.text("no.rule", s.category, s.action)
	case text == "the firm has published no rules":
		return s.text("no.rules")
	case more:
		return ""
	}
	return s.text("no.permit")
}

// because is why one rule, grant, quota or approval decided as it did.
func (s *speaker) because(kind string, r policy.Reason) string {
	switch {
	case r.Tainted:
		if missing := s.unsaid(r.Rule); missing != "" {
			return missing
		}
		return s.text("excluded")
	case r.Clause != "":
		c, ok := s.schema.Clause(r.Clause)
		if !ok {
			return s.quoted(r.Text)
		}
		if kind == "rule" && strings.HasPrefix(r.Text, "forbidden") {
			return s.forbidden(&c)
		}
		return s.unmet(&c)
	}
	if said, ok := s.translate(r.Text); ok {
		return said
	}
	return s.quoted(r.Text)
}

// unsaid names what a rule reads of the other side and the request does not say:
// whoever describes a request may know what is left out of it.
func (s *speaker) unsaid(rule string) string {
	id, _, _ := strings.Cut(rule, "@")
	suffix := ""
	if s.looked[id].Forbid {
		suffix = ".forbid"
	}
	for _, k := range s.looked[id].Clauses {
		c, ok := s.schema.Clause(k.Text)
		if !ok || k.Undefined == 0 {
			continue
		}
		if missing, _ := s.absent(&c); missing != nil {
			return s.gone(missing, nil, suffix)
		}
	}
	return ""
}

// unmet says what a clause that does not hold asks for.
func (s *speaker) unmet(c *policy.Clause) string {
	if missing, held := s.absent(c); len(missing)+len(held) > 0 {
		return s.gone(missing, held, "")
	}
	if key := limits[c.Op]; key != "" && len(c.Want) == 1 && s.amounts(c) {
		if have, ok := s.have(c.Attribute); ok {
			return s.text(key, s.value(c.Attribute, c.Want[0])+s.units[c.Attribute], have)
		}
		return s.text(key+"?", s.value(c.Attribute, c.Want[0])+s.units[c.Attribute])
	}
	return s.andHere(s.text("only", s.cond(c, false, false)), c)
}

// forbidden says what a rule forbids.
func (s *speaker) forbidden(c *policy.Clause) string {
	if missing, held := s.absent(c); len(missing)+len(held) > 0 {
		return s.gone(missing, held, ".forbid")
	}
	return s.andHere(s.text("forbids", s.cond(c, false, false)), c)
}

// limits are the comparisons that have a verb of their own for amounts.
var limits = map[string]string{">=": "least", "<=": "most", ">": "more", "<": "less"}

func (s *speaker) amounts(c *policy.Clause) bool {
	return strings.HasPrefix(c.Attribute, "price.") || c.Kind == policy.KindDuration
}

func (s *speaker) gone(missing, held []string, suffix string) string {
	if len(missing) > 0 {
		return s.text("missing"+suffix, s.joined(s.named(missing), s.and))
	}
	return s.text("held"+suffix, s.joined(s.named(held), s.and))
}

// absent lists what a clause reads and the request does not have. A clause
// that asks for presence, or has alternatives, may do without.
func (s *speaker) absent(c *policy.Clause) (missing, held []string) {
	if s.given == nil || c.Op == "present" || c.Op == "or" {
		return nil, nil
	}
	for _, name := range []string{c.Attribute, c.Other} {
		switch _, ok := s.given[name]; {
		case name == "":
		case slices.Contains(s.withheld, name):
			held = append(held, name)
		case !ok:
			missing = append(missing, name)
		}
	}
	for i := range c.Parts {
		m, h := s.absent(&c.Parts[i])
		missing, held = append(missing, m...), append(held, h...)
	}
	return missing, held
}

// cond spells a condition, or its negation; inside says whether a compound one
// needs brackets.
func (s *speaker) cond(c *policy.Clause, not, inside bool) string {
	mark := ""
	if not {
		mark = "!"
	}
	switch c.Op {
	case "and", "or":
		return s.compound(c, not, inside)
	case "not":
		return s.cond(&c.Parts[0], !not, inside)
	case "":
		return s.text(mark+"condition", s.quoted(c.Text))
	case "present", "true":
		return s.noun(c.Attribute) + " " + s.says[mark+c.Op]
	}
	return s.noun(c.Attribute) + " " + s.verb(c, not) + " " + s.wanted(c)
}

func (s *speaker) compound(c *policy.Clause, not, inside bool) string {
	last := s.and
	if (c.Op == "or") != not {
		last = s.or
	}
	var parts []string
	for i := range c.Parts {
		parts = append(parts, s.cond(&c.Parts[i], not, true))
	}
	text := strings.Join(parts, " "+last+" ")
	if inside {
		return "(" + text + ")"
	}
	return text
}

// negated is what a comparison becomes when it is negated.
var negated = map[string]string{"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}

func (s *speaker) verb(c *policy.Clause, not bool) string {
	op := c.Op
	if not {
		op = cmp.Or(negated[op], "!"+op)
	}
	if c.Kind == policy.KindTime {
		op = cmp.Or(s.says["t"+op], s.says[op])
		return op
	}
	return s.says[op]
}

func (s *speaker) wanted(c *policy.Clause) string {
	if c.Other != "" {
		return s.noun(c.Other)
	}
	var list []string
	for _, w := range c.Want {
		list = append(list, s.value(c.Attribute, w))
	}
	return s.joined(list, s.or)
}

// andHere adds what the request has of the attributes that were spoken of.
func (s *speaker) andHere(text string, c *policy.Clause) string {
	var have []string
	for _, name := range attributesOf(c, nil) {
		if v, ok := s.have(name); ok {
			form := "here.is"
			if s.kind(name) == policy.KindStrings {
				form = "here.are"
			}
			have = append(have, s.text(form, s.noun(name), v))
		}
	}
	if have == nil {
		return text
	}
	return s.text("and.here", text, s.text("here", s.joined(have, s.and)))
}

func attributesOf(c *policy.Clause, names []string) []string {
	for _, name := range []string{c.Attribute, c.Other} {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for i := range c.Parts {
		names = attributesOf(&c.Parts[i], names)
	}
	return names
}

// have is what the request says of an attribute.
func (s *speaker) have(name string) (string, bool) {
	list, ok := s.given[name]
	if !ok {
		return "", false
	}
	if len(list) == 0 {
		return s.text("nothing"), true
	}
	var out []string
	for _, v := range list {
		out = append(out, s.value(name, v))
	}
	return s.joined(out, s.and), true
}

// noun is what an attribute is called; one of the host's own goes by its name.
func (s *speaker) noun(name string) string { return cmp.Or(s.nouns[name], s.quoted(name)) }

func (s *speaker) named(names []string) []string {
	var list []string
	for _, n := range names {
		if noun := s.noun(n); !slices.Contains(list, noun) {
			list = append(list, noun)
		}
	}
	return list
}

func (s *speaker) kind(name string) policy.Kind {
	for _, a := range s.schema.Attributes() {
		if a.Name == name {
			return a.Kind
		}
	}
	return policy.KindNone
}

// value writes an attribute's value, or a constant it is compared with.
func (s *speaker) value(name, text string) string {
	switch kind := s.kind(name); {
	case name == "price.rate" || name == "price.amount":
		currency := ""
		if c := s.given["price.currency"]; len(c) == 1 {
			currency = c[0]
		}
		return s.cents(text, currency)
	case name == "request.distance_km":
		return text + " km"
	case kind == policy.KindDuration:
		return s.span(text)
	case kind == policy.KindTime:
		return s.text("dated", s.moment(text, s.zone))
	case kind == policy.KindInt, kind == policy.KindBool:
		return text
	case kind == policy.KindDouble:
		return strings.ReplaceAll(text, ".", s.point)
	case name == "price.currency":
		return text
	}
	return s.quoted(text)
}
