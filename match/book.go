package match

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"
)

// A Slot is a part of a plan or a hold. For hours of an offer with windows it
// is an uninterrupted block of Amount from Start on one unit; for an offer
// without windows it is Amount at some time of an ISO week, and Start and End
// bound it; for an area it is Amount from Start to End without a break.
type Slot struct {
	Start  time.Time `json:"start"`
	End    time.Time `json:"end"`
	Unit   int       `json:"unit"` // 0 … Units−1
	Amount Amount    `json:"amount"`
}

// A Hold books slots of an offer for a need. A provisional hold ends at Until
// unless it was made firm; the book does not watch the clock, see
// [Book.Expired].
type Hold struct {
	ID          string    `json:"id"`
	Offer       string    `json:"offer"`
	Need        string    `json:"need"`
	Session     string    `json:"session"`
	Firm        string    `json:"firm"`             // owner
	Group       string    `json:"group"`            // demand side's employer group
	Person      string    `json:"person,omitempty"` // offered person
	Category    string    `json:"category"`
	Slots       []Slot    `json:"slots"`
	Amount      Amount    `json:"amount"`
	Provisional bool      `json:"provisional,omitempty"`
	Until       time.Time `json:"until,omitzero"`
}

// A Book is the fold of all holds: a pure value without a clock that never
// lets a hold exceed what its offer has. It is not safe for concurrent use
// while it is changed; its methods that only read may run concurrently.
type Book struct {
	holds   map[string]*Hold
	byOffer map[string][]*Hold // by ID
}

// NewBook returns an empty book.
func NewBook() *Book {
	return &Book{holds: map[string]*Hold{}, byOffer: map[string][]*Hold{}}
}

// Place books h on o, or changes nothing. The book keeps its own copy of the
// slots. The cost grows with the slots held on o.
//
// It returns [ErrHoldExists] if a hold of this ID was ever placed and not
// released completely; [ErrNoCapacity] if some unit would be used twice at one
// time, or the productive hours of an occurrence, the hours of an ISO week,
// the total, or an area on some day would be exceeded, or a slot lies outside
// the offer's windows; a *[FieldError] if the hold names another offer, if its
// slots do not add up to its amount, if a slot is empty, on a unit that does
// not exist or shorter than its hours, or if o is invalid.
func (b *Book) Place(o *Offer, h Hold) error {
	c, err := compileOffer(o, loadZone)
	if err != nil {
		return err
	}
	if err := h.check(o, c); err != nil {
		return err
	}
	if b.holds[h.ID] != nil {
		return ErrHoldExists
	}
	if !b.fits(o, c, h.Slots) {
		return ErrNoCapacity
	}
	own := h
	own.Slots = slices.Clone(h.Slots)
	b.holds[h.ID] = &own
	i, _ := slices.BinarySearchFunc(b.byOffer[h.Offer], h.ID, func(x *Hold, id string) int { return cmp.Compare(x.ID, id) })
	b.byOffer[h.Offer] = slices.Insert(b.byOffer[h.Offer], i, &own)
	return nil
}

// Firm makes a provisional hold firm and reports whether the hold exists.
// Firm holds stay firm.
func (b *Book) Firm(id string) bool {
	h := b.holds[id]
	if h == nil {
		return false
	}
	h.Provisional, h.Until = false, time.Time{}
	return true
}

// Release frees the slots of a hold that start at or after from, all of them
// if from is zero, and reports whether the hold exists. A hold without slots
// is gone.
func (b *Book) Release(id string, from time.Time) bool {
	h := b.holds[id]
	if h == nil {
		return false
	}
	h.Slots = slices.DeleteFunc(h.Slots, func(s Slot) bool { return from.IsZero() || !s.Start.Before(from) })
	h.Amount = sumSlots(h.Slots)
	if len(h.Slots) > 0 {
		return true
	}
	delete(b.holds, id)
	left := slices.DeleteFunc(b.byOffer[h.Offer], func(x *Hold) bool { return x == h })
	if b.byOffer[h.Offer] = left; len(left) == 0 {
		delete(b.byOffer, h.Offer)
	}
	return true
}

// Trim keeps of a hold the earliest hours that were worked and frees the rest;
// it reports whether the hold exists. Worked hours beyond the hold change
// nothing.
func (b *Book) Trim(id string, worked Amount) bool {
	h := b.holds[id]
	if h == nil {
		return false
	}
	if worked <= 0 {
		return b.Release(id, time.Time{})
	}
	for i := range h.Slots {
		s := &h.Slots[i]
		if s.Amount < worked {
			worked -= s.Amount
			continue
		}
		if s.End.Sub(s.Start) == s.Amount.Duration() { // a block, not a week's share
			s.End = s.Start.Add(worked.Duration())
		}
		s.Amount = worked
		h.Slots = h.Slots[:i+1]
		break
	}
	h.Amount = sumSlots(h.Slots)
	return true
}

// Hold returns a copy of a hold.
func (b *Book) Hold(id string) (Hold, bool) {
	h := b.holds[id]
	if h == nil {
		return Hold{}, false
	}
	return h.clone(), true
}

