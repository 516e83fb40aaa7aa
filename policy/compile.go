package policy

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	_ "time/tzdata" // zones must not depend on the host

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Compile turns documents, one per employer, into a set. A nil schema means [BaseSchema].
//
// All documents are read and every fault is reported: the error is an [*Errors] unless the schema itself cannot be used.
// There is no partial set. A document is at most 1 MiB, 12 levels deep, of at most 2000 rules; a condition is at most
// 4096 characters, 40 levels deep, two nested loops, with constant patterns of at most 256 bytes, and its estimated worst
// case at most 1,000,000 steps, and all conditions that one request may meet at most 4,000,000, some 0.2 s. A pattern counts
// a step for every four instructions of its program, at every byte of the text.
//
// A condition, or an operand of its &&, that the schema has not seen costs about 0.3 ms, one that it has well under a
// microsecond, and the rest of a document of ten rules about 0.1 ms. Compile may be called concurrently, also with the
// same schema.
func Compile(schema *Schema, docs ...Source) (*Set, error) {
	if schema == nil {
		schema = BaseSchema()
	}
	engine, err := schema.conditions()
	if err != nil {
		return nil, err
	}
	set := &Set{schema: schema, firms: newFirms(len(docs))}
	errs := &Errors{}
	places := make(map[string]*firm, len(docs))
	all := compileAll(schema, engine, docs)
	for i := range all {
		one := &all[i]
		if one.firm != nil && one.firm.employer != "" {
			if other := places[one.firm.employer]; other != nil {
				one.errs.add(&Error{File: one.firm.file, Line: one.firm.employAt.line, Col: one.firm.employAt.col,
					Text: fmt.Sprintf("this employer already has a document, %s:%d", other.file, other.employAt.line)})
				sortByPlace(one.errs.List)
			} else {
				places[one.firm.employer] = one.firm
			}
		}
		errs.merge(&one.errs)
		if len(errs.List) == 0 {
			set.firms.put(one.hash, one.firm)
		}
	}
	if err := errs.orNil(); err != nil {
		return nil, err
	}
	return set, nil
}

// compiled is what became of one document.
type compiled struct {
	firm *firm // of a document that could be read at all
	hash uint64
	errs Errors
}

// compileAll compiles documents on all processors. The documents have nothing to do with each other.
func compileAll(schema *Schema, engine *expr.Compiler, docs []Source) []compiled {
	out := make([]compiled, len(docs))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(docs)) {
		workers.Go(func() {
			room := &room{}
			for i := int(next.Add(1)) - 1; i < len(docs); i = int(next.Add(1)) - 1 {
				out[i].compile(schema, engine, docs[i], room)
			}
		})
	}
	workers.Wait()
	return out
}

// room is memory that one document after the other is compiled in.
type room struct {
	nodes  arena
	digest []byte
}

func (c *compiled) compile(schema *Schema, engine *expr.Compiler, src Source, room *room) {
	doc := compileDocument(schema, engine, src, room, &c.errs)
	sortByPlace(c.errs.List)
	switch {
	case doc == nil:
	case len(c.errs.List) > 0:
		c.firm = &firm{document: doc}
	default:
		c.firm, c.hash = newFirm(schema.seed, doc), schema.hash(doc.employer)
	}
}

// compileDocument reads one document. The result is only good if it added no errors.
func compileDocument(schema *Schema, engine *expr.Compiler, src Source, room *room, errs *Errors) *document {
	name := cmp.Or(src.Name, "document")
	before := len(errs.List)
	room.nodes.used = 0
	d := &decoder{tree: tree{file: name, errs: errs, arena: &room.nodes}, schema: schema, engine: engine, source: src.Text, doc: &document{file: name}}
	root := d.parse(src.Text)
	if root == nil || len(errs.List) > before {
		return nil
	}
	d.document(root)
	if len(errs.List) > before {
		return d.doc
	}
	d.link()
	if len(errs.List) == before {
		d.taint()
		d.light()
	}
	if len(errs.List) == before {
		d.doc.sort()
		d.doc.digest, room.digest = d.doc.sum(room.digest)
	}
	return d.doc
}

func defaultDeal() Deal {
	return Deal{Deadline: 24 * time.Hour, HardExpiry: 720 * time.Hour, Grace: 72 * time.Hour}
}

