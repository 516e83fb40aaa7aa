package policy

import (
	"cmp"
	"hash/maphash"
	"math"
	"math/bits"
	"slices"
	"strings"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// The index finds the rules that a request must be held against: one probe by employer, one by category (an ancestor's
// if the firm does not name the category itself), then the action. Names come from strangers, so hashes are keyed; a
// probe always compares the names themselves.

// firms is a table of documents by employer, open-addressed, at most half full. It is immutable once a set holds it.
type firms struct {
	slots []firmSlot
	count int
}

type firmSlot struct {
	hash uint64
	firm *firm
	cats headings // the firm's
}

// firm is one employer's document with its rules by category and action. A decision follows few references, and those
// that it follows lead to neighbours: each may cost what a whole condition does.
type firm struct {
	*document
	name   string // of the employer, which is the document's, nearer by
	walled bool   // the document has walls
	cats   headings
	hots   []hot    // bucket by bucket
	staged []bucket // those of many rules
}

// headings is a table by category, open-addressed, at most half full.
type headings []heading

// heading is what a firm says about one category.
type heading struct {
	hash     uint64
	category string
	used     bool
	parent   int32 // place of the nearest ancestor the firm says something about; -1: none
	by       [actionCount]cut
}

// cut is the rules of one category and action, without those of its ancestors: in the firm's hots the forbids from at
// on, then the permits; or, of many rules, all in staged[at].
type cut struct {
	at               uint32
	forbids, permits uint16
}

// isStaged is what a cut of staged rules has as its number of permits.
const isStaged = math.MaxUint16

func (s cut) empty() bool  { return s.forbids == 0 && s.permits == 0 }
func (s cut) staged() bool { return s.permits == isStaged }

// part is the number of a cut among all of its firm, below [firm.parts].
func (f *firm) part(s cut) int32 {
	if s.staged() {
		return int32(len(f.hots)) + int32(s.at)
	}
	return int32(s.at)
}

func (f *firm) parts() int32 { return int32(len(f.hots) + len(f.staged)) }

func (f *firm) forbids(s cut) []hot { return f.hots[s.at : s.at+uint32(s.forbids)] }

func (f *firm) permits(s cut) []hot {
	from := s.at + uint32(s.forbids)
	return f.hots[from : from+uint32(s.permits)]
}

// bucket is rules that are too many to be walked.
type bucket struct {
	forbids, permits group
}

// group is rules of one effect. Those that demand an attribute to have one of a few values are found by its value.
type group struct {
	plain  []hot
	stages []stage
}

// hot is what a decision reads of a rule.
type hot struct {
	when   expr.Quick
	index  uint16 // in the document's rules
	timed  bool
	simple bool
}

// equalities are those of the rule's condition.
func (h *hot) equalities() []expr.Equality {
	if c := h.when.Cond(); c != nil {
		return c.Equalities()
	}
	return nil
}

func newHots(rules []*rule) []hot {
	list := make([]hot, len(rules))
	for i, r := range rules {
		list[i] = hot{when: r.when.Quick(), index: r.index, timed: r.timed, simple: r.simple}
	}
	return list
}

// stage is rules that demand one attribute to have one of a few values.
type stage struct {
	slot    expr.Slot
	texts   map[string][]hot // for a slot of texts
	numbers map[int64][]hot  // for a slot of numbers
	all     []hot
}

// Bounds of the stages of a group. A group that is small is quicker walked.
const (
	minStaged = 8
	maxStages = 4
)

func newGroup(rules []*rule) (g group) {
	rest := newHots(rules)
	for len(g.stages) < maxStages && len(rest) >= minStaged {
		slot, count := commonSlot(rest)
		if count < minStaged {
			break
		}
		var st stage
		st, rest = newStage(slot, rest)
		g.stages = append(g.stages, st)
	}
	g.plain = rest
	return g
}

// commonSlot is the attribute that most rules demand a value of. Among equals it is the one with the smaller number.
func commonSlot(rules []hot) (best expr.Slot, count int) {
	counts := map[expr.Slot]int{}
	for _, h := range rules {
		seen := map[expr.Slot]bool{}
		for _, e := range h.equalities() {
			if !seen[e.Slot] {
				seen[e.Slot] = true
				counts[e.Slot]++
			}
		}
	}
	for slot, n := range counts {
		if n > count || n == count && slot < best {
			best, count = slot, n
		}
	}
	return best, count
}

func newStage(slot expr.Slot, rules []hot) (st stage, rest []hot) {
	st = stage{slot: slot, texts: map[string][]hot{}, numbers: map[int64][]hot{}}
	for _, h := range rules {
		list := h.equalities()
		i := slices.IndexFunc(list, func(e expr.Equality) bool { return e.Slot == slot })
		if i < 0 {
			rest = append(rest, h)
			continue
		}
		eq := &list[i]
		st.all = append(st.all, h)
		for _, v := range distinct(eq.Texts) {
			st.texts[v] = append(st.texts[v], h)
		}
		for _, v := range distinct(eq.Numbers) {
			st.numbers[v] = append(st.numbers[v], h)
		}
	}
	return st, rest
}

func distinct[T cmp.Ordered](list []T) []T {
	list = slices.Clone(list)
	slices.Sort(list)
	return slices.Compact(list)
}

// at returns the rules that may hold for a frame, and whether the attribute is there at all. Where it is not, none of the
// stage's conditions can be true, and any may be other than false.
func (st *stage) at(f *expr.Frame) (rules []hot, there bool) {
	if !f.Has(st.slot) {
		return nil, false
	}
	if len(st.texts) > 0 {
		v, _ := f.String(st.slot)
		return st.texts[v], true
	}
	n, _ := f.Number(st.slot)
	return st.numbers[n], true
}

func newFirms(capacity int) firms { return firms{slots: make([]firmSlot, tableSize(capacity))} }

// tableSize is a power of two, at least twice n.
func tableSize(n int) int { return 1 << bits.Len(uint(max(2*n, 2)-1)) }

func (t *firms) find(hash uint64, employer string) *firm {
	if i := t.slot(hash, employer); i >= 0 {
		return t.slots[i].firm
	}
	return nil
}

// slot returns the place of an employer, -1 if it has none.
func (t *firms) slot(hash uint64, employer string) int {
	if len(t.slots) == 0 {
		return -1
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.firm == nil:
			return -1
		case s.hash == hash && s.firm.name == employer:
			return int(i)
		}
	}
}

