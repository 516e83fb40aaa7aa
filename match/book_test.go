package match_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/deeperpoint/csss/match"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// perNight sums slots by unit and start date.
func perNight(slots []match.Slot) map[string]match.Amount {
	sums := map[string]match.Amount{}
	for _, s := range slots {
		sums[fmt.Sprintf("%s/%d", s.Start.In(local("2026-09-14T00:00").Location()).Format("2006-01-02"), s.Unit)] += s.Amount
	}
	return sums
}

func TestSecondShiftHolds(t *testing.T) {
	o, n := steelcrest(), gridline()
	b := match.NewBook()
	left, err := b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, hours(368), left)

	p := place(t, b, "h1", o, n)
	assert.Equal(t, hours(50), p.Amount)
	assert.True(t, p.Full)
	for _, s := range p.Slots {
		assert.GreaterOrEqual(t, s.Amount, hours(4), "no block below the least")
	}
	left, err = b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, hours(318), left)

	second := gridline()
	second.Quantity.Value, second.Partial, second.MinBlock = hours(340), true, 0
	p = place(t, b, "h2", o, second)
	assert.Equal(t, hours(318), p.Amount)
	assert.False(t, p.Full)
	for _, h := range b.All() {
		for night, sum := range perNight(h.Slots) {
			assert.LessOrEqual(t, sum, hours(8), night)
		}
	}
	left, err = b.Remaining(&o)
	require.NoError(t, err)
	assert.Zero(t, left)
}

func TestSecondShiftHoldsInTheOtherOrder(t *testing.T) {
	o, big := steelcrest(), gridline()
	big.Quantity.Value, big.Partial = hours(340), true
	b := match.NewBook()
	assert.Equal(t, hours(340), place(t, b, "big", o, big).Amount)
	left, err := b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, hours(28), left)
	n := gridline()
	_, err = b.Plan(&o, &n, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity)
}

func TestHoursByWeekOfTheSecondShift(t *testing.T) {
	o, all := steelcrest(), gridline()
	all.Quantity.Value = hours(368)
	p, err := match.NewBook().Plan(&o, &all, autumn)
	require.NoError(t, err)
	weeks, err := match.HoursByWeek(p.Slots, toronto)
	require.NoError(t, err)
	want := []match.WeekAmount{}
	for w := 38; w <= 43; w++ {
		h := hours(64)
		if w == 42 {
			h = hours(48)
		}
		want = append(want, match.WeekAmount{Week: fmt.Sprintf("2026-W%d", w), Amount: h})
	}
	assert.Equal(t, want, weeks)
	_, err = match.HoursByWeek(nil, "Mars/Olympus")
	assert.Error(t, err)
}

func TestEarlierBlocksAreShortenedForTheLast(t *testing.T) {
	one := steelcrest()
	one.Units = 1
	for _, c := range []struct {
		want, block int
		blocks      []int
	}{
		{50, 4, []int{8, 8, 8, 8, 8, 6, 4}},
		{9, 4, []int{5, 4}},
		{8, 4, []int{8}},
		{17, 4, []int{8, 5, 4}},
		{17, 0, []int{8, 8, 1}},
		{15, 8, nil}, // 8 + 8 is too much and 8 + 7 too short
		{16, 8, []int{8, 8}},
		{9, 5, nil},
		{3, 3, []int{3}},
	} {
		t.Run(fmt.Sprintf("%d in blocks of %d", c.want, c.block), func(t *testing.T) {
			n := gridline()
			n.Quantity.Value, n.MinBlock = hours(c.want), hours(c.block)
			p, err := match.NewBook().Plan(&one, &n, autumn)
			if c.blocks == nil {
				assert.ErrorIs(t, err, match.ErrNoCapacity)
				return
			}
			require.NoError(t, err)
			var got []int
			for _, s := range p.Slots {
				got = append(got, int(s.Amount/match.Hour))
				assert.Equal(t, s.Amount.Duration(), s.End.Sub(s.Start))
			}
			assert.Equal(t, c.blocks, got)
		})
	}
}