func (d *decoder) document(n *node) {
	doc := d.doc
	doc.zone, doc.loc, doc.deal = "UTC", time.UTC, defaultDeal()
	if templates := n.child("templates"); templates != nil { // before the rules, wherever it stands
		d.list(templates, "templates", maxListed, d.template)
		unique(d, "template", d.templates, func(t *template) (string, place) { return t.id, t.at })
	}
	var tests *node
	d.object(n, "document",
		field{"apiVersion", true, func(n *node) { d.oneOf(n, "apiVersion", apiVersion) }},
		field{"employer", true, func(n *node) { doc.employer, doc.employAt = d.word(n, "employer"), n.place }},
		field{"version", true, func(n *node) { doc.version = int(d.integer(n, "version", 1, 1<<31-1)) }},
		field{"zone", false, d.zone},
		field{"deal", false, d.deal},
		field{"templates", false, func(*node) {}},
		field{"quotas", false, func(n *node) { d.list(n, "quotas", maxListed, d.quota) }},
		field{"approvals", false, func(n *node) { d.list(n, "approvals", maxListed, d.approval) }},
		field{"grants", false, func(n *node) { d.list(n, "grants", maxListed, d.grant) }},
		field{"walls", false, func(n *node) { d.list(n, "walls", maxListed, d.wall) }},
		field{"rules", true, func(n *node) { d.list(n, "rules", maxRules, d.rule) }},
		field{"tests", false, func(n *node) { tests = n }})
	if tests != nil {
		d.list(tests, "tests", maxRules, d.test)
	}
	if civil := slices.IndexFunc(doc.quotas, func(q *quotaDoc) bool { return q.Per == perWeek || q.Per == perMonth }); civil >= 0 && n.child("zone") == nil {
		d.fail(doc.quotas[civil].at, "quota: a quota per %s needs the document's zone", doc.quotas[civil].Per)
	}
}

func (d *decoder) zone(n *node) {
	name := d.text(n, "zone")
	loc, err := time.LoadLocation(name)
	if err != nil || name == "Local" || name == "" {
		d.fail(n, "zone: '%s' is not a zone of the IANA database", clip(name))
		return
	}
	d.doc.zone, d.doc.loc = name, loc
}

func (d *decoder) deal(n *node) {
	deal := &d.doc.deal
	d.object(n, "deal",
		field{"deadline", false, func(n *node) { deal.Deadline = d.duration(n, "deadline", time.Minute) }},
		field{"hard_expiry", false, func(n *node) { deal.HardExpiry = d.duration(n, "hard_expiry", time.Minute) }},
		field{"grace", false, func(n *node) { deal.Grace = d.duration(n, "grace", 0) }})
	if deal.HardExpiry < deal.Deadline {
		d.fail(n, "deal: hard_expiry %s is before deadline %s", short(deal.HardExpiry), short(deal.Deadline))
	}
}

// named runs read with the thing's id known to errors, whatever the order of its keys.
func (d *decoder) named(n *node, read func()) {
	if id := n.child("id"); id != nil && id.form == formText {
		d.inside = clip(id.text)
	}
	read()
	d.inside = ""
}

func (d *decoder) quota(n *node) {
	q := &quotaDoc{at: n.place}
	var limit *node
	d.named(n, func() {
		d.object(n, "quota",
			field{"id", true, func(n *node) { q.ID = d.word(n, "id") }},
			field{"per", true, func(n *node) { q.Per = d.oneOf(n, "per", perWeek, perMonth, perEngagement, perTotal, perConcurrent) }},
			field{"unit", true, func(n *node) { q.Unit = d.unit(n) }},
			field{"min", false, func(n *node) { q.Min = d.duration(n, "min", time.Second) }},
			field{"max", false, func(n *node) { limit = n }},
			field{"key", false, func(n *node) { q.keys = d.refs(n, "key") }})
		d.quotaMax(n, limit, q)
		if n.form == formObject && n.child("min") == nil && limit == nil {
			d.fail(n, "quota: neither min nor max is given")
		}
		if q.Max > 0 && q.Min > q.Max {
			d.fail(n, "quota: min %s is more than max %s", short(q.Min), short(q.Max))
		}
		for _, key := range q.keys {
			d.quotaKey(q, key)
		}
	})
	d.doc.quotas = append(d.doc.quotas, q)
}

func (d *decoder) quotaKey(q *quotaDoc, key ref) {
	switch a, ok := d.schema.attrs[key.id]; {
	case !ok:
		d.fail(key.at, "key: %s", d.schema.unknownAttribute(key.id))
	case a.Kind != KindString:
		d.fail(key.at, "key: '%s' is %s, want string", key.id, a.Kind)
	}
	q.Key = append(q.Key, key.id)
}