// put adds a firm or replaces the one of the same employer, and returns its place. Only a table that no set holds yet may
// be changed.
func (t *firms) put(hash uint64, f *firm) int {
	if 2*(t.count+1) > len(t.slots) {
		old := t.slots
		t.slots, t.count = make([]firmSlot, tableSize(t.count+1)), 0
		for _, s := range old {
			if s.firm != nil {
				t.put(s.hash, s.firm)
			}
		}
	}
	mask := uint64(len(t.slots) - 1)
	i := hash & mask
	for t.slots[i].firm != nil && (t.slots[i].hash != hash || t.slots[i].firm.name != f.name) {
		i = (i + 1) & mask
	}
	if t.slots[i].firm == nil {
		t.count++
	}
	t.slots[i] = firmSlot{hash, f, f.cats}
	return int(i)
}

func (t *firms) clone() firms { return firms{slots: slices.Clone(t.slots), count: t.count} }

// all calls yield for every firm, in no order.
func (t *firms) all(yield func(*firm) bool) {
	for _, s := range t.slots {
		if s.firm != nil && !yield(s.firm) {
			return
		}
	}
}

// find returns the place of what is said about a category or the nearest of its ancestors, from the k-th on; -1 if
// nothing is.
func (t headings) find(p *path, k int) int32 {
	mask := uint64(len(t) - 1)
	for ; k < p.count(); k++ {
		hash, name := p.at(k)
		for i := hash & mask; t[i].used; i = (i + 1) & mask {
			if h := &t[i]; h.hash == hash && h.category == name {
				return int32(i)
			}
		}
	}
	return -1
}

