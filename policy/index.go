package policy

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strings"
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
}

// firm is one employer's document with its rules by category and action.
type firm struct {
	*document
	cats []*heading // open-addressed by category, at most half full
}

// heading is what a firm says about one category. Its parent is the nearest ancestor the firm says something about.
type heading struct {
	hash     uint64
	category string
	parent   *heading
	by       [actionCount]*bucket
}

// bucket holds the rules of one category and action, without those of its ancestors.
type bucket struct {
	forbids, permits group
}

// group is rules of one effect, in the order of the document's rules.
type group struct {
	plain []*rule
}

func newGroup(rules []*rule) group { return group{plain: rules} }

func newFirms(capacity int) firms { return firms{slots: make([]firmSlot, tableSize(capacity))} }

// tableSize is a power of two, at least twice n.
func tableSize(n int) int { return 1 << bits.Len(uint(max(2*n, 2)-1)) }

func (t *firms) find(hash uint64, employer string) *firm {
	if len(t.slots) == 0 {
		return nil
	}
	mask := uint64(len(t.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		s := &t.slots[i]
		switch {
		case s.firm == nil:
			return nil
		case s.hash == hash && s.firm.employer == employer:
			return s.firm
		}
	}
}

// put adds a firm or replaces the one of the same employer. Only a table that no set holds yet may be changed.
func (t *firms) put(hash uint64, f *firm) {
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
	for t.slots[i].firm != nil && (t.slots[i].hash != hash || t.slots[i].firm.employer != f.employer) {
		i = (i + 1) & mask
	}
	if t.slots[i].firm == nil {
		t.count++
	}
	t.slots[i] = firmSlot{hash, f}
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

// heading finds what the firm says about a category or about the nearest of its ancestors; nil if nothing.
func (f *firm) heading(p *path) *heading {
	mask := uint64(len(f.cats) - 1)
	for k := range p.ends {
		hash, name := p.hashes[k], p.text[:p.ends[k]]
		for i := hash & mask; ; i = (i + 1) & mask {
			h := f.cats[i]
			if h == nil {
				break
			}
			if h.hash == hash && h.category == name {
				return h
			}
		}
	}
	return nil
}

// path is a category with its ancestors, the longest first and the empty one last.
type path struct {
	text   string
	ends   []int
	hashes []uint64
}

func (p *path) reset(seed maphash.Seed, category string) {
	p.text, p.ends, p.hashes = category, p.ends[:0], p.hashes[:0]
	for end := len(category); end >= 0; end = strings.LastIndexByte(category[:end], '.') {
		p.ends = append(p.ends, end)
		p.hashes = append(p.hashes, maphash.String(seed, category[:end]))
	}
	if category != "" {
		p.ends = append(p.ends, 0)
		p.hashes = append(p.hashes, maphash.String(seed, ""))
	}
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
	f := &firm{document: doc, cats: make([]*heading, tableSize(len(lists)))}
	mask := uint64(len(f.cats) - 1)
	for category, by := range lists {
		h := &heading{hash: maphash.String(seed, category), category: category}
		for a, rules := range by {
			h.by[a] = newBucket(rules)
		}
		i := h.hash & mask
		for f.cats[i] != nil {
			i = (i + 1) & mask
		}
		f.cats[i] = h
	}
	for _, h := range f.cats {
		if h != nil && h.category != "" {
			var p path
			p.reset(seed, h.category)
			p.ends, p.hashes = p.ends[1:], p.hashes[1:]
			h.parent = f.heading(&p)
		}
	}
	return f
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

func newBucket(rules []*rule) *bucket {
	if len(rules) == 0 {
		return nil
	}
	var forbids, permits []*rule
	for _, r := range rules {
		if r.effect == forbid {
			forbids = append(forbids, r)
		} else {
			permits = append(permits, r)
		}
	}
	return &bucket{newGroup(forbids), newGroup(permits)}
}