// Words of `not`.
const (
	notRequester = "requester"
	notOffered   = "offered_person"
)

func (d *decoder) approval(n *node) {
	a := &approvalDoc{at: n.place}
	d.named(n, func() {
		d.object(n, "approval",
			field{"id", true, func(n *node) { a.ID = d.word(n, "id") }},
			field{"seats", true, func(n *node) { a.Seats = d.seats(n) }},
			field{"need", true, func(n *node) { a.Need = int(d.integer(n, "need", 1, maxSeats)) }},
			field{"expires", true, func(n *node) { a.Expires = d.duration(n, "expires", time.Second) }},
			field{"not", false, func(n *node) {
				a.Not = d.words(n, "not", 2)
				for _, item := range n.items {
					d.oneOf(item, "not", notRequester, notOffered)
				}
			}},
			field{"order", false, func(n *node) { a.Ordered = d.oneOf(n, "order", "sequence", "any") == "sequence" }},
			field{"veto", false, func(n *node) { a.Veto = d.boolean(n, "veto") }},
			field{"escalate", false, func(n *node) { d.escalate(n, a) }},
			field{"delegation", false, func(n *node) { d.delegation(n, a) }})
		d.escalationShape(n, a)
		if a.Need > len(a.Seats) && len(a.Seats) > 0 {
			d.fail(n, "approval: need %d of %d seats can never be reached", a.Need, len(a.Seats))
		}
		if a.ID == "auto" || a.ID == PersonConsent {
			d.fail(n, "approval: the id '%s' is reserved", a.ID)
		}
		slices.Sort(a.Not)
	})
	d.doc.approvals = append(d.doc.approvals, a)
}

// seats reads roles; one role may have several places.
func (d *decoder) seats(n *node) []string {
	var list []string
	d.list(n, "seats", maxSeats, func(item *node) { list = append(list, d.word(item, "seats")) })
	if n.form == formList && len(n.items) == 0 {
		d.fail(n, "seats: is empty")
	}
	return list
}

// approvePrefix marks, in a grant's `may`, the right to fill a seat of a requirement.
const approvePrefix = "approve:"

func (d *decoder) grant(n *node) {
	g := &grantDoc{at: n.place, Grant: Grant{AtExpiry: "finish"}}
	d.named(n, func() {
		var use, with *node
		d.object(n, "grant",
			field{"id", true, func(n *node) { g.ID = d.word(n, "id") }},
			field{"to", true, func(n *node) { d.grantee(n, g) }},
			field{"may", true, func(n *node) { d.list(n, "may", maxListed, func(n *node) { d.may(n, g) }) }},
			field{"categories", true, func(n *node) { g.Categories = d.categories(n) }},
			field{"when", false, func(n *node) { g.When, g.when, g.whenAt = n.text, d.condition(n), n.place }},
			field{"use", false, func(n *node) { use = n }},
			field{"with", false, func(n *node) { with = n }},
			field{"quotas", false, func(n *node) { g.quotaRefs = d.refs(n, "quotas") }},
			field{"discharges", false, func(n *node) { g.discharge = d.refs(n, "discharges") }},
			field{"depth", false, func(n *node) { g.Depth = int(d.integer(n, "depth", 0, 8)) }},
			field{"valid", true, func(n *node) { v := d.validity(n, true); g.From, g.Until = v.from, v.until }},
			field{"at_expiry", false, func(n *node) { g.AtExpiry = d.oneOf(n, "at_expiry", "end", "finish") }})
		if n.form == formObject && len(g.May) == 0 && n.child("may") != nil {
			d.fail(n, "grant: may is empty")
		}
		if g.Role == "" && len(g.mayRefs) > 0 {
			d.fail(n, "grant: approve: needs a role, since seats are roles")
		}
		if when := d.used(n, "grant", use, with); when != nil {
			g.When, g.when, g.whenAt = when.Text(), when, use.place
		}
	})
	slices.Sort(g.May)
	d.doc.grants = append(d.doc.grants, g)
}

func (d *decoder) grantee(n *node, g *grantDoc) {
	d.object(n, "to",
		field{"role", false, func(n *node) { g.Role = d.word(n, "role") }},
		field{"person", false, func(n *node) { g.Person = d.text(n, "person") }})
	if (g.Role == "") == (g.Person == "") {
		d.fail(n, "to: want exactly one of role and person")
	}
}

