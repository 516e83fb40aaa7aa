package policy

import (
	"cmp"
	"slices"
	"time"
)

// Wall keeps apart counterparties that compete (D. F. C. Brewer and M. J. Nash, The Chinese Wall Security Policy, 1989): who
// has worked for some members of a class may not work for another one until the cooling-off ends. It acts like a forbid,
// on the actions that have a counterparty: match, summarise, reveal, engage and renew.
type Wall struct {
	ID         string        `json:"id"`
	Key        []string      `json:"key,omitempty"` // text attributes whose values each have their own history; none: one history
	Class      string        `json:"class"`         // text attribute that tells who competes with whom, such as counterparty.naics
	Distinct   int           `json:"distinct"`      // how many members of a class one may work for at a time; default 1
	CoolingOff time.Duration `json:"coolingOff"`    // how long a member counts after the work
	Categories []string      `json:"categories,omitempty"`
}

// Served is one member of a class whom somebody works for or has worked for.
type Served struct {
	Wall   string    `json:"wall"`
	Key    []string  `json:"key,omitempty"` // values of the wall's key attributes, in their order
	Class  string    `json:"class"`
	Member string    `json:"member"`         // the counterparty, see Request.Member
	Until  time.Time `json:"until,omitzero"` // when the cooling-off ends, exclusive; zero: the work goes on
}

