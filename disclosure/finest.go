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
			if f.Backup != backup {
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
	all := s.population(l)
	near, region := bitmap{}, bitmap{}
	all.each(func(slot int) bool {
		x := s.slots[slot]
		if (x.Lat != 0 || x.Lon != 0) && math.Abs(x.Lat-l.Lat) < s.opt.LocalKM/110 &&
			distanceKM(l.Lat, l.Lon, x.Lat, x.Lon) <= s.opt.LocalKM {
			near = near.with(slot)
		}
		if l.Region != "" && x.Region == l.Region {
			region = region.with(slot)
		}
		return true
	})
	for _, mask := range []bitmap{near, region, all} {
		w := walk{s: s, k: k, except: except, best: math.Inf(1)}
		w.options = slices.Clone(options)
		slices.SortStableFunc(w.options, func(a, b option) int { return cmp.Compare(b.field.Weight, a.field.Weight) })
		w.anchored = slices.ContainsFunc(options, func(o option) bool { return o.field.Anchor })
		w.scratch = make([]bitmap, len(options))
		w.pick = make([]int, len(options))
		w.down(0, mask, 0, false)
		if w.found != nil {
			return w.text()
		}
	}
	return nil
}

// walk is a branch and bound over the options. Adding a field can only shrink
// the class, so a branch below k is cut; a branch dearer than the best is cut.
type walk struct {
	s         *Summarizer
	options   []option // heaviest first
	k, except int
	anchored  bool // some option is an anchor, so one must be kept
	scratch   []bitmap
	pick      []int
	best      float64
	found     []int
}

func (w *walk) down(i int, class bitmap, cost float64, kept bool) {
	if cost >= w.best || class.count() < w.k || w.s.countGroups(class, w.except) < w.k {
		return
	}
	if i == len(w.options) {
		if kept {
			w.best, w.found = cost, slices.Clone(w.pick)
		}
		return
	}
	o := w.options[i]
	for j, c := range o.choices {
		b := class
		for _, label := range c.Labels {
			w.scratch[i] = and(w.scratch[i], b, w.s.labels[labelKey{o.index, c.Level, label}])
			b = w.scratch[i]
		}
		w.pick[i] = j
		w.down(i+1, b, cost+o.cost(j), kept || o.field.Anchor || !w.anchored)
	}
	w.pick[i] = len(o.choices)
	w.down(i+1, class, cost+o.field.Weight, kept)
}

// text returns the choices found, in the order of the schema.
func (w *walk) text() []FieldChoice {
	order := make([]int, len(w.options))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(w.options[a].index, w.options[b].index) })
	var out []FieldChoice
	for _, i := range order {
		if j := w.found[i]; j < len(w.options[i].choices) {
			out = append(out, w.options[i].choices[j])
		}
	}
	return out
}
