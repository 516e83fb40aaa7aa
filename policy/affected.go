package policy

import (
	"cmp"
	"maps"
	"slices"
)

// Head is a part of what an employer's rules may be asked: some actions on some categories.
type Head struct {
	Employer   string   `json:"employer"`
	Actions    []Action `json:"actions,omitempty"`    // sorted; none: every action
	Categories []string `json:"categories,omitempty"` // sorted, each with everything below it; none: every category
}

// Heads is a list of heads, sorted by employer.
type Heads []Head

// Cover reports whether a request lies under one of the heads.
func (h Heads) Cover(r *Request) bool {
	return slices.ContainsFunc(h, func(h Head) bool {
		return h.Employer == r.Employer && headed(h.Actions, h.Categories, r.Action, r.Category)
	})
}

// Affected returns the heads under which two sets may decide otherwise. Nil is an empty set.
//
// It is sound: a request outside these heads has the same outcome, rules, dues, obligations and headroom in both sets.
// The other way round it promises nothing: a request inside them may well be decided alike. It compares documents, not
// requests, so what changes no decision by itself is not affected: layout, comments, tests, version and `deal`. Votes
// that are bound to a document's digest are another matter; see [Facts]. It costs about as much as two digests of each
// document that differs, and nothing for the others.
func Affected(old, new *Set) Heads {
	all := !sameAttributes(old, new)
	var heads Heads
	for employer := range union(employersOf(old), employersOf(new)) {
		a, b := documentOf(old, employer), documentOf(new, employer)
		if !all && a != nil && b != nil && a.digest == b.digest {
			continue
		}
		heads = append(heads, merge(employer, compare(a, b, all))...)
	}
	slices.SortFunc(heads, func(a, b Head) int {
		return cmp.Or(cmp.Compare(a.Employer, b.Employer), slices.Compare(a.Categories, b.Categories), slices.Compare(a.Actions, b.Actions))
	})
	return heads
}

func employersOf(s *Set) map[string]string {
	all := map[string]string{}
	if s != nil {
		for _, e := range s.Employers() {
			all[e] = e
		}
	}
	return all
}

func documentOf(s *Set, employer string) *document {
	if s == nil {
		return nil
	}
	return s.document(employer)
}

// sameAttributes reports whether requests bind alike: an attribute that one schema does not know denies a request there.
func sameAttributes(a, b *Set) bool {
	return a == nil || b == nil || a.schema == b.schema || slices.Equal(a.schema.Attributes(), b.schema.Attributes())
}

func union[T any](a, b map[string]T) map[string]struct{} {
	keys := make(map[string]struct{}, len(a))
	for k := range a {
		keys[k] = struct{}{}
	}
	for k := range b {
		keys[k] = struct{}{}
	}
	return keys
}

// parts are a document's elements by id, in normal form.
type parts struct {
	doc                              *document
	rules, grants, quotas, approvals map[string]string
	rest                             string // what no rule names
}

func partsOf(doc *document) parts {
	if doc == nil {
		doc = &document{}
	}
	p := parts{doc: doc, rules: map[string]string{}, grants: map[string]string{}, quotas: map[string]string{}, approvals: map[string]string{}}
	text := func(o object) string { return string(appendCanonical(nil, o)) }
	for _, r := range doc.rules {
		p.rules[r.id] = string(appendRule(nil, r))
	}
	for _, g := range doc.grants {
		p.grants[g.ID] = text(g.normal())
	}
	for _, q := range doc.quotas {
		p.quotas[q.ID] = text(q.normal())
		if q.Per == perWeek || q.Per == perMonth {
			p.quotas[q.ID] += doc.zone
		}
	}
	for _, a := range doc.approvals {
		p.approvals[a.ID] = text(a.normal())
	}
	rest := doc.normal()
	for _, known := range []string{"apiVersion", "employer", "version", "zone", "deal", "quotas", "approvals", "grants", "rules"} {
		delete(rest, known)
	}
	p.rest = text(rest)
	return p
}

// changed returns the ids that the two maps do not have in common.
func changed(a, b map[string]string) map[string]bool {
	ids := map[string]bool{}
	for id := range union(a, b) {
		x, inA := a[id]
		y, inB := b[id]
		ids[id] = inA != inB || x != y
	}
	return ids
}

