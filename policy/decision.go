package policy

import (
	"cmp"
	"slices"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// Decision is the answer of one employer's rules, as a small value that names no request. The zero value denies. It holds
// on to the document that decided, whatever is swapped meanwhile, and is safe for concurrent use.
type Decision struct {
	Outcome Outcome

	doc      *document
	rules    few[uint16] // indexes in doc.rules, ascending: the forbids that denied, else the permits that apply
	due      few[due]
	headroom few[headroom]
}

// due is a requirement of the document that is not satisfied yet.
type due struct {
	requirement int16 // index in doc.approvals; -1: the consent of the person offered
	have        int16
	escalated   bool
}

// headroom is what is left of a quota that was looked at.
type headroom struct {
	quota uint16 // index in doc.quotas
	left  time.Duration
}

// few is a short list inside a value. What does not fit is on the heap and never changed once the value is out.
type few[T any] struct {
	count uint16
	here  [3]T
	more  *[]T
}

func (f *few[T]) add(x T) {
	switch i := int(f.count); {
	case i < len(f.here):
		f.here[i] = x
	case f.more == nil:
		f.more = &[]T{x}
	default:
		*f.more = append(*f.more, x)
	}
	f.count++
}

func (f *few[T]) at(i int) *T {
	if i < len(f.here) {
		return &f.here[i]
	}
	return &(*f.more)[i-len(f.here)]
}

// sortRules sorts, which concerns only rules of several categories.
func sortRules(f *few[uint16]) {
	if f.more != nil {
		all := append(slices.Clone(f.here[:]), *f.more...)
		slices.Sort(all)
		copy(f.here[:], all)
		copy(*f.more, all[len(f.here):])
		return
	}
	slices.Sort(f.here[:f.count])
}

// Digest returns the digest of the document that decided; zero for an unknown employer or an unusable query.
func (d *Decision) Digest() [32]byte {
	if d.doc == nil {
		return [32]byte{}
	}
	return d.doc.digest
}

// Version returns the version of the document that decided, 0 for an unknown employer or an unusable query.
func (d *Decision) Version() int {
	if d.doc == nil {
		return 0
	}
	return d.doc.version
}

// Rules appends the ids of the rules that apply, sorted: the forbids that denied, else the permits.
func (d *Decision) Rules(dst []string) []string {
	for i := range int(d.rules.count) {
		dst = append(dst, d.doc.rules[*d.rules.at(i)].id)
	}
	return dst
}

// Due appends the requirements that are not satisfied yet, sorted; none unless the outcome is RequireApproval. The
// requirements' lists are the document's: do not change them.
func (d *Decision) Due(dst []Due) []Due {
	for i := range int(d.due.count) {
		dst = append(dst, d.dueAt(i))
	}
	return dst
}

var personSeat = []string{"person"}

func (d *Decision) dueAt(i int) Due {
	x := *d.due.at(i)
	if x.requirement < 0 {
		return Due{Requirement: PersonConsent, Seats: personSeat, Need: 1, Tainted: d.taintsDue(nil)}
	}
	r := &d.doc.approvals[x.requirement].Requirement
	seats := r.Seats
	if x.escalated {
		seats = slices.Concat(seats, r.Escalate.Seats)
	}
	return Due{Requirement: r.ID, Seats: seats, Need: r.Need, Have: int(x.have), Escalated: x.escalated, Expires: r.Expires, Not: r.Not,
		Tainted: d.taintsDue(r)}
}

// Obligations appends what the caller must do if it goes on, sorted; none if the outcome is Deny.
func (d *Decision) Obligations(dst []string) []string {
	return d.duties(dst, func(r *rule) []string { return r.obligations })
}

// Advice appends what the caller may do, sorted; none if the outcome is Deny.
func (d *Decision) Advice(dst []string) []string {
	return d.duties(dst, func(r *rule) []string { return r.advice })
}

func (d *Decision) duties(dst []string, of func(*rule) []string) []string {
	if d.Outcome == Deny {
		return dst
	}
	first := len(dst)
	for i := range int(d.rules.count) {
		for _, name := range of(d.doc.rules[*d.rules.at(i)]) {
			if at, there := slices.BinarySearch(dst[first:], name); !there {
				dst = slices.Insert(dst, first+at, name)
			}
		}
	}
	return dst
}

// Headroom returns what may still be asked of a quota, per week the least of the weeks asked for. It reports false for a
// quota that was not looked at or has no upper bound.
func (d *Decision) Headroom(quota string) (left time.Duration, ok bool) {
	for i := range int(d.headroom.count) {
		if h := d.headroom.at(i); d.doc.quotas[h.quota].ID == quota {
			return h.left, true
		}
	}
	return 0, false
}

// Decide answers for one employer. It never fails: a query that is nil, not usable or bound to another schema is denied,
// as is one for an unknown employer. It says the same as [Set.Explain], without the reasons.
//
// It costs two probes of tables and one evaluation per rule of the category and action, some 10 ns each, and allocates
// nothing unless more than three rules apply, or votes and quotas have to be folded. It may be called concurrently.
func (s *Set) Decide(q *Query) Decision {
	var d Decision
	s.decide(q, &d)
	return d
}

// decide answers in place: decisions of two sides are made where they stay.
func (s *Set) decide(q *Query, d *Decision) {
	if q == nil || q.schema != s.schema || q.schema == nil {
		return
	}
	slot := s.firms.slot(q.firm, q.req.Employer)
	if slot < 0 {
		return
	}
	f, cats := s.firms.slots[slot].firm, s.firms.slots[slot].cats
	d.doc = f.document
	first := cats.find(&q.path, 0)
	for k := first; k >= 0; k = cats[k].parent {
		f.fire(cats[k].by[q.action], q, d)
	}
	if f.walled {
		if b := (bound{req: &q.req, doc: f.document, frame: q.frame, schema: q.schema}); len(b.walled()) > 0 {
			sortRules(&d.rules)
			return
		}
	}
	if d.rules.count > 0 {
		sortRules(&d.rules)
		return
	}
	simple := true
	for k := first; k >= 0; k = cats[k].parent {
		simple = f.apply(cats[k].by[q.action], q, d) && simple
	}
	switch {
	case d.rules.count == 0:
	case simple:
		sortRules(&d.rules)
		d.Outcome = Permit
	default:
		d.settle(q)
	}
}

// fire notes the forbids that deny: all whose condition is not false.
func (f *firm) fire(s cut, q *Query, d *Decision) {
	if s.staged() {
		f.staged[s.at].forbids.fire(q, d)
		return
	}
	fire(f.forbids(s), q, d)
}

func (g *group) fire(q *Query, d *Decision) {
	fire(g.plain, q, d)
	for i := range g.stages {
		st := &g.stages[i]
		rules, there := st.at(q.frame)
		if !there {
			rules = st.all
		}
		fire(rules, q, d)
	}
}

func fire(rules []hot, q *Query, d *Decision) {
	for i := range rules {
		h := &rules[i]
		if h.timed && !d.doc.rules[h.index].valid.live(q.req.Now) || h.when.Eval(q.frame) == expr.False {
			continue
		}
		d.rules.add(h.index)
	}
}

// apply notes the permits whose condition is true, and reports whether that is all there is to know about them.
func (f *firm) apply(s cut, q *Query, d *Decision) (simple bool) {
	if s.staged() {
		return f.staged[s.at].permits.apply(q, d)
	}
	return apply(f.permits(s), q, d)
}

func (g *group) apply(q *Query, d *Decision) (simple bool) {
	simple = apply(g.plain, q, d)
	for i := range g.stages {
		rules, _ := g.stages[i].at(q.frame)
		simple = apply(rules, q, d) && simple
	}
	return simple
}

func apply(rules []hot, q *Query, d *Decision) (simple bool) {
	simple = true
	for i := range rules {
		h := &rules[i]
		if h.timed && !d.doc.rules[h.index].valid.live(q.req.Now) || h.when.Eval(q.frame) != expr.True {
			continue
		}
		d.rules.add(h.index)
		simple = simple && h.simple
	}
	return simple
}

// settle finds what the permits that apply still ask for.
func (d *Decision) settle(q *Query) {
	if d.fresh(q) {
		sortRules(&d.rules)
		d.ask(q)
		return
	}
	b := bound{req: &q.req, doc: d.doc, frame: q.frame, schema: q.schema}
	var x Explanation
	b.decide(&x)
	d.Outcome = x.Outcome
	d.rules = few[uint16]{}
	for _, id := range x.Rules {
		d.rules.add(d.doc.ruleIndex(id))
	}
	for _, one := range x.Due {
		d.due.add(due{d.doc.requirementIndex(one.Requirement), int16(one.Have), one.Escalated})
	}
	for i, quota := range d.doc.quotas {
		if left, ok := x.Headroom[quota.ID]; ok {
			d.headroom.add(headroom{uint16(i), left})
		}
	}
}

// fresh reports whether there is nothing to fold: no quotas or grants are asked for, and nobody has voted yet.
func (d *Decision) fresh(q *Query) bool {
	if q.folds || d.doc.discharging {
		return false
	}
	for i := range int(d.rules.count) {
		if r := d.doc.rules[*d.rules.at(i)]; r.authority || len(r.quotas) > 0 {
			return false
		}
	}
	return true
}

// ask unites what the permits ask for, none of which has been given but the consent of the person offered.
func (d *Decision) ask(q *Query) {
	consent := false
	for i := range int(d.rules.count) {
		r := d.doc.rules[*d.rules.at(i)]
		for _, o := range r.obligations {
			if !slices.Contains(q.req.Knows, o) {
				d.due = few[due]{}
				return
			}
		}
		consent = consent || len(r.requires) > 0
		if r.needAt >= 0 && !(d.doc.overriding && d.overridden(r)) {
			d.addDue(r.needAt)
		}
	}
	if consent && asksConsent(q.req.Action) && !slices.Contains(q.req.Consents, PersonConsent) {
		d.addDue(-1)
	}
	d.Outcome = Permit
	if d.due.count > 0 {
		d.Outcome = RequireApproval
	}
}

// overridden reports whether a permit that applies takes the approval of another away.
func (d *Decision) overridden(r *rule) bool {
	for i := range int(d.rules.count) {
		for _, o := range d.doc.rules[*d.rules.at(i)].overrides {
			if o.id == r.id {
				return true
			}
		}
	}
	return false
}

// addDue keeps what is due sorted by name and without doubles.
func (d *Decision) addDue(requirement int16) {
	x := due{requirement: requirement}
	for i := range int(d.due.count) {
		at := d.due.at(i)
		if *at == x {
			return
		}
		if d.doc.rank(at.requirement) > d.doc.rank(x.requirement) {
			x, *at = *at, x
		}
	}
	d.due.add(x)
}

// rank orders requirements by name, the consent of the person offered among them.
func (doc *document) rank(requirement int16) int {
	if requirement < 0 {
		return 2*doc.consentRank - 1
	}
	return 2 * int(requirement)
}

func (doc *document) ruleIndex(id string) uint16 {
	i, _ := slices.BinarySearchFunc(doc.rules, id, func(r *rule, id string) int { return cmp.Compare(r.id, id) })
	return uint16(i)
}

func (doc *document) requirementIndex(id string) int16 {
	i, ok := slices.BinarySearchFunc(doc.approvals, id, func(a *approvalDoc, id string) int { return cmp.Compare(a.ID, id) })
	if !ok {
		return -1
	}
	return int16(i)
}