func TestPlanPrefersLargerGapsWhereTheEarliestAreTooSmall(t *testing.T) {
	o := steelcrest()
	o.Units = 1
	b := match.NewBook()
	for i, day := range []string{"14", "15"} { // leaves 5 h on each of two nights
		at := local("2026-09-" + day + "T16:00")
		h := match.Hold{ID: fmt.Sprint(i), Offer: o.ID, Amount: hours(3), Slots: []match.Slot{{Start: at, End: at.Add(3 * time.Hour), Amount: hours(3)}}}
		require.NoError(t, b.Place(&o, h))
	}
	n := gridline()
	n.Quantity.Value = hours(7)
	p, err := b.Plan(&o, &n, autumn)
	require.NoError(t, err)
	require.Len(t, p.Slots, 1)
	assert.Equal(t, local("2026-09-16T16:00").UTC(), p.Slots[0].Start.UTC())
}

func TestPlanHonoursNeedWindowsAndNow(t *testing.T) {
	o, n := steelcrest(), gridline()
	n.Windows = []match.Window{{Zone: toronto, Start: "2026-09-14T20:00", End: "2026-09-15T06:00", RRule: "FREQ=DAILY;COUNT=60"}}
	p, err := match.NewBook().Plan(&o, &n, local("2026-09-21T12:00"))
	require.NoError(t, err)
	for _, s := range p.Slots {
		assert.False(t, s.Start.Before(local("2026-09-21T12:00")))
		l := s.Start.In(local("2026-09-21T12:00").Location())
		assert.GreaterOrEqual(t, l.Hour(), 20)
		assert.LessOrEqual(t, s.Amount, 4*match.Hour+500)
	}
}

// guidance is two to four hours a week of a quality manager.
func guidance() match.Offer {
	return match.Offer{ID: "guidance", Firm: "corrway", Person: "p1", Kind: match.Expertise, Category: "expertise.quality.iatf16949",
		Zone: toronto, Site: towns["London"], Mode: match.Remote | match.OnSite, RadiusKM: 80,
		Quantity: match.Quantity{Unit: match.Hours, PerWeek: hours(4), MinLot: hours(2)}, Currency: "CAD",
		Exclude: match.Exclusion{NAICS: []string{"336370"}}}
}

// client asks for hours a week over eight weeks.
func client(town, monday string, perWeek int) match.Need {
	from := local(monday + "T00:00")
	return match.Need{ID: town, Firm: "firm-" + town, Kind: match.Guidance, Category: "expertise.quality.iatf16949", Zone: toronto,
		Site: towns[town], Mode: match.Remote | match.OnSite, From: from, Until: from.AddDate(0, 0, 56), NAICS: "326199",
		Quantity: match.Quantity{Unit: match.Hours, PerWeek: hours(perWeek), Weeks: 8, MinLot: hours(2)}, Currency: "CAD"}
}

func TestWeeklyHours(t *testing.T) {
	o := guidance()
	b := match.NewBook()
	p := place(t, b, "client1", o, client("Stratford", "2026-09-28", 3))
	assert.Equal(t, hours(24), p.Amount)
	weeks, err := match.HoursByWeek(p.Slots, toronto)
	require.NoError(t, err)
	require.Len(t, weeks, 8)
	for _, w := range weeks {
		assert.Equal(t, hours(3), w.Amount, w.Week)
	}
	n := client("Kitchener", "2026-09-28", 2)
	_, err = b.Plan(&o, &n, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity, "4 − 3 < 2")
	n.Partial = true
	_, err = b.Plan(&o, &n, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity, "one hour is below the lot")
	later := client("Kitchener", "2026-11-23", 2)
	p, err = b.Plan(&o, &later, autumn)
	require.NoError(t, err)
	assert.Equal(t, hours(16), p.Amount)

	over := match.Hold{ID: "over", Offer: o.ID, Amount: hours(2), Slots: []match.Slot{
		{Start: local("2026-09-29T09:00"), End: local("2026-09-29T11:00"), Amount: hours(2)}}}
	assert.ErrorIs(t, b.Place(&o, over), match.ErrNoCapacity, "five hours in one week")
	_, err = b.Remaining(&o)
	assert.ErrorIs(t, err, match.ErrUnbounded)
}