// Holds returns copies of the holds on an offer, in order of their IDs.
func (b *Book) Holds(offer string) []Hold {
	var out []Hold
	for _, h := range b.byOffer[offer] {
		out = append(out, h.clone())
	}
	return out
}

// All returns copies of all holds, in order of their IDs.
func (b *Book) All() []Hold {
	out := make([]Hold, 0, len(b.holds))
	for _, id := range slices.Sorted(maps.Keys(b.holds)) {
		out = append(out, b.holds[id].clone())
	}
	return out
}

// Expired returns the IDs of the provisional holds whose Until is not after
// now, in order. Releasing them is the caller's step, since it is logged.
func (b *Book) Expired(now time.Time) []string {
	var out []string
	for id, h := range b.holds {
		if h.Provisional && !h.Until.IsZero() && !h.Until.After(now) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out
}

// Remaining returns what no hold takes: for hours the lesser of the offer's
// total and what its windows hold on all units (or its weeks, from Available
// to Expires, at the weekly limit), less everything held; for an area the part
// that is free on every day. It is never negative. Past and future count
// alike.
//
// It returns [ErrUnbounded] if the offer states neither total nor end, and a
// *[FieldError] if o is invalid.
func (b *Book) Remaining(o *Offer) (Amount, error) {
	c, err := compileOffer(o, loadZone)
	if err != nil {
		return 0, err
	}
	return b.remaining(o, c)
}

func (b *Book) remaining(o *Offer, c *calendar) (Amount, error) {
	if o.Quantity.Unit == SquareMetres {
		if o.Quantity.Value == 0 {
			return 0, ErrUnbounded
		}
		return b.freeArea(o, c, Interval{c.life.Start, c.end()}), nil
	}
	total, bounded := c.total(o)
	if !bounded {
		return 0, ErrUnbounded
	}
	return max(0, total-b.held(o.ID)), nil
}

// total returns the hours an offer has in all and whether they are bounded.
func (c *calendar) total(o *Offer) (Amount, bool) {
	total, bounded := o.Quantity.Value, o.Quantity.Value > 0
	limit := func(a Amount) {
		if !bounded || a < total {
			total, bounded = a, true
		}
	}
	switch {
	case !c.loose:
		limit(c.windowHours(o.Quantity.PerWeek))
	case !c.life.Start.IsZero() && !c.life.End.IsZero():
		limit(c.lifeHours(o.Quantity.PerWeek))
	}
	return total, bounded
}

// windowHours sums the windows of all units, at most perWeek (if any) in each
// ISO week.
func (c *calendar) windowHours(perWeek Amount) Amount {
	weeks := map[week]Amount{}
	for _, s := range c.spans {
		weeks[weekOf(s.Start, c.zone)] += s.capacity * Amount(c.units)
	}
	var sum Amount
	for _, a := range weeks {
		if perWeek > 0 {
			a = min(a, perWeek)
		}
		sum += a
	}
	return sum
}

// lifeHours sums the ISO weeks of a life without windows.
func (c *calendar) lifeHours(perWeek Amount) Amount {
	var sum Amount
	for s := range c.weeks(c.life) {
		a := s.capacity * Amount(c.units)
		if perWeek > 0 {
			a = min(a, perWeek)
		}
		sum = min(sum+a, maxAmount)
	}
	return sum
}

// weeks yields the ISO weeks of a time as spans, cut at its ends, at most
// 530 of them.
func (c *calendar) weeks(t Interval) func(func(span) bool) {
	return func(yield func(span) bool) {
		for start, n := t.Start, 0; start.Before(t.End) && n < 53*maxPlanYears; n++ {
			end := earlier(nextWeek(start, c.zone), t.End)
			i := Interval{start, end}
			if !yield(span{i, i.Hours()}) {
				return
			}
			start = end
		}
	}
}

func (b *Book) held(offer string) Amount {
	var sum Amount
	for _, h := range b.byOffer[offer] {
		sum += h.Amount
	}
	return sum
}

// slots yields every slot held on an offer.
func (b *Book) slots(offer string) func(func(Slot) bool) {
	return func(yield func(Slot) bool) {
		for _, h := range b.byOffer[offer] {
			for _, s := range h.Slots {
				if !yield(s) {
					return
				}
			}
		}
	}
}

func (h Hold) clone() Hold {
	h.Slots = slices.Clone(h.Slots)
	return h
}

func sumSlots(slots []Slot) Amount {
	var sum Amount
	for _, s := range slots {
		sum += s.Amount
	}
	return sum
}

func (h *Hold) check(o *Offer, c *calendar) error {
	switch {
	case h.ID == "":
		return fieldErr("id", h.ID, "an id")
	case h.Offer != o.ID:
		return fieldErr("offer", "another offer", "the offer the hold is placed on")
	case len(h.Slots) == 0:
		return fieldErr("slots", 0, "at least one")
	}
	for i, s := range h.Slots {
		field := fmt.Sprintf("slots[%d]", i)
		switch {
		case s.Amount <= 0 || s.Amount > MaxAmount:
			return fieldErr(field+".amount", int64(s.Amount), "an amount above 0")
		case s.Unit < 0 || s.Unit >= c.units:
			return fieldErr(field+".unit", s.Unit, fmt.Sprintf("0 to %d", c.units-1))
		case !s.End.After(s.Start):
			return fieldErr(field+".end", s.End.Format(time.RFC3339), "after start")
		case o.Quantity.Unit == Hours && s.interval().Hours() < s.Amount:
			return fieldErr(field+".amount", int64(s.Amount), "at most the slot's length")
		}
	}
	if sum := sumSlots(h.Slots); sum != h.Amount {
		return fieldErr("amount", int64(h.Amount), fmt.Sprintf("the slots' sum %d", sum))
	}
	return nil
}

func (s Slot) interval() Interval { return Interval{s.Start, s.End} }

// fits reports whether slots can be held beside all others on o.
func (b *Book) fits(o *Offer, c *calendar, slots []Slot) bool {
	all := slices.Collect(b.slots(o.ID))
	all = append(all, slots...)
	for _, s := range slots {
		if s.Start.Before(c.life.Start) || s.End.After(c.end()) {
			return false
		}
	}
	if o.Quantity.Unit == SquareMetres {
		return c.areaFits(o, all, slots)
	}
	if o.Quantity.Value > 0 && sumSlots(all) > o.Quantity.Value {
		return false
	}
	return c.weeksFit(o, all, slots) && (c.loose || c.blocksFit(all, slots))
}

// weeksFit checks the weekly limit of the weeks that slots touch; without
// windows also that a week holds no more hours than it has.
func (c *calendar) weeksFit(o *Offer, all, slots []Slot) bool {
	sums := map[week]Amount{}
	for _, s := range all {
		sums[weekOf(s.Start, c.zone)] += s.Amount
	}
	for _, s := range slots {
		sum := sums[weekOf(s.Start, c.zone)]
		if o.Quantity.PerWeek > 0 && sum > o.Quantity.PerWeek {
			return false
		}
		if !c.loose {
			continue
		}
		whole := Interval{weekStart(s.Start, c.zone), nextWeek(s.Start, c.zone)}
		if s.End.After(whole.End) || sum > whole.Hours()*Amount(c.units) {
			return false
		}
	}
	return true
}

// blocksFit checks that each slot lies in one occurrence, meets no other on
// its unit, and that the occurrence's productive hours suffice.
func (c *calendar) blocksFit(all, slots []Slot) bool {
	for i, s := range slots {
		at := c.spanAt(s.Start)
		if at < 0 || s.End.After(c.spans[at].End) {
			return false
		}
		var used Amount
		self := len(all) - len(slots) + i
		for j, x := range all {
			if x.Unit != s.Unit {
				continue
			}
			if j != self && x.Start.Before(s.End) && s.Start.Before(x.End) {
				return false
			}
			if !x.Start.Before(c.spans[at].Start) && x.Start.Before(c.spans[at].End) {
				used += x.Amount
			}
		}
		if used > c.spans[at].capacity {
			return false
		}
	}
	return true
}

// spanAt returns the index of the span that contains t, or -1.
func (c *calendar) spanAt(t time.Time) int {
	i, found := slices.BinarySearchFunc(c.spans, t, func(s span, t time.Time) int { return s.Start.Compare(t) })
	if !found {
		i--
	}
	if i < 0 || !t.Before(c.spans[i].End) {
		return -1
	}
	return i
}

// areaFits checks the area on every local day that slots touch.
func (c *calendar) areaFits(o *Offer, all, slots []Slot) bool {
	if o.Quantity.Value == 0 {
		return true
	}
	for _, s := range slots {
		if c.peak(all, s.interval()) > o.Quantity.Value*Amount(c.units) {
			return false
		}
	}
	return true
}

// freeArea returns the area that is free on every local day of t.
func (b *Book) freeArea(o *Offer, c *calendar, t Interval) Amount {
	all := slices.Collect(b.slots(o.ID))
	return max(0, o.Quantity.Value*Amount(c.units)-c.peak(all, t))
}

// peak returns the largest sum of slots on one local day of t. The sum rises
// only on a day on which a slot starts, or at the start of t.
func (c *calendar) peak(slots []Slot, t Interval) Amount {
	t = t.wholeDays(c.zone)
	days := make([]Interval, len(slots))
	starts := []time.Time{t.Start}
	for i, s := range slots {
		days[i] = s.interval().wholeDays(c.zone)
		if days[i].Start.After(t.Start) && days[i].Start.Before(t.End) {
			starts = append(starts, days[i].Start)
		}
	}
	var top Amount
	for _, day := range starts {
		var sum Amount
		for i, s := range slots {
			if !days[i].Start.After(day) && days[i].End.After(day) {
				sum += s.Amount
			}
		}
		top = max(top, sum)
	}
	return top
}
