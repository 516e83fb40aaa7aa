package match

import (
	"cmp"
	"slices"
	"time"
)

// A Plan says when and on which unit an offer would give a need its quantity.
// Holding exactly these slots is sure to succeed while the book is unchanged.
type Plan struct {
	Slots  []Slot `json:"slots"` // by start, then unit
	Amount Amount `json:"amount"`
	Full   bool   `json:"full"` // all that was asked, not a part
}

// Plan allocates o to n, earliest first, within n's time and windows, not
// before now, beside everything held. It is deterministic and changes nothing.
//
// Blocks are at least n.MinBlock long; where the rest of the quantity would be
// shorter, earlier blocks are shortened instead. Amounts are multiples of both
// granularities: a quantity is rounded up to one, but an excess of at most a
// thousandth, the noise of a unit conversion, is dropped. The result is never
// below either side's minimum lot. An offer without windows gives one slot per
// ISO week of its zone. A need per week gets its amount in each of its weeks,
// counted from the week of n.From, and the minimum lots hold per week. An area
// is given from n.From to n.Until without a break.
//
// If n allows a partial fill the plan may be smaller, as large as can be under
// these rules; for a weekly need some weeks may then be missing.
//
// It costs O(s·h + s log s) for s occurrences in n's time and h held slots. It
// returns [ErrNoCapacity] if there is no such plan, also when the units of the
// quantities differ, and a *[FieldError] if o or n is invalid.
func (b *Book) Plan(o *Offer, n *Need, now time.Time) (Plan, error) {
	c, err := compileOffer(o, loadZone)
	if err != nil {
		return Plan{}, under("offer", err)
	}
	d, err := compileNeed(n)
	if err != nil {
		return Plan{}, under("need", err)
	}
	return b.planner(o, c, n, d, now).plan()
}

// A planner allocates one offer to one need.
type planner struct {
	o    *Offer
	c    *calendar
	n    *Need
	d    *demand
	now  time.Time
	held []Slot

	perWeek Amount // 0 = no limit
	left    Amount // of the total
	lot     Amount
	step    Amount // see grain; 0 = not yet known
}

func (b *Book) planner(o *Offer, c *calendar, n *Need, d *demand, now time.Time) *planner {
	p := unlimited(o, c, n, d, now)
	p.held = slices.Collect(b.slots(o.ID))
	p.perWeek = o.Quantity.PerWeek
	p.lot = max(o.Quantity.MinLot, n.Quantity.MinLot)
	if o.Quantity.Value > 0 {
		p.left = max(0, o.Quantity.Value-sumSlots(p.held))
	}
	return p
}

// unlimited plans as if nothing were held and only the windows counted.
func unlimited(o *Offer, c *calendar, n *Need, d *demand, now time.Time) *planner {
	return &planner{o: o, c: c, n: n, d: d, now: now, left: maxAmount}
}

func (p *planner) plan() (Plan, error) {
	if p.o.Quantity.Unit != p.n.Quantity.Unit {
		return Plan{}, ErrNoCapacity
	}
	var plan Plan
	switch {
	case p.n.Quantity.Unit == SquareMetres:
		plan = p.area()
	case p.n.Quantity.PerWeek > 0:
		plan = p.weekly()
	default:
		plan.Slots, plan.Full = p.allocate(p.gaps(roundQuantity(p.d.total, p.grain())), p.d.total)
		plan.Amount = sumSlots(plan.Slots)
	}
	if len(plan.Slots) == 0 || !plan.Full && !p.n.Partial {
		return Plan{}, ErrNoCapacity
	}
	return plan, nil
}

// area gives one slot over the whole time, if the offer is there for it.
func (p *planner) area() Plan {
	t := Interval{p.n.From, p.n.Until}
	if t.Start.Before(p.c.life.Start) || t.End.After(p.c.end()) || !p.covered(t) || !p.now.Before(t.End) {
		return Plan{}
	}
	g := p.grain()
	want := roundQuantity(p.d.total, g)
	get := want
	if p.o.Quantity.Value > 0 {
		free := p.o.Quantity.Value*Amount(p.c.units) - p.c.peak(p.held, t)
		get = min(want, floorTo(free, g))
	}
	if get <= 0 || get < p.lot {
		return Plan{}
	}
	return Plan{Slots: []Slot{{Start: t.Start, End: t.End, Amount: get}}, Amount: get, Full: get == want}
}

