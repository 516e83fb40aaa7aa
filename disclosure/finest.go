package disclosure

import (
	"cmp"
	"math"
	"slices"
)

// option is what may be said of one field, finest first; not saying anything
// follows the last choice.
type option struct {
	field   Field
	index   int // in the schema
	choices []FieldChoice
}

// cost of the i-th choice: a share of the field's weight.
func (o option) cost(i int) float64 {
	return o.field.Weight * float64(i) / float64(len(o.choices))
}

// options lists what may be said of a listing, in the order of the schema.
func (s *Summarizer) options(l Listing) []option {
	pick := func(backup bool) (out []option) {
		for i, f := range s.schema {
			if f.Backup != backup || !f.told() {
				continue
			}
			if o := s.fieldOptions(l, i, s.termsOf(l, f), 0); len(o.choices) > 0 {
				out = append(out, o)
			}
		}
		return out
	}
	if out := pick(false); out != nil {
		return out
	}
	return pick(true)
}

// optionsUnder lists what may still be said after an earlier text: of its
// fields, at its levels or coarser, of those of its terms that still hold.
func (s *Summarizer) optionsUnder(l Listing, was []FieldChoice) (out []option) {
	for i, f := range s.schema {
		j := slices.IndexFunc(was, func(c FieldChoice) bool { return c.Field == f.Name })
		if j < 0 {
			continue
		}
		have := s.termsOf(l, f)
		terms := slices.DeleteFunc(slices.Clone(was[j].Terms), func(t string) bool { return !slices.Contains(have, t) })
		if o := s.fieldOptions(l, i, terms, was[j].Level); len(o.choices) > 0 {
			out = append(out, o)
		}
	}
	return out
}

// fieldOptions goes through the levels, and at each from all terms to one.
func (s *Summarizer) fieldOptions(l Listing, index int, terms []string, from int) option {
	o := option{field: s.schema[index], index: index}
	for level := from; level < len(o.field.Levels); level++ {
		for _, some := range s.subsets(index, level, terms) {
			labels := labelsOf(o.field, level, some, l.Numbers)
			if len(labels) > 0 && !slices.ContainsFunc(o.choices, func(c FieldChoice) bool { return slices.Equal(c.Labels, labels) }) {
				o.choices = append(o.choices, FieldChoice{Field: o.field.Name, Level: level, Terms: some, Labels: labels})
			}
		}
	}
	return o
}

// maxTerms limits the terms of a field that are tried.
const maxTerms = 6

// subsets returns the lists of terms to try: with a Max, the runs of that many
// terms, the main ones first; without, all terms, then without the rarest, and
// so on.
func (s *Summarizer) subsets(index, level int, terms []string) [][]string {
	f := s.schema[index]
	terms = slices.DeleteFunc(slices.Clone(terms), func(t string) bool { return f.Levels[level].term(t) == "" })
	terms = terms[:min(len(terms), maxTerms)]
	if len(terms) == 0 {
		return [][]string{nil} // a number, or nothing
	}
	var out [][]string
	if f.Max > 0 && f.Max < len(terms) {
		for i := range len(terms) - f.Max + 1 {
			out = append(out, terms[i:i+f.Max])
		}
		return out
	}
	support := func(t string) int { return s.labels[labelKey{index, level, f.Levels[level].term(t)}].count() }
	for len(terms) > 0 {
		out = append(out, terms)
		rarest := slices.MinFunc(terms, func(a, b string) int { return cmp.Compare(support(a), support(b)) })
		terms = slices.DeleteFunc(slices.Clone(terms), func(t string) bool { return t == rarest })
	}
	return out
}

// finest returns the cheapest text that at least k groups fit, without the
// group except: sought near the listing, then in its region, then everywhere;
// nil if there is none.
func (s *Summarizer) finest(l Listing, options []option, k, except int) []FieldChoice {
	all := s.peersOf(l).members
	if l.sited() {
		s.near = s.sites.around(s.near, pointOf(l.Lat, l.Lon), len(s.slots))
		s.near = and(s.near, s.near, all)
		if found := s.walk.over(s, s.near, options, k, except); found != nil {
			return found
		}
	}
	if l.Region != "" {
		s.near = and(s.near, all, s.regions[l.Region])
		if found := s.walk.over(s, s.near, options, k, except); found != nil {
			return found
		}
	}
	return s.walk.over(s, all, options, k, except)
}