func (d *decoder) may(n *node, g *grantDoc) {
	if id, ok := strings.CutPrefix(n.text, approvePrefix); ok && n.form == formText {
		g.mayRefs = append(g.mayRefs, ref{id, n.place})
	} else {
		d.action(n)
	}
	if slices.Contains(g.May, n.text) {
		d.fail(n, "may: '%s' stands twice", clip(n.text))
	}
	g.May = append(g.May, n.text)
}

func (d *decoder) rule(n *node) {
	r := &rule{at: n.place, terms: &terms{}}
	var use, with *node
	shaped := false // it is known what the rule must say
	d.named(n, func() {
		ok := d.object(n, "rule",
			field{"id", true, func(n *node) { r.id = d.word(n, "id") }},
			field{"effect", true, func(n *node) {
				switch d.oneOf(n, "effect", "permit", "forbid") {
				case "permit":
					r.effect, shaped = permit, true
				case "forbid":
					shaped = true
				}
			}},
			field{"actions", false, func(n *node) { r.actions = d.actions(n) }},
			field{"categories", false, func(n *node) { r.categories = d.categories(n) }},
			field{"when", false, func(n *node) { r.when, r.whenAt = d.condition(n), n.place }},
			field{"use", false, func(n *node) { use = n }},
			field{"with", false, func(n *node) { with = n }},
			field{"valid", false, func(n *node) { r.valid = d.validity(n, false) }},
			field{"authority", false, func(n *node) { r.authority = d.oneOf(n, "authority", "grant") == "grant" }},
			field{"approval", false, func(n *node) { r.approval = ref{d.word(n, "approval"), n.place} }},
			field{"quotas", false, func(n *node) { r.quotaRefs = d.refs(n, "quotas") }},
			field{"overrides", false, func(n *node) { r.overrides = d.refs(n, "overrides") }},
			field{"obligations", false, func(n *node) { r.obligations = d.sorted(n, "obligations") }},
			field{"advice", false, func(n *node) { r.advice = d.sorted(n, "advice") }},
			field{"requires", false, func(n *node) {
				r.requires = d.words(n, "requires", maxListed)
				for _, item := range n.items {
					d.oneOf(item, "requires", PersonConsent)
				}
			}})
		if !ok {
			return
		}
		if shaped {
			d.ruleShape(n, r)
		}
		if when := d.used(n, "rule", use, with); when != nil {
			r.when, r.whenAt = when, use.place
		}
	})
	d.doc.rules = append(d.doc.rules, r)
}

// ruleShape checks what a permit must say and a forbid must not.
func (d *decoder) ruleShape(n *node, r *rule) {
	if r.effect == permit {
		for _, must := range []string{"actions", "categories", "approval"} {
			if n.child(must) == nil {
				d.fail(n, "rule: a permit must say its '%s'", must)
			}
		}
		return
	}
	for _, mustNot := range []string{"approval", "authority", "quotas", "overrides", "requires", "obligations", "advice"} {
		if c := n.child(mustNot); c != nil {
			d.fail(c, "rule: a forbid has no '%s'", mustNot)
		}
	}
}

// link resolves names between the parts of the document.
func (d *decoder) link() {
	doc := d.doc
	unique(d, "quota", doc.quotas, func(q *quotaDoc) (string, place) { return q.ID, q.at })
	unique(d, "approval", doc.approvals, func(a *approvalDoc) (string, place) { return a.ID, a.at })
	unique(d, "grant", doc.grants, func(g *grantDoc) (string, place) { return g.ID, g.at })
	unique(d, "wall", doc.walls, func(w *wallDoc) (string, place) { return w.ID, w.at })
	unique(d, "rule", doc.rules, func(r *rule) (string, place) { return r.id, r.at })
	for _, g := range doc.grants {
		d.inside = g.ID
		g.quotas, g.Quotas = d.quotaRefs(g.quotaRefs)
		for _, r := range append(slices.Clone(g.mayRefs), g.discharge...) {
			d.requirement(r)
		}
		for _, r := range g.discharge {
			g.Discharges = append(g.Discharges, r.id)
		}
		slices.Sort(g.Discharges)
	}
	byID := make(map[string]*rule, len(doc.rules))
	for _, r := range doc.rules {
		byID[r.id] = r
	}
	for _, r := range doc.rules {
		d.inside = r.id
		r.quotas, _ = d.quotaRefs(r.quotaRefs)
		if r.effect == permit && r.approval.id != "auto" {
			r.need = d.requirement(r.approval)
		}
		d.authority(r)
		d.overridden(byID, r)
	}
	d.inside = ""
	open := map[*rule]bool{}
	for _, r := range doc.rules {
		if _, seen := open[r]; !seen {
			d.ring(byID, r, open)
		}
	}
	d.testRefs()
}