func TestReleaseFromATimeOnKeepsWhatBegan(t *testing.T) {
	o := guidance()
	b := match.NewBook()
	place(t, b, "c", o, client("Stratford", "2027-06-07", 3))
	require.True(t, b.Release("c", local("2027-07-01T00:00")))
	h, ok := b.Hold("c")
	require.True(t, ok)
	assert.Equal(t, hours(12), h.Amount, "four weeks had begun")
	assert.Len(t, h.Slots, 4)
	require.True(t, b.Release("c", time.Time{}))
	_, ok = b.Hold("c")
	assert.False(t, ok)
	assert.False(t, b.Release("c", time.Time{}))
	assert.Empty(t, b.Holds(o.ID))
}

func TestOfferThatEndsGivesNoWeekAfterwards(t *testing.T) {
	o, n := guidance(), client("Stratford", "2027-06-07", 3)
	o.Expires = local("2027-07-01T00:00")
	b := match.NewBook()
	_, err := b.Plan(&o, &n, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity)
	n.Partial = true
	p, err := b.Plan(&o, &n, autumn)
	require.NoError(t, err)
	assert.Equal(t, hours(12), p.Amount)
	o.Available = local("2027-06-07T00:00")
	left, err := b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, hours(16), left)
}

func TestFridayAfternoons(t *testing.T) {
	o := steelcrest()
	o.Windows, o.Units = []match.Window{fridays()}, 1
	n := gridline()
	n.From, n.Until, n.MinBlock, n.Quantity.Value = local("2026-10-01T00:00"), local("2026-12-01T00:00"), 0, hours(30)
	n.Windows = []match.Window{{Zone: toronto, Start: "2026-10-02T12:00", End: "2026-10-02T18:00", RRule: "FREQ=WEEKLY;COUNT=9"}}
	b := match.NewBook()
	left, err := b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, hours(32), left)
	p, err := b.Plan(&o, &n, autumn)
	require.NoError(t, err)
	assert.Equal(t, hours(30), p.Amount)
	o.Windows[0].Except = []string{"2026-11-13"}
	_, err = b.Plan(&o, &n, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity, "28 h do not cover 30 h")
	n.Partial = true
	p, err = b.Plan(&o, &n, autumn)
	require.NoError(t, err)
	assert.Equal(t, hours(28), p.Amount)
}

// annex is 200 m² of floor.
func annex() match.Offer {
	return match.Offer{ID: "annex", Firm: "bayfront", Kind: match.Space, Category: "space.floor", Zone: toronto, Site: towns["Hamilton"],
		Available: local("2026-10-01T00:00"), Expires: local("2026-12-21T00:00"),
		Quantity: match.Quantity{Unit: match.SquareMetres, Value: 200_000, MinLot: 50_000, Granularity: 100}}
}

func floorspace(id string, milli match.Amount, from, until string) match.Need {
	return match.Need{ID: id, Firm: id, Kind: match.Space, Category: "space.floor", Zone: toronto, Site: towns["Guelph"], Partial: true,
		From: local(from + "T00:00"), Until: local(until + "T00:00"), Quantity: match.Quantity{Unit: match.SquareMetres, Value: milli}}
}

func TestAreasInLots(t *testing.T) {
	o := annex()
	n1 := floorspace("n1", 120_003, "2026-10-05", "2026-12-14") // 1,291.7 ft²
	n2 := floorspace("n2", 100_000, "2026-10-12", "2026-12-07")
	first := match.NewBook()
	p := place(t, first, "n1", o, n1)
	assert.Equal(t, match.Amount(120_000), p.Amount)
	assert.True(t, p.Full)
	p = place(t, first, "n2", o, n2)
	assert.Equal(t, match.Amount(80_000), p.Amount)
	assert.False(t, p.Full)
	left, err := first.Remaining(&o)
	require.NoError(t, err)
	assert.Zero(t, left)

	second := match.NewBook()
	place(t, second, "n2", o, n2)
	assert.Equal(t, match.Amount(100_000), place(t, second, "n1", o, n1).Amount)

	third := match.NewBook()
	place(t, third, "n1", o, n1)
	place(t, third, "n3", o, floorspace("n3", 50_000, "2026-10-12", "2026-12-07"))
	_, err = third.Plan(&o, &n2, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity, "30 m² are below the lot")
	early := floorspace("early", 80_000, "2026-10-01", "2026-10-05")
	p, err = third.Plan(&o, &early, autumn)
	require.NoError(t, err)
	assert.True(t, p.Full, "before the others come all is free")
	outside := floorspace("outside", 80_000, "2026-12-14", "2026-12-22")
	_, err = third.Plan(&o, &outside, autumn)
	assert.ErrorIs(t, err, match.ErrNoCapacity)
}