// covered reports whether the windows, if any, contain t without a break.
func (p *planner) covered(t Interval) bool {
	if p.c.loose {
		return true
	}
	all := make([]Interval, len(p.c.spans))
	for i, s := range p.c.spans {
		all[i] = s.Interval
	}
	for _, i := range union(all) {
		if !t.Start.Before(i.Start) && !t.End.After(i.End) {
			return true
		}
	}
	return false
}

// weekly gives the weekly amount in each of the need's weeks.
func (p *planner) weekly() Plan {
	byWeek := map[week][]gap{}
	for _, g := range p.gaps(maxAmount) {
		byWeek[g.week] = append(byWeek[g.week], g)
	}
	plan := Plan{Full: true}
	monday := p.n.From
	for range p.n.Quantity.Weeks {
		slots, full := p.allocate(byWeek[weekOf(monday, p.c.zone)], p.n.Quantity.PerWeek)
		plan.Slots = append(plan.Slots, slots...)
		plan.Full = plan.Full && full
		p.left -= sumSlots(slots)
		monday = nextWeek(monday, p.c.zone)
	}
	plan.Amount = sumSlots(plan.Slots)
	return plan
}

// A gap is free time of one unit in one span, and the hours it can give.
type gap struct {
	Interval
	unit int
	week week
	give Amount // multiple of the grain, at least one block
}

// gaps returns what is free for the need, by start and unit. It may stop once
// the gaps so far can give want in blocks that are long enough.
func (p *planner) gaps(want Amount) []gap {
	used := map[week]Amount{}
	for _, s := range p.held {
		used[weekOf(s.Start, p.c.zone)] += s.Amount
	}
	var out []gap
	var sum Amount
	for s := range p.spans() {
		first := len(out)
		for unit := range p.c.units {
			out = p.gapsIn(out, s, unit)
		}
		slices.SortStableFunc(out[first:], gap.compare)
		if p.perWeek > 0 {
			out = p.capWeek(out, first, used)
		}
		for _, g := range out[first:] {
			sum += g.give
		}
		if sum >= want && p.block()*Amount(len(out)) <= want {
			return out
		}
	}
	return out
}

func (g gap) compare(h gap) int {
	return cmp.Or(g.Start.Compare(h.Start), cmp.Compare(g.unit, h.unit))
}

// capWeek cuts the gaps from first on by what their weeks' limit leaves; the
// earliest come first.
func (p *planner) capWeek(gaps []gap, first int, used map[week]Amount) []gap {
	kept := gaps[:first]
	for _, g := range gaps[first:] {
		g.give = floorTo(min(g.give, p.perWeek-used[g.week]), p.grain())
		if g.give >= p.block() {
			used[g.week] += g.give
			kept = append(kept, g)
		}
	}
	return kept
}

// spans yields the offer's spans that may meet the need's time.
func (p *planner) spans() func(func(span) bool) {
	t := Interval{later(p.n.From, p.c.life.Start), earlier(p.n.Until, p.c.end())}
	if p.c.loose {
		return p.c.weeks(t)
	}
	from, _ := slices.BinarySearchFunc(p.c.spans, t.Start, func(s span, t time.Time) int { return s.End.Compare(t) })
	return func(yield func(span) bool) {
		for _, s := range p.c.spans[from:] {
			if !s.Start.Before(t.End) || !yield(s) {
				return
			}
		}
	}
}