func unique[T any](d *decoder, what string, list []T, id func(T) (string, place)) {
	first := map[string]int{}
	for _, x := range list {
		name, at := id(x)
		if line, dup := first[name]; dup {
			d.fail(at, "%s '%s' is defined twice, first on line %d", what, clip(name), line)
			continue
		}
		first[name] = at.line
	}
}

func (d *decoder) quotaRefs(refs []ref) (list []*Quota, ids []string) {
	known := ids
	for _, q := range d.doc.quotas {
		known = append(known, q.ID)
	}
	for _, r := range refs {
		at := slices.Index(known, r.id)
		if at < 0 {
			d.fail(r.at, "quotas: no quota is called '%s'%s", clip(r.id), expr.Suggest(r.id, known))
			continue
		}
		list = append(list, &d.doc.quotas[at].Quota)
		ids = append(ids, r.id)
	}
	slices.Sort(ids)
	return list, ids
}

func (d *decoder) requirement(r ref) *Requirement {
	var known []string
	for _, a := range d.doc.approvals {
		if a.ID == r.id {
			return &a.Requirement
		}
		known = append(known, a.ID)
	}
	d.fail(r.at, "no approval is called '%s'%s", clip(r.id), expr.Suggest(r.id, known))
	return nil
}

// authority warns of a rule that no grant of the document can ever serve.
func (d *decoder) authority(r *rule) {
	if !r.authority {
		return
	}
	for _, g := range d.doc.grants {
		if slices.ContainsFunc(r.actions, func(a Action) bool { return slices.Contains(g.May, string(a)) }) {
			return
		}
	}
	d.fail(r.at, "rule: authority is grant, and no grant may do any of its actions")
}

// overridden checks that overrides name other permits and do not form a ring, in which all approvals would vanish.
func (d *decoder) overridden(byID map[string]*rule, r *rule) {
	for _, o := range r.overrides {
		switch other := byID[o.id]; {
		case other == nil:
			d.fail(o.at, "overrides: no rule is called '%s'", clip(o.id))
		case other.effect == forbid:
			d.fail(o.at, "overrides: '%s' is a forbid, which always wins", clip(o.id))
		}
	}
}

// ring visits a rule and what it overrides; open holds true for the rules on the way here, false for finished ones.
func (d *decoder) ring(byID map[string]*rule, r *rule, open map[*rule]bool) {
	open[r] = true
	for _, o := range r.overrides {
		other := byID[o.id]
		if other == nil {
			continue
		}
		if on, seen := open[other]; on {
			d.fail(o.at, "overrides: '%s' overrides this rule in turn", clip(o.id))
		} else if !seen {
			d.ring(byID, other, open)
		}
	}
	open[r] = false
}

// sort makes decisions and the digest independent of the order of the document's lists.
func (doc *document) sort() {
	slices.SortFunc(doc.quotas, func(a, b *quotaDoc) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.approvals, func(a, b *approvalDoc) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.grants, func(a, b *grantDoc) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.walls, func(a, b *wallDoc) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(doc.rules, func(a, b *rule) int { return cmp.Compare(a.id, b.id) })
	doc.discharging = slices.ContainsFunc(doc.grants, func(g *grantDoc) bool { return len(g.Discharges) > 0 })
	doc.overriding = slices.ContainsFunc(doc.rules, func(r *rule) bool { return len(r.overrides) > 0 })
	doc.consentRank, _ = slices.BinarySearchFunc(doc.approvals, PersonConsent, func(a *approvalDoc, id string) int { return cmp.Compare(a.ID, id) })
	for i, r := range doc.rules {
		if r.index = uint16(i); r.terms.empty() {
			r.terms = &noTerms
		}
		r.needAt = -1
		if r.need != nil {
			r.needAt = doc.requirementIndex(r.need.ID)
		}
		r.name = r.id + "@" + strconv.Itoa(doc.version)
		r.id = r.name[:len(r.id)]
		r.timed = r.valid != validity{}
		r.simple = !r.authority && r.need == nil && len(r.quotas) == 0 && len(r.requires) == 0 && len(r.obligations) == 0
	}
}