func TestAreaOnADayOfChangeCountsTwice(t *testing.T) {
	o := annex()
	b := match.NewBook()
	morning := match.Hold{ID: "a", Offer: o.ID, Amount: 120_000, Slots: []match.Slot{
		{Start: local("2026-10-05T00:00"), End: local("2026-10-12T12:00"), Amount: 120_000}}}
	noon := match.Hold{ID: "b", Offer: o.ID, Amount: 100_000, Slots: []match.Slot{
		{Start: local("2026-10-12T13:00"), End: local("2026-10-20T00:00"), Amount: 100_000}}}
	require.NoError(t, b.Place(&o, morning))
	assert.ErrorIs(t, b.Place(&o, noon), match.ErrNoCapacity)
	noon.Slots[0].Start = local("2026-10-13T00:00")
	assert.NoError(t, b.Place(&o, noon))
}

func TestGranularityRounding(t *testing.T) {
	o := annex()
	o.Quantity.MinLot, o.Quantity.Granularity = 0, 8_000
	for want, get := range map[match.Amount]match.Amount{50_000: 56_000, 56_000: 56_000, 56_056: 56_000, 56_057: 64_000, 1: 8_000} {
		n := floorspace("n", want, "2026-10-05", "2026-10-12")
		p, err := match.NewBook().Plan(&o, &n, autumn)
		require.NoError(t, err)
		assert.Equal(t, get, p.Amount, "%d", want)
		assert.True(t, p.Full)
	}
}

func TestPlaceRefuses(t *testing.T) {
	o := steelcrest()
	at := local("2026-09-14T16:00")
	slot := func(from, to time.Duration, unit int, a match.Amount) match.Slot {
		return match.Slot{Start: at.Add(from), End: at.Add(to), Unit: unit, Amount: a}
	}
	b := match.NewBook()
	ok := match.Hold{ID: "ok", Offer: o.ID, Amount: hours(4), Slots: []match.Slot{slot(0, 4*time.Hour, 0, hours(4))}}
	require.NoError(t, b.Place(&o, ok))
	assert.ErrorIs(t, b.Place(&o, ok), match.ErrHoldExists)
	for name, c := range map[string]struct {
		slots []match.Slot
		field string // "" = ErrNoCapacity
	}{
		"the same time":          {[]match.Slot{slot(3*time.Hour, 5*time.Hour, 0, hours(2))}, ""},
		"beyond productive":      {[]match.Slot{slot(4*time.Hour, 8*time.Hour+30*time.Minute, 0, 4500)}, ""},
		"outside":                {[]match.Slot{slot(-time.Hour, time.Hour, 1, hours(1))}, ""},
		"past the end":           {[]match.Slot{slot(6*time.Hour, 9*time.Hour, 1, hours(3))}, ""},
		"against itself":         {[]match.Slot{slot(0, 2*time.Hour, 1, hours(2)), slot(time.Hour, 3*time.Hour, 1, hours(2))}, ""},
		"no such unit":           {[]match.Slot{slot(0, time.Hour, 2, hours(1))}, "slots[0].unit"},
		"negative unit":          {[]match.Slot{slot(0, time.Hour, -1, hours(1))}, "slots[0].unit"},
		"more than its length":   {[]match.Slot{slot(0, time.Hour, 1, hours(2))}, "slots[0].amount"},
		"nothing":                {[]match.Slot{slot(0, time.Hour, 1, 0)}, "slots[0].amount"},
		"backwards":              {[]match.Slot{slot(time.Hour, 0, 1, hours(1))}, "slots[0].end"},
		"no slots":               {nil, "slots"},
		"excepted holiday night": {[]match.Slot{{Start: local("2026-10-12T16:00"), End: local("2026-10-12T17:00"), Amount: hours(1)}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := match.Hold{ID: "x", Offer: o.ID, Slots: c.slots}
			for _, s := range c.slots {
				h.Amount += s.Amount
			}
			err := b.Place(&o, h)
			if c.field == "" {
				assert.ErrorIs(t, err, match.ErrNoCapacity)
			} else {
				f, ok := errors.AsType[*match.FieldError](err)
				require.True(t, ok, "%v", err)
				assert.Equal(t, c.field, f.Field)
			}
			_, held := b.Hold("x")
			assert.False(t, held)
		})
	}
	total := o
	total.ID, total.Quantity.Value = "total", hours(3)
	over := ok
	over.Offer = total.ID
	assert.ErrorIs(t, match.NewBook().Place(&total, over), match.ErrNoCapacity, "beyond the total")
	ended := o
	ended.Expires = at.Add(3 * time.Hour)
	assert.ErrorIs(t, match.NewBook().Place(&ended, ok), match.ErrNoCapacity, "beyond the offer's end")
	weekly := guidance()
	sunday := local("2026-10-04T23:00")
	across := match.Hold{ID: "across", Offer: weekly.ID, Amount: hours(2), Slots: []match.Slot{{Start: sunday, End: sunday.Add(2 * time.Hour), Amount: hours(2)}}}
	assert.ErrorIs(t, match.NewBook().Place(&weekly, across), match.ErrNoCapacity, "across the end of a week")
	weekly.Expires = sunday
	across.Slots[0].Start, across.Slots[0].End = sunday.Add(-time.Hour), sunday.Add(time.Hour-time.Minute)
	across.Slots[0].Amount, across.Amount = hours(1), hours(1)
	assert.ErrorIs(t, match.NewBook().Place(&weekly, across), match.ErrNoCapacity, "beyond the end of life, within its week")
	wrong := ok
	wrong.ID, wrong.Amount = "wrong", hours(5)
	assert.Error(t, b.Place(&o, wrong))
	wrong.Offer = "other"
	assert.Error(t, b.Place(&o, wrong))
}