// gapsIn appends what is left of one span of one unit without what is held,
// the past and the times the need does not want.
func (p *planner) gapsIn(out []gap, s span, unit int) []gap {
	whole := [1]Interval{{later(s.Start, p.now), s.End}}
	free, budget := whole[:], s.capacity
	for _, h := range p.held {
		switch {
		case h.Unit != unit:
		case p.c.loose:
			if weekOf(h.Start, p.c.zone) == weekOf(s.Start, p.c.zone) {
				budget -= h.Amount
			}
		case !h.Start.Before(s.Start) && h.Start.Before(s.End):
			budget -= h.Amount
			free = cutOut(free, h.interval())
		}
	}
	first, _ := slices.BinarySearchFunc(p.d.within, s.Start, func(i Interval, t time.Time) int { return i.End.Compare(t) })
	for _, w := range p.d.within[first:] {
		if !w.Start.Before(s.End) {
			break
		}
		for _, f := range free {
			i := f.intersect(w)
			give := floorTo(min(i.Hours(), budget), p.grain())
			if give >= p.block() {
				out = append(out, gap{i, unit, weekOf(i.Start, p.c.zone), give})
				budget -= give
			}
		}
	}
	return out
}

// cutOut removes cut from disjoint intervals.
func cutOut(in []Interval, cut Interval) []Interval {
	var out []Interval
	for _, i := range in {
		if before := (Interval{i.Start, earlier(i.End, cut.Start)}); before.End.After(before.Start) {
			out = append(out, before)
		}
		if after := (Interval{later(i.Start, cut.End), i.End}); after.End.After(after.Start) {
			out = append(out, after)
		}
	}
	return out
}

// grain is the step of amounts: the least common multiple of both sides'
// granularities.
func (p *planner) grain() Amount {
	if p.step == 0 {
		p.step = p.commonStep()
	}
	return p.step
}

func (p *planner) commonStep() Amount {
	a, b := max(1, p.o.Quantity.Granularity), max(1, p.n.Quantity.Granularity)
	x, y := a, b
	for y != 0 {
		x, y = y, x%y
	}
	if a/x > maxAmount/b {
		return maxAmount
	}
	return a / x * b
}

// block is the shortest block, a multiple of the grain.
func (p *planner) block() Amount {
	g := p.grain()
	return max(g, ceilTo(p.n.MinBlock, g))
}

func floorTo(a, g Amount) Amount { return a - a%g }

func ceilTo(a, g Amount) Amount { return floorTo(a+g-1, g) }

// roundQuantity rounds up to the grain, except an excess of at most a
// thousandth of the quantity, which it drops.
func roundQuantity(a, g Amount) Amount {
	if down := floorTo(a, g); down > 0 && a-down <= a/1000 {
		return down
	}
	return ceilTo(a, g)
}

// allocate gives want out of gaps in blocks, or as much as it can, and says
// whether that is all. It gives nothing below the lot.
func (p *planner) allocate(gaps []gap, want Amount) (slots []Slot, full bool) {
	want = roundQuantity(want, p.grain())
	get := min(want, floorTo(p.left, p.grain()))
	chosen, get := choose(gaps, get, p.block())
	if get <= 0 || get < p.lot {
		return nil, false
	}
	for i, g := range chosen {
		give := min(g.give, get-p.block()*Amount(len(chosen)-1-i))
		get -= give
		s := Slot{Start: g.Start, End: g.End, Unit: g.unit, Amount: give}
		if !p.c.loose {
			s.End = s.Start.Add(give.Duration())
		}
		slots = append(slots, s)
	}
	return slots, sumSlots(slots) == want
}

// choose picks gaps, in order, that can give exactly want in blocks of at
// least block each, or the most below want. It prefers the earliest gaps; only
// if these are so small that the last block would be too short does it take
// the largest.
func choose(gaps []gap, want, block Amount) ([]gap, Amount) {
	if chosen, sum := take(gaps, want); sum >= want && block*Amount(len(chosen)) <= want {
		return chosen, want
	}
	n := int(min(want/block, Amount(len(gaps))))
	largest := slices.Clone(gaps)
	slices.SortStableFunc(largest, func(a, b gap) int { return cmp.Compare(b.give, a.give) })
	chosen, sum := take(largest[:n], want)
	slices.SortStableFunc(chosen, gap.compare)
	return chosen, min(sum, want)
}

// take returns the shortest prefix of gaps that gives want, or all of them.
func take(gaps []gap, want Amount) ([]gap, Amount) {
	var sum Amount
	for i, g := range gaps {
		if sum >= want {
			return slices.Clone(gaps[:i]), sum
		}
		sum += g.give
	}
	return slices.Clone(gaps), sum
}