// maxNodes bounds a search. Few listings need a tenth of it. A search that is
// cut short keeps the best text so far, the greedy one at least: the heaviest
// fields first, each as fine as it can be beside those before it.
const maxNodes = 10_000

// walk is a branch and bound over the options. Adding a field can only shrink
// the class, so a branch below k is cut; a branch that cannot be cheaper than
// the best is cut.
type walk struct {
	s         *Summarizer
	steps     []step // heaviest first
	k, except int
	anchored  bool // some option is an anchor, so one must be kept
	nodes     int
	pick      []int
	best      float64
	found     []int
}

// A step is what may be said of one field where the search looks.
type step struct {
	option
	able  []int    // the choices that have k groups by themselves
	sets  []bitmap // their listings
	least float64  // cost of this field and all after it, at best
	class bitmap   // scratch
}

func (w *walk) over(s *Summarizer, mask bitmap, options []option, k, except int) []FieldChoice {
	w.s, w.k, w.except, w.nodes, w.best, w.found = s, k, except, 0, math.Inf(1), w.found[:0]
	if !s.enough(mask, except, k) || !s.diverse(mask) {
		return nil
	}
	w.anchored = slices.ContainsFunc(options, func(o option) bool { return o.field.Anchor })
	w.prepare(mask, options)
	w.pick = slices.Grow(w.pick[:0], len(options))[:len(options)]
	w.down(0, mask, 0, false)
	if len(w.found) == 0 {
		return nil
	}
	return w.text()
}

// prepare keeps of each field what has k groups by itself.
func (w *walk) prepare(mask bitmap, options []option) {
	w.steps = slices.Grow(w.steps[:0], len(options))[:len(options)]
	for i, o := range options {
		st := &w.steps[i]
		st.option, st.able = o, st.able[:0]
		for j, c := range o.choices {
			n := len(st.able)
			if n == len(st.sets) {
				st.sets = append(st.sets, nil)
			}
			b := mask
			for _, label := range c.Labels {
				st.sets[n] = and(st.sets[n], b, w.s.labels[labelKey{o.index, c.Level, label}])
				b = st.sets[n]
			}
			if w.s.enough(b, w.except, w.k) {
				st.able = append(st.able, j)
			}
		}
	}
	slices.SortStableFunc(w.steps, func(a, b step) int { return cmp.Compare(b.field.Weight, a.field.Weight) })
	rest := 0.0
	for i := len(w.steps) - 1; i >= 0; i-- {
		st := &w.steps[i]
		least := st.field.Weight
		if len(st.able) > 0 {
			least = st.cost(st.able[0])
		}
		rest += least
		st.least = rest
	}
}

func (w *walk) down(i int, class bitmap, cost float64, kept bool) {
	if i == len(w.steps) {
		if kept && cost < w.best {
			w.best, w.found = cost, append(w.found[:0], w.pick...)
		}
		return
	}
	st := &w.steps[i]
	if cost+st.least >= w.best || w.nodes > maxNodes {
		return
	}
	for n, j := range st.able {
		w.nodes++
		st.class = and(st.class, class, st.sets[n])
		if !w.s.enough(st.class, w.except, w.k) || !w.s.diverse(st.class) {
			continue
		}
		w.pick[i] = j
		w.down(i+1, st.class, cost+st.cost(j), kept || st.field.Anchor || !w.anchored)
	}
	w.pick[i] = len(st.choices)
	w.down(i+1, class, cost+st.field.Weight, kept)
}

// text returns the choices found, in the order of the schema.
func (w *walk) text() []FieldChoice {
	var out []FieldChoice
	for i, j := range w.found {
		if st := &w.steps[i]; j < len(st.choices) {
			out = append(out, st.choices[j])
		}
	}
	order := func(c FieldChoice) int {
		return slices.IndexFunc(w.s.schema, func(f Field) bool { return f.Name == c.Field })
	}
	slices.SortFunc(out, func(a, b FieldChoice) int { return cmp.Compare(order(a), order(b)) })
	return out
}