// FoldWall returns whom a wall counts at now: one entry per account, class and member, sorted, those whose cooling-off is
// over left out. Work begins with [HoldEngaged] and ends with [HoldReleased], though not before it began. It is a pure
// function: duplicates and events after now change nothing. An engagement without an attribute of the wall is counted in no
// history. What is placed anew in an engaged hold adds to whom it served, and takes nobody away.
func FoldWall(wall Wall, events []UsageEvent, now time.Time) []Served {
	var list []Served
	for _, h := range foldHolds(events, now) {
		if h.engaged.IsZero() {
			continue
		}
		until := h.coolsUntil(wall.CoolingOff)
		for _, e := range append(h.before, h.placed) {
			key, ok := e.key(wall.Key)
			class := e.Attrs[wall.Class]
			if s := (Served{Wall: wall.ID, Key: key, Class: class, Member: e.Member, Until: until}); ok && class != "" && s.live(now) {
				list = append(list, s)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b Served) int { return cmp.Or(a.compare(b), -compareEnds(a.Until, b.Until)) })
	return slices.CompactFunc(list, func(a, b Served) bool { return a.compare(b) == 0 }) // the last end stays
}

// coolsUntil is when an engagement stops counting; zero: it goes on.
func (h *hold) coolsUntil(coolingOff time.Duration) time.Time {
	switch {
	case !h.released:
		return time.Time{}
	case h.ended.Before(h.engaged):
		return h.engaged.Add(coolingOff)
	}
	return h.ended.Add(coolingOff)
}

// FoldWalls folds the events for all walls of an employer, for Request.Served.
func (s *Set) FoldWalls(employer string, events []UsageEvent, now time.Time) []Served {
	var list []Served
	if doc := s.document(employer); doc != nil {
		for _, w := range doc.walls {
			list = append(list, FoldWall(w.Wall, events, now)...)
		}
	}
	return list
}

func (s Served) compare(b Served) int {
	return cmp.Or(cmp.Compare(s.Wall, b.Wall), slices.Compare(s.Key, b.Key), cmp.Compare(s.Class, b.Class), cmp.Compare(s.Member, b.Member))
}

// compareEnds orders ends, of which zero is the last.
func compareEnds(a, b time.Time) int {
	switch {
	case a.Equal(b):
		return 0
	case a.IsZero():
		return 1
	case b.IsZero():
		return -1
	}
	return a.Compare(b)
}

func (s Served) live(now time.Time) bool { return s.Until.IsZero() || now.Before(s.Until) }

// Refuses reports whether the wall keeps an account from a member of a class at now. A member it works for already, or has
// worked for lately, is not refused. A member without a name cannot be told apart and counts as another one.
func (w *Wall) Refuses(key []string, class, member string, served []Served, now time.Time) bool {
	var others []string
	for _, s := range served {
		if s.Wall != w.ID || s.Class != class || !slices.Equal(s.Key, key) || !s.live(now) {
			continue
		}
		if s.Member == member && member != "" {
			return false
		}
		if s.Member == "" || !slices.Contains(others, s.Member) {
			others = append(others, s.Member)
		}
	}
	return len(others) >= max(w.Distinct, 1)
}

// hasCounterparty reports whether an action is about another firm.
func hasCounterparty(a Action) bool {
	return a == Match || a == Summarise || a == Reveal || a == Engage || a == Renew
}

// walled returns the reasons for which walls deny a request. What a wall needs and cannot see denies too; both look alike,
// since the class tells of the counterparty.
func (b *bound) walled() (reasons []Reason) {
	if !hasCounterparty(b.req.Action) {
		return nil
	}
	for _, w := range b.doc.walls {
		if (len(w.Categories) == 0 || coveredByAny(w.Categories, b.req.Category)) && b.refusedBy(&w.Wall) {
			reasons = append(reasons, Reason{Rule: "wall:" + w.ID, Text: "excluded by wall " + w.ID, Tainted: true})
		}
	}
	return reasons
}

func (b *bound) refusedBy(w *Wall) bool {
	class := b.text(w.Class)
	if class == "" {
		return true
	}
	var key []string
	for _, name := range w.Key {
		v := b.text(name)
		if v == "" {
			return true
		}
		key = append(key, v)
	}
	return w.Refuses(key, class, b.req.Member, b.req.Served, b.req.Now)
}

// wallDoc is a wall with its places.
type wallDoc struct {
	Wall
	at   place
	keys []ref
}

func (d *decoder) wall(n *node) {
	w := &wallDoc{at: n.place, Wall: Wall{Distinct: 1}}
	d.named(n, func() {
		d.object(n, "wall",
			field{"id", true, func(n *node) { w.ID = d.word(n, "id") }},
			field{"key", false, func(n *node) { w.keys = d.refs(n, "key") }},
			field{"class", true, func(n *node) { w.Class = d.textAttribute(ref{d.word(n, "class"), n.place}, "class") }},
			field{"distinct", false, func(n *node) { w.Distinct = int(d.integer(n, "distinct", 1, maxListed)) }},
			field{"cooling_off", true, func(n *node) { w.CoolingOff = d.duration(n, "cooling_off", 0) }},
			field{"categories", false, func(n *node) { w.Categories = d.categories(n) }})
		for _, key := range w.keys {
			w.Key = append(w.Key, d.textAttribute(key, "key"))
		}
	})
	d.doc.walls = append(d.doc.walls, w)
}

// textAttribute checks that a name is an attribute of the schema and text.
func (d *decoder) textAttribute(r ref, what string) string {
	switch a, ok := d.schema.attrs[r.id]; {
	case !ok:
		d.fail(r.at, "%s: %s", what, d.schema.table.UnknownAttribute(r.id))
	case a.Kind != KindString:
		d.fail(r.at, "%s: '%s' is %s, want string", what, r.id, a.Kind)
	}
	return r.id
}

func (w *wallDoc) normal() object {
	return object{"id": w.ID, "key": w.Key, "class": w.Class, "distinct": w.Distinct, "cooling_off": w.CoolingOff, "categories": w.Categories}
}

// Walls returns an employer's walls, sorted by id. The caller owns the result.
func (s *Set) Walls(employer string) []Wall {
	doc := s.document(employer)
	if doc == nil {
		return nil
	}
	list := make([]Wall, len(doc.walls))
	for i, w := range doc.walls {
		list[i] = w.Wall
		list[i].Key, list[i].Categories = slices.Clone(w.Key), slices.Clone(w.Categories)
	}
	return list
}