func TestBookKeepsItsOwnSlots(t *testing.T) {
	o, n := steelcrest(), gridline()
	b := match.NewBook()
	p := place(t, b, "h", o, n)
	p.Slots[0].Amount = hours(99)
	h, _ := b.Hold("h")
	h.Slots[0].Amount = hours(98)
	again, _ := b.Hold("h")
	assert.LessOrEqual(t, again.Slots[0].Amount, hours(8))
}

func TestProvisionalHolds(t *testing.T) {
	o := guidance()
	b := match.NewBook()
	for i, id := range []string{"b", "a", "c"} {
		at := local(fmt.Sprintf("2026-10-0%dT09:00", i+1)).AddDate(0, 0, 7*i)
		require.NoError(t, b.Place(&o, match.Hold{ID: id, Offer: o.ID, Amount: hours(2), Provisional: true, Until: autumn,
			Slots: []match.Slot{{Start: at, End: at.Add(2 * time.Hour), Amount: hours(2)}}}))
	}
	assert.True(t, b.Firm("c"))
	assert.False(t, b.Firm("nobody"))
	assert.Empty(t, b.Expired(autumn.Add(-1)))
	assert.Equal(t, []string{"a", "b"}, b.Expired(autumn))
	var held []string
	for _, h := range b.Holds(o.ID) {
		held = append(held, h.ID)
	}
	assert.Equal(t, []string{"a", "b", "c"}, held)
	assert.Len(t, b.All(), 3)
}

