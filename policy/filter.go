package policy

import (
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// FilterKind says what a filter's answer is worth.
type FilterKind uint8

// The kinds of filters.
const (
	Superset FilterKind = iota // what does not match is denied; what matches must still be decided
	Exact                      // what does not match is denied, and what matches is not
)

// String returns "superset" or "exact".
func (k FilterKind) String() string {
	if k == Exact {
		return "exact"
	}
	return "superset"
}

// Filter is what remains of a set's rules once one side of a search is known: who asks, for what, when and where. The
// resources it may then find differ in their owner, their category and the open attributes alone. It is immutable and
// safe for concurrent use, and holds on to the set it was made of.
type Filter struct {
	set     *Set
	kind    FilterKind
	action  int
	parts   []part
	rest    []*condition // of all parts
	allowed []uint64     // a bit per cell
}

// part is what remains of a bucket: rest[from:mid] are the forbids that depend on the resource, rest[mid:to] the permits.
type part struct {
	from, mid, to int32
	state         partState
}

type partState uint8

const (
	denies   partState = 1 << iota // a forbid denies every resource
	permits                        // a permit applies to every resource
	narrower                       // a permit that may apply asks for what only a decision knows
)

// resourcePrefix begins the names of the attributes that always differ from resource to resource.
const resourcePrefix = "resource."

// Filter fixes all attributes of a query but those of the resource and those named open, such as "price.rate" or
// "request.distance_km". Employer, category, usage, votes and consents of the query mean nothing: they are the
// resource's. Withheld attributes stay withheld.
//
// The law: for every query of a resource that has the filter's action, time and fixed attributes, [Filter.Match] is true
// where [Set.Decide] does not deny, and, if the kind is [Exact], nowhere else. A rule whose effect rests on quotas,
// grants, votes, obligations or walls makes a filter a [Superset]; it is never left out.
//
// It evaluates each rule of the action once, about 15 ns, and allocates 16 bytes per category and action of a document. The
// first filter of a set for an action costs a microsecond per rule more; after [Set.With], about one per rule of a
// document's neighbours, a hundred or two. Of a query that is nil or not usable, and of one bound to another schema,
// nothing matches. An open name that the schema does not know is passed over.
func (s *Set) Filter(q *Query, open ...string) *Filter {
	f := &Filter{set: s, kind: Exact}
	if q == nil || q.schema == nil || q.schema != s.schema {
		f.set = nil
		return f
	}
	f.action = q.action
	s.numbered.Do(s.number)
	f.parts, f.allowed = make([]part, s.parts), make([]uint64, (s.count+63)/64)
	frame, now := s.schema.opened(q.frame, open), q.req.Now
	var values []expr.Truth
	at := blockAt{}
	for i, b := range s.allBlocks() {
		l := b.layout(s.slotsOf(i), f.action)
		values = slices.Grow(values[:0], len(l.rules))[:len(l.rules)]
		l.eval(frame, now, values)
		f.reduce(l, at, values)
		f.allow(l, at)
		at.part, at.cell = at.part+b.parts, at.cell+b.count
	}
	return f
}

// blockAt is the first part and the first cell of a block.
type blockAt struct {
	part int32
	cell uint32
}

// eval finds the values of all rules.
func (l *layout) eval(frame *expr.Frame, now time.Time, values []expr.Truth) {
	l.columns.Eval(frame, values)
	for _, i := range l.timed {
		if !l.rules[i].valid.live(now) {
			values[i] = asleep
		}
	}
}

// asleep is the value of a rule that is not valid now.
const asleep expr.Truth = 1 << 7

// opened returns a frame in which the attributes that differ from resource to resource are unknown: what is true or false
// all the same is so for each of them.
func (s *Schema) opened(fixed *expr.Frame, open []string) *expr.Frame {
	frame := fixed.Clone()
	for name := range s.attrs {
		if slot, ok := s.table.Lookup(name); ok && strings.HasPrefix(name, resourcePrefix) {
			frame.Withhold(slot)
		}
	}
	for _, name := range open {
		if slot, ok := s.table.Lookup(name); ok {
			frame.Withhold(slot)
		}
	}
	return frame
}

// reduce keeps of each part what depends on the resource.
func (f *Filter) reduce(l *layout, first blockAt, values []expr.Truth) {
	for _, at := range l.parts {
		p := &f.parts[first.part+at.part]
		p.from = int32(len(f.rest))
		for i := at.from; i < at.mid; i++ {
			switch values[i] {
			case expr.Unknown:
				f.rest = append(f.rest, l.whens[i])
			case expr.True, expr.Error:
				p.state |= denies
			}
		}
		p.mid = int32(len(f.rest))
		for i := at.mid; i < at.to; i++ {
			switch values[i] {
			case expr.Unknown:
				f.rest = append(f.rest, l.whens[i])
			case expr.True:
				p.state |= permits
			default:
				continue
			}
			if l.narrow[i] {
				p.state |= narrower
			}
		}
		p.to = int32(len(f.rest))
	}
}

// onlyConsent reports whether all that a permit asks for is the consent of the person, which never denies.
func onlyConsent(r *rule) bool {
	return !r.authority && r.need == nil && len(r.quotas) == 0 && len(r.obligations) == 0
}

// allow finds the categories of each owner of which some resource may pass, and whether a decision may be narrower.
func (f *Filter) allow(l *layout, first blockAt) {
	for _, c := range l.cells {
		var state partState
		rest := false
		for _, part := range l.chain[c.from:c.to] {
			p := &f.parts[first.part+part]
			state |= p.state
			rest = rest || p.to > p.mid
		}
		if state&denies != 0 || state&permits == 0 && !rest {
			continue
		}
		cell := first.cell + c.cell
		f.allowed[cell/64] |= 1 << (cell % 64)
		if state&narrower != 0 || c.walled {
			f.kind = Superset
		}
	}
}

// Kind says whether a match must still be decided.
func (f *Filter) Kind() FilterKind { return f.kind }

// Allows reports whether some resource of a cell, an owner and a category, may pass; see [Set.Cell]. What lies in another
// cell is denied. It costs a nanosecond or two.
func (f *Filter) Allows(cell uint32) bool {
	return int(cell/64) < len(f.allowed) && f.allowed[cell/64]&(1<<(cell%64)) != 0
}

// Match reports whether a resource may pass. The query has the filter's action, time and fixed attributes, and the
// resource's own employer, category and open attributes. It costs two probes of tables and the evaluation of the rules
// that depend on the resource, and allocates nothing.
func (f *Filter) Match(q *Query) bool {
	if f.set == nil || q == nil || q.schema != f.set.schema || q.action != f.action {
		return false
	}
	slot := f.set.firms.slot(q.firm, q.req.Employer)
	if slot < 0 {
		return false
	}
	firm, base := f.set.firms.slots[slot].firm, f.set.bases[slot]
	cats := f.set.firms.slots[slot].cats
	passes := false
	for k := cats.find(&q.path, 0); k >= 0; k = cats[k].parent {
		at := cats[k].by[f.action]
		if at.empty() {
			continue
		}
		p := &f.parts[base+firm.part(at)]
		if p.state&denies != 0 || f.fires(p, q) {
			return false
		}
		passes = passes || p.state&permits != 0 || f.applies(p, q)
	}
	return passes
}

func (f *Filter) fires(p *part, q *Query) bool {
	for i := p.from; i < p.mid; i++ {
		if f.rest[i].Eval(q.frame) != expr.False {
			return true
		}
	}
	return false
}

func (f *Filter) applies(p *part, q *Query) bool {
	for i := p.mid; i < p.to; i++ {
		if f.rest[i].Eval(q.frame) == expr.True {
			return true
		}
	}
	return false
}

// Cell returns the number of an owner and a category in the bitmaps of the set's filters, that of the nearest ancestor
// where the owner's document says nothing about the category itself. It is false where the document says nothing at all,
// and everything is denied. Numbers are those of one set and mean nothing in another. It costs about 0.1 µs and 4 bytes
// per employer once.
func (s *Set) Cell(employer, category string) (cell uint32, ok bool) {
	if s.schema == nil {
		return 0, false
	}
	slot := s.firms.slot(s.schema.hash(employer), employer)
	if slot < 0 {
		return 0, false
	}
	var p path
	p.reset(s.schema.seed, category)
	k := s.firms.slots[slot].cats.find(&p, 0)
	if k < 0 {
		return 0, false
	}
	s.numbered.Do(s.number)
	return s.cells[slot] + uint32(k), true
}
