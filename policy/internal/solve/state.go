package solve

import (
	"maps"
	"slices"
	"strings"
)

// here is a set of the states an attribute can be in.
type here uint8

const (
	releasedOne here = 1 << iota
	absentOne
	withheldOne

	anyState = releasedOne | absentOne | withheldOne
)

// value is a set of values of an opaque condition.
type value uint8

const (
	valueTrue value = 1 << iota
	valueFalse
	valueUndefined

	anyValue = valueTrue | valueFalse | valueUndefined
)

var allowed = [...]value{True: valueTrue, False: valueFalse, NotTrue: valueFalse | valueUndefined, NotFalse: valueTrue | valueUndefined}

// pair names two attributes, the lesser first.
type pair struct{ a, b string }

// state is what is assumed of a request so far. Domains are replaced, never changed, so that clones may share them.
type state struct {
	slots  map[string]*domain
	orders map[pair]uint8
	opaque map[string]value
}

// domain is what is assumed of one attribute.
type domain struct {
	here   here
	ranged bool
	ranges []Range
	yes    value // of a bool
	finite bool  // the text is one of words …
	words  []string
	not    []string // … else it is none of these
	tests  []tested
	holds  map[string]bool // what a list contains, and what not
}

type tested struct {
	Test
	want bool
}

func newState() *state {
	return &state{slots: map[string]*domain{}, orders: map[pair]uint8{}, opaque: map[string]value{}}
}

func (s *state) clone() *state {
	return &state{slots: maps.Clone(s.slots), orders: maps.Clone(s.orders), opaque: maps.Clone(s.opaque)}
}

// change returns the domain of an attribute, to be changed.
func (s *state) change(slot string) *domain {
	d := domain{here: anyState, yes: valueTrue | valueFalse}
	if old := s.slots[slot]; old != nil {
		d = *old
	}
	s.slots[slot] = &d
	return &d
}

// assume narrows the state by an atom and reports whether anything is left.
func (s *state) assume(n *Node, want Want) bool {
	yes := want == True
	switch n.Op {
	case Opaque:
		return s.assumeOpaque(n, want)
	case Compare:
		return s.released(n, n.Slot) && s.released(n, n.Other) && s.assumeOrder(n, yes)
	case presence:
		return s.keep(n.Slot, n.there, yes)
	case Present:
		return s.keep(n.Slot, releasedOne|absentOne, true) && s.keep(n.Slot, releasedOne, yes)
	}
	if !s.released(n, n.Slot) {
		return false
	}
	d := s.change(n.Slot)
	switch n.Op {
	case Truth:
		d.yes &= allowed[want]
		return d.yes != 0
	case Between:
		return d.between(n.Scale, n.Ranges, yes)
	case Among:
		d.among(n.Words, yes)
		return d.textual()
	case Text:
		d.tests = append(slices.Clip(d.tests), tested{n.Test, yes})
		return d.textual()
	case Holds:
		return d.contains(n.Words[0], yes)
	}
	return true
}

// keep narrows the states an attribute may be in to those given, or to the others.
func (s *state) keep(slot string, states here, yes bool) bool {
	d := s.change(slot)
	if !yes {
		states = anyState &^ states
	}
	d.here &= states
	return d.here != 0
}

// released is what a defined atom says of the attribute it reads.
func (s *state) released(n *Node, slot string) bool { return n.Own || s.keep(slot, releasedOne, true) }

func (s *state) assumeOpaque(n *Node, want Want) bool {
	if n.Strict && (want == True || want == False) {
		for _, slot := range n.Reads {
			if !s.keep(slot, releasedOne, true) {
				return false
			}
		}
	}
	v, known := s.opaque[n.Text]
	if !known {
		v = anyValue
	}
	s.opaque[n.Text] = v & allowed[want]
	return v&allowed[want] != 0
}

func (s *state) assumeOrder(n *Node, yes bool) bool {
	order, at := n.Order, pair{n.Slot, n.Other}
	if !yes {
		order = (Less | Equal | Greater) &^ order
	}
	if at.a > at.b {
		at = pair{at.b, at.a}
		order = order&Equal | order&Less<<2 | order&Greater>>2
	}
	if at.a == at.b {
		return order&Equal != 0
	}
	known, ok := s.orders[at]
	if !ok {
		known = Less | Equal | Greater
	}
	s.orders[at] = known & order
	return known&order != 0
}