// TestBookModel places and releases at random and recounts, minute by minute
// of naive code, that nothing is ever exceeded.
func TestBookModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o := steelcrest()
		o.Units = rapid.IntRange(1, 3).Draw(t, "units")
		o.Windows[0].RRule = "FREQ=DAILY;COUNT=10"
		o.Windows[0].Except = nil
		o.Quantity.PerWeek = hours(rapid.SampledFrom([]int{0, 20, 45}).Draw(t, "per week"))
		o.Quantity.Value = hours(rapid.SampledFrom([]int{0, 60}).Draw(t, "value"))
		o.Quantity.Granularity = match.Amount(rapid.SampledFrom([]int{0, 250, 1500}).Draw(t, "granularity"))
		b := match.NewBook()
		live := map[string]bool{}
		for step := range rapid.IntRange(1, 25).Draw(t, "steps") {
			id := fmt.Sprintf("h%d", step%8)
			if live[id] {
				var from time.Time
				if rapid.Bool().Draw(t, "partly") {
					from = local("2026-09-17T00:00")
				}
				b.Release(id, from)
				_, live[id] = b.Hold(id)
				continue
			}
			n := gridline()
			n.MinBlock = match.Amount(rapid.IntRange(0, 9000).Draw(t, "block"))
			n.Quantity.Value = max(n.MinBlock, match.Amount(rapid.IntRange(1, 90_000).Draw(t, "amount")))
			n.Partial = rapid.Bool().Draw(t, "partial")
			before, err := b.Remaining(&o)
			require.NoError(t, err)
			p, err := b.Plan(&o, &n, autumn)
			if errors.Is(err, match.ErrNoCapacity) {
				continue
			}
			require.NoError(t, err)
			require.NoError(t, b.Place(&o, hold(id, &o, p)), "what is planned can be held")
			live[id] = true
			after, err := b.Remaining(&o)
			require.NoError(t, err)
			require.Equal(t, before-p.Amount, after)
			for _, s := range p.Slots {
				require.GreaterOrEqual(t, s.Amount, n.MinBlock)
				require.Zero(t, s.Amount%max(1, o.Quantity.Granularity))
			}
		}
		recount(t, &o, b)
	})
}

func recount(t *rapid.T, o *match.Offer, b *match.Book) {
	type night struct {
		day  string
		unit int
	}
	nights, weeks := map[night]match.Amount{}, map[int]match.Amount{}
	var total match.Amount
	var all []match.Slot
	for _, h := range b.Holds(o.ID) {
		all = append(all, h.Slots...)
	}
	loc := local("2026-09-14T00:00").Location()
	for i, s := range all {
		l := s.Start.In(loc)
		nights[night{l.Add(-12 * time.Hour).Format("01-02"), s.Unit}] += s.Amount // the night of the 14th ends on the 15th
		_, w := l.ISOWeek()
		weeks[w] += s.Amount
		total += s.Amount
		for _, x := range all[:i] {
			require.False(t, x.Unit == s.Unit && x.Start.Before(s.End) && s.Start.Before(x.End), "two holds at one time")
		}
	}
	for k, a := range nights {
		require.LessOrEqual(t, a, hours(8), "%v", k)
	}
	for w, a := range weeks {
		require.True(t, o.Quantity.PerWeek == 0 || a <= o.Quantity.PerWeek, "week %d: %d", w, a)
	}
	require.True(t, o.Quantity.Value == 0 || total <= o.Quantity.Value)
}

func ExampleBook() {
	night := match.Window{Zone: "America/Toronto", Start: "2026-09-14T16:00", End: "2026-09-15T00:30",
		RRule: "FREQ=DAILY;COUNT=4", Productive: 8 * time.Hour}
	offer := match.Offer{ID: "o1", Firm: "f1", Kind: match.MachineCapacity, Category: "machine.capacity.shift2",
		Zone: night.Zone, Windows: []match.Window{night}, Quantity: match.Quantity{Unit: match.Hours}}
	need := match.Need{ID: "n1", Firm: "f2", Kind: match.MachineCapacity, Category: "machine.capacity", Zone: night.Zone,
		From: time.Date(2026, 9, 14, 4, 0, 0, 0, time.UTC), Until: time.Date(2026, 9, 21, 4, 0, 0, 0, time.UTC),
		Quantity: match.Quantity{Unit: match.Hours, Value: 18 * match.Hour}, MinBlock: 4 * match.Hour}

	book := match.NewBook()
	plan, err := book.Plan(&offer, &need, need.From)
	for _, s := range plan.Slots {
		fmt.Println(s.Start.UTC().Format("Jan 2 15:04"), s.Amount.Duration())
	}
	fmt.Println(err, book.Place(&offer, match.Hold{ID: "h1", Offer: "o1", Slots: plan.Slots, Amount: plan.Amount}))
	left, _ := book.Remaining(&offer)
	fmt.Println(left.Duration(), "left")
	// Output:
	// Sep 14 20:00 8h0m0s
	// Sep 15 20:00 6h0m0s
	// Sep 16 20:00 4h0m0s
	// <nil> <nil>
	// 14h0m0s left
}