// compare returns the heads, with repetitions, under which two documents of one employer may differ. A request that no
// rule of either is headed for is denied by both, for no rule.
func compare(old, new *document, all bool) []Head {
	a, b := partsOf(old), partsOf(new)
	all = all || a.rest != b.rest
	d := differences{
		rules: changed(a.rules, b.rules), grants: changed(a.grants, b.grants),
		quotas: changed(a.quotas, b.quotas), approvals: changed(a.approvals, b.approvals),
	}
	for _, g := range slices.Concat(a.doc.grants, b.doc.grants) {
		if anyIn(d.quotas, g.Quotas) {
			d.grants[g.ID] = true
		}
	}
	d.changedGrants(a.doc, b.doc)
	d.issued = anyTrue(d.quotas) || len(less(keysOf(a.grants), keysOf(b.grants)))+len(less(keysOf(b.grants), keysOf(a.grants))) > 0
	var heads []Head
	for _, r := range slices.Concat(a.doc.rules, b.doc.rules) {
		if all || d.touches(r) {
			heads = append(heads, Head{Actions: r.actions, Categories: r.categories})
		} else if actions := d.granted(r); len(actions) > 0 {
			heads = append(heads, Head{Actions: actions, Categories: r.categories})
		}
	}
	return heads
}

// differences are the ids of what differs between two documents.
type differences struct {
	rules, grants, quotas, approvals map[string]bool

	lists [][]string // `may` of the grants that differ, of either document
	pre   []string   // requirements that they discharge or seat

	// Grants issued beside the document may count otherwise: they name quotas, and give way to the document's of their id.
	issued bool
}

func anyTrue(ids map[string]bool) bool {
	for _, yes := range ids {
		if yes {
			return true
		}
	}
	return false
}

func keysOf(m map[string]string) []string { return slices.Collect(maps.Keys(m)) }

func anyIn(ids map[string]bool, list []string) bool {
	return slices.ContainsFunc(list, func(id string) bool { return ids[id] })
}

func (d *differences) changedGrants(docs ...*document) {
	for _, doc := range docs {
		for _, g := range doc.grants {
			if !d.grants[g.ID] {
				continue
			}
			d.lists = append(d.lists, g.May)
			d.pre = append(d.pre, g.Discharges...)
			for _, m := range g.mayRefs {
				d.pre = append(d.pre, m.id)
			}
		}
	}
}

// touches reports whether a rule may act otherwise on everything it is headed for.
func (d *differences) touches(r *rule) bool {
	return d.rules[r.id] || anyIn(d.quotas, ids(r.quotaRefs)) ||
		d.issued && (r.authority || r.need != nil) ||
		r.need != nil && (d.approvals[r.need.ID] || slices.Contains(d.pre, r.need.ID))
}

// granted returns the actions of a rule for which a grant that differs may count.
func (d *differences) granted(r *rule) []Action {
	if !r.authority {
		return nil
	}
	var list []Action
	for _, a := range r.actions {
		if slices.ContainsFunc(d.lists, func(may []string) bool { return slices.Contains(may, string(a)) }) {
			list = append(list, a)
		}
	}
	return list
}

// merge unites heads with the same categories and drops those that others hold.
func merge(employer string, heads []Head) []Head {
	var list []Head
	for _, h := range heads {
		h.Employer = employer
		at := slices.IndexFunc(list, func(o Head) bool { return slices.Equal(o.Categories, h.Categories) })
		switch {
		case at < 0:
			h.Actions = slices.Clone(h.Actions)
			h.Categories = slices.Clone(h.Categories)
			list = append(list, h)
		case len(list[at].Actions) == 0 || len(h.Actions) == 0:
			list[at].Actions = nil
		default:
			list[at].Actions = append(list[at].Actions, h.Actions...)
			slices.Sort(list[at].Actions)
			list[at].Actions = slices.Compact(list[at].Actions)
		}
	}
	var out []Head
	for i, h := range list {
		held := func(o Head) bool { return holds(o, h) }
		if !slices.ContainsFunc(list[i+1:], held) && !slices.ContainsFunc(out, held) {
			out = append(out, h)
		}
	}
	return out
}

// holds reports whether every request under b lies under a.
func holds(a, b Head) bool {
	return headsHold(a.Actions, a.Categories, b.Actions, b.Categories)
}

func headsHold(actions []Action, categories []string, ofActions []Action, ofCategories []string) bool {
	switch {
	case len(actions) > 0 && (len(ofActions) == 0 || slices.ContainsFunc(ofActions, func(x Action) bool { return !slices.Contains(actions, x) })):
		return false
	case len(categories) > 0 && len(ofCategories) == 0:
		return false
	}
	return len(categories) == 0 || !slices.ContainsFunc(ofCategories, func(c string) bool { return !coveredByAny(categories, c) })
}