// path is a category with its ancestors, the longest first and the empty one last.
type path struct {
	text string
	n    int
	here [2]step // most requests end at the first
	more []step
}

// step is the first bytes of a category, up to its end.
type step struct {
	hash uint64
	end  int
}

func (p *path) count() int { return p.n }

func (p *path) at(k int) (hash uint64, name string) {
	s := &p.here[min(k, len(p.here)-1)]
	if k >= len(p.here) {
		s = &p.more[k-len(p.here)]
	}
	return s.hash, p.text[:s.end]
}

func (p *path) reset(seed maphash.Seed, category string) {
	p.text, p.n, p.more = category, 0, p.more[:0]
	for end := len(category); end >= 0; end = strings.LastIndexByte(category[:end], '.') {
		p.add(seed, end)
	}
	if category != "" {
		p.add(seed, 0)
	}
}

func (p *path) add(seed maphash.Seed, end int) {
	s := step{maphash.String(seed, p.text[:end]), end}
	if p.n < len(p.here) {
		p.here[p.n] = s
	} else {
		p.more = append(p.more, s)
	}
	p.n++
}

// newFirm builds the index of one document.
func newFirm(seed maphash.Seed, doc *document) *firm {
	lists := map[string]*[actionCount][]*rule{}
	for _, r := range doc.rules {
		for _, category := range roots(r.categories) {
			by := lists[category]
			if by == nil {
				by = new([actionCount][]*rule)
				lists[category] = by
			}
			for a := range by {
				if len(r.actions) == 0 || slices.Contains(r.actions, actionList[a]) {
					by[a] = append(by[a], r)
				}
			}
		}
	}
	f := &firm{document: doc, name: doc.employer, walled: len(doc.walls) > 0, cats: make(headings, tableSize(len(lists)))}
	mask := uint64(len(f.cats) - 1)
	for category, by := range lists {
		hash := maphash.String(seed, category)
		i := hash & mask
		for f.cats[i].used {
			i = (i + 1) & mask
		}
		f.cats[i] = heading{hash: hash, category: category, used: true, by: f.addCuts(by)}
	}
	for i := range f.cats {
		if h := &f.cats[i]; h.used {
			var p path
			p.reset(seed, h.category)
			h.parent = f.cats.find(&p, 1)
		}
	}
	f.hots = slices.Clip(slices.Clone(f.hots))
	return f
}

// addCuts adds rules action by action. Neighbouring actions with the same rules share theirs.
func (f *firm) addCuts(by *[actionCount][]*rule) (cuts [actionCount]cut) {
	for a, rules := range by {
		if a > 0 && slices.Equal(rules, by[a-1]) {
			cuts[a] = cuts[a-1]
		} else if len(rules) > 0 {
			cuts[a] = f.addCut(rules)
		}
	}
	return cuts
}

func (f *firm) addCut(rules []*rule) cut {
	forbids, permits := byEffect(rules)
	b := bucket{newGroup(forbids), newGroup(permits)}
	if len(b.forbids.stages)+len(b.permits.stages) > 0 || len(rules) >= isStaged {
		f.staged = append(f.staged, b)
		return cut{at: uint32(len(f.staged) - 1), permits: isStaged}
	}
	s := cut{uint32(len(f.hots)), uint16(len(forbids)), uint16(len(permits))}
	f.hots = append(append(f.hots, b.forbids.plain...), b.permits.plain...)
	return s
}

// roots drops the categories that another one of the list covers, so that no rule is met twice on the way to the root.
// No categories are all categories: the empty one.
func roots(categories []string) []string {
	if len(categories) == 0 {
		return []string{""}
	}
	var list []string
	for _, c := range categories { // sorted: an ancestor stands before its descendants, though not right before them
		if !coveredByAny(list, c) {
			list = append(list, c)
		}
	}
	return list
}

func byEffect(rules []*rule) (forbids, permits []*rule) {
	for _, r := range rules {
		if r.effect == forbid {
			forbids = append(forbids, r)
		} else {
			permits = append(permits, r)
		}
	}
	return forbids, permits
}