func (d *domain) between(scale Scale, ranges []Range, yes bool) bool {
	if !yes {
		ranges = without(scale, ranges)
	}
	if d.ranged {
		ranges = meet(d.ranges, ranges)
	}
	d.ranged, d.ranges = true, ranges
	return len(ranges) > 0
}

func (d *domain) among(words []string, yes bool) {
	keep := func(w string) bool { _, in := slices.BinarySearch(words, w); return in == yes }
	switch {
	case d.finite:
		d.words = filter(d.words, keep)
	case yes:
		not := d.not
		d.finite, d.not = true, nil
		d.words = filter(words, func(w string) bool { return !slices.Contains(not, w) })
	default:
		d.not = append(slices.Clip(d.not), words...)
	}
}

func filter(words []string, keep func(string) bool) []string {
	var out []string
	for _, w := range words {
		if keep(w) {
			out = append(out, w)
		}
	}
	return out
}

// textual reports whether there may be a text that passes the tests, and drops the words that do not.
func (d *domain) textual() bool {
	if d.finite {
		d.words = filter(d.words, d.passes)
		return len(d.words) > 0
	}
	for i, a := range d.tests {
		for _, b := range d.tests[i+1:] {
			if excludes(a, b) || excludes(b, a) {
				return false
			}
		}
	}
	return true
}

func (d *domain) passes(word string) bool {
	return !slices.ContainsFunc(d.tests, func(t tested) bool { return t.Holds(word) != t.want })
}

// excludes reports whether no text meets both.
func excludes(a, b tested) bool {
	switch {
	case a.Kind == b.Kind && a.Arg == b.Arg:
		return a.want != b.want
	case !a.want:
		return false
	case !b.want: // a implies what b forbids
		return implies(a.Test, b.Test)
	}
	return apart(a.Test, b.Test)
}

// implies reports whether every text with property a has property b.
func implies(a, b Test) bool {
	switch b.Kind {
	case Prefix:
		return (a.Kind == Prefix || a.Kind == Under) && strings.HasPrefix(a.Arg, b.Arg)
	case Suffix:
		return a.Kind == Suffix && strings.HasSuffix(a.Arg, b.Arg)
	case Contains:
		return a.Kind != Property && strings.Contains(a.Arg, b.Arg)
	case Under:
		return a.Kind == Under && b.Holds(a.Arg)
	}
	return false
}

// apart reports whether no text has both properties.
func apart(a, b Test) bool {
	switch {
	case a.Kind == Prefix && b.Kind == Prefix:
		return !strings.HasPrefix(a.Arg, b.Arg) && !strings.HasPrefix(b.Arg, a.Arg)
	case a.Kind == Suffix && b.Kind == Suffix:
		return !strings.HasSuffix(a.Arg, b.Arg) && !strings.HasSuffix(b.Arg, a.Arg)
	case a.Kind == Under && b.Kind == Under:
		return !a.Holds(b.Arg) && !b.Holds(a.Arg)
	}
	return false
}

func (d *domain) contains(word string, yes bool) bool {
	if known, ok := d.holds[word]; ok {
		return known == yes
	}
	d.holds = maps.Clone(d.holds)
	if d.holds == nil {
		d.holds = map[string]bool{}
	}
	d.holds[word] = yes
	return true
}

// consistent holds the orders between attributes against what is known of each. Everything else was checked on the way.
func (s *state) consistent() bool {
	for at, order := range s.orders {
		a, b := s.slots[at.a], s.slots[at.b]
		if a == nil || b == nil {
			continue
		}
		if a.ranged && b.ranged && !mayOrder(a.ranges, b.ranges, order) {
			return false
		}
		if order == Equal && a.finite && b.finite && !slices.ContainsFunc(a.words, func(w string) bool { return slices.Contains(b.words, w) }) {
			return false
		}
		if order&Equal == 0 && a.finite && b.finite && len(a.words) == 1 && slices.Equal(a.words, b.words) {
			return false
		}
	}
	return true
}

// mayOrder reports whether a number of a and one of b may stand in one of the orders.
func mayOrder(a, b []Range, order uint8) bool {
	return order&Less != 0 && a[0].Min.Compare(b[len(b)-1].Max) < 0 ||
		order&Greater != 0 && a[len(a)-1].Max.Compare(b[0].Min) > 0 ||
		order&Equal != 0 && len(meet(a, b)) > 0
}
