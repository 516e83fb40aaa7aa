package world

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// A builder draws the part of a world that is no story. All randomness of a
// world comes from its one source, in one order.
type builder struct {
	w      *World
	rng    *rand.Rand
	names  *namer
	number int
}

func newBuilder(seed uint64) *builder {
	rng := rand.New(rand.NewPCG(seed, 0x63737373776f726c))
	return &builder{w: &World{}, rng: rng, names: &namer{rng: rng, used: map[string]bool{}}, number: numbersWorld}
}

// employer makes an invented firm; its id tells that it is one.
func (b *builder) employer(at city, naics string, sectors ...string) *employer {
	legal := b.names.firm()
	word, _, _ := strings.Cut(legal, " ")
	e := newEmployer(b.number, "firm-"+strings.ToLower(word), legal, at, naics, sectors...)
	b.number++
	return e
}

// plant adds the look-alikes of the stories.
func (b *builder) plant(list []plant) {
	for _, p := range list {
		e := b.employer(p.at, "332710", "general_industrial")
		e.hire(b.names.person(), "owner", "operations_director")
		o := p.offer
		var who Who
		if o.Kind == match.Expertise {
			who = e.hire(b.names.person(), "process_specialist")
			o.Person = who.Person
		} else {
			who = e.hire(b.names.person(), "production_planner")
			o.Resource = e.install("machining centre", o.Properties["machine_type"].Terms...)
		}
		b.w.join(e, rulesOf(p.rules, e.ID))
		b.w.publish(who, e.offer(1, o))
		if p.busy {
			b.w.Usage = append(b.w.Usage, busy(who))
		}
	}
}

// shop is a drawn firm and what its offers are drawn from.
type shop struct {
	*employer
	industry  *industry
	size      float64 // employees
	shifts    int
	machines  []*machine
	resources map[*machine]string
	planner   Who
	schemes   []match.Credential
	rules     string
	offers    int
	needs     int
}

// fill adds drawn firms, offers and needs up to the numbers asked for.
func (b *builder) fill(o Options) {
	var shops []*shop
	for len(b.w.Firms)+len(shops) < o.Firms {
		shops = append(shops, b.shop(shops))
	}
	want := max(0, o.Offers-len(b.w.Offers))
	if len(shops) == 0 {
		return
	}
	b.share(shops, want, func(s *shop) *int { return &s.offers })
	b.share(shops, o.Offers/5, func(s *shop) *int { return &s.needs })
	for _, s := range shops {
		b.open(s)
	}
	b.rates()
}

// share hands out n things, one each first and then in proportion to size.
func (b *builder) share(shops []*shop, n int, of func(*shop) *int) {
	for i := range n {
		if i < len(shops) {
			*of(shops[i])++
			continue
		}
		s := weighted(b.rng, shops, func(s **shop) int { return int(10 * math.Pow((*s).size, 0.7)) })
		*of(*s)++
	}
}

// shop draws a firm. A few share an employer group with an earlier one.
func (b *builder) shop(earlier []*shop) *shop {
	at := weighted(b.rng, cities, func(c *city) int { return c.share })
	in := weighted(b.rng, industries, func(i *industry) int { return i.weight })
	s := &shop{employer: b.employer(b.near(*at), in.naics, in.sectors...), industry: in, resources: map[*machine]string{}}
	s.size = min(max(math.Exp(3+0.9*b.rng.NormFloat64()), 3), 900)
	s.shifts = 1 + b.rng.IntN(2)
	if s.size > 60 {
		s.shifts = 2 + b.rng.IntN(2)
	}
	if len(earlier) > 0 && b.rng.IntN(33) == 0 {
		head := pick(b.rng, earlier)
		if head.Group == head.ID {
			head.Group = "group-" + head.slug
		}
		s.Group = head.Group
	}
	s.rules = pick(b.rng, []string{"open", "open", "managed", "managed", "careful"})
	s.hire(b.names.person(), "owner")
	s.hire(b.names.person(), "operations_director")
	s.planner = s.hire(b.names.person(), "production_planner")
	s.certify(b.rng)
	b.equip(s)
	return s
}

// near moves a firm up to three kilometres away from the middle of its city.
func (b *builder) near(c city) city {
	c.at.Lat += math.Round(b.rng.Float64()*400-200) / 1e4
	c.at.Lon += math.Round(b.rng.Float64()*400-200) / 1e4
	return c
}

// certify draws the certificates of the firm; one in eight has lapsed.
func (s *shop) certify(rng *rand.Rand) {
	for _, scheme := range s.industry.schemes {
		if rng.IntN(10) < 3 {
			continue
		}
		from := Local(2023, time.Month(1+rng.IntN(12)), 1, 0, 0)
		to := from.AddDate(3, 12+rng.IntN(18), 0)
		if rng.IntN(8) == 0 {
			to = Local(2026, time.Month(2+rng.IntN(7)), 1, 0, 0)
		}
		s.schemes = append(s.schemes, match.Credential{Scheme: scheme, Issuer: "accredited registrar", From: from, To: to})
	}
}

// equip installs machines of one to three types.
func (b *builder) equip(s *shop) {
	types := 1 + b.rng.IntN(3)
	for range types {
		m := weighted(b.rng, machines, func(m *machine) int { return m.weight })
		if s.resources[m] == "" {
			s.machines = append(s.machines, m)
			s.resources[m] = s.install(pick(b.rng, m.models), m.term)
		}
	}
	for len(s.Resources) < int(s.size/3) && len(s.Resources) < 60 {
		m := pick(b.rng, s.machines)
		s.install(pick(b.rng, m.models), m.term)
	}
}

// open lets a drawn firm publish and ask. Offers come before the firm joins,
// since they hire the people they offer.
func (b *builder) open(s *shop) {
	for nr := range s.offers {
		who, o := b.offer(s)
		b.w.publish(who, s.offer(nr+1, o))
	}
	for nr := range s.needs {
		n := s.need(nr+1, s.planner, b.need())
		b.w.Needs = append(b.w.Needs, csss.Registration{By: s.planner.At(Opening()), Need: n})
	}
	b.w.join(s.employer, rulesOf(s.rules, s.ID))
}

// offer draws an offer and who publishes it.
func (b *builder) offer(s *shop) (Who, match.Offer) {
	switch n := b.rng.IntN(100); {
	case n < 72:
		return s.planner, b.capacity(s)
	case n < 93:
		return b.expertise(s)
	case n < 97:
		return s.planner, b.loan(s)
	default:
		return s.planner, b.space(s)
	}
}

// capacity draws idle hours of a machine. No drawn offer is five-axis,
// titanium and AS9100D at once: that is the second story's.
func (b *builder) capacity(s *shop) match.Offer {
	m := pick(b.rng, s.machines)
	materials := some(b.rng, m.materials, 1, 3)
	if s.certified("AS9100D") && strings.Contains(m.term, "axis_machining") {
		materials = slices.DeleteFunc(materials, func(g string) bool { return g == "ti_6al_4v" })
		if len(materials) == 0 {
			materials = []string{"aluminum_7075_t6"}
		}
	}
	shift := 1 + b.rng.IntN(s.shifts)
	scale := 0.8 + 0.1*float64(b.rng.IntN(7))
	reach := func(i int) match.Property { return match.Range(0, math.Round(m.envelope[i]*scale/10)*10, "mm") }
	rate := cents(b.rng, m.rate)
	o := match.Offer{
		Kind: match.MachineCapacity, Instrument: "capacity_rental", Resource: s.resources[m],
		Category: fmt.Sprintf("machine.capacity.shift%d", shift), Topics: []string{strings.ReplaceAll(m.term, "_", "-")},
		Properties: map[string]match.Property{
			"machine_type": match.Terms(m.term), "material": match.Terms(materials...),
			"material_family": match.Terms(families(materials)...),
			"tolerance":       match.Range(m.tolerance*pick(b.rng, []float64{0.5, 1, 1, 2}), 0.5, "mm"),
			"envelope_x":      reach(0), "envelope_y": reach(1), "envelope_z": reach(2),
			"shift": match.Terms(shiftNames[shift]),
		},
		Credentials: s.schemes, Mode: match.OnSite, Windows: []match.Window{b.shiftWindow(shift)},
		Units:    pick(b.rng, []int{1, 1, 1, 2, 3}),
		Quantity: match.Quantity{Unit: match.Hours, MinLot: pick(b.rng, []match.Amount{0, 0, 2, 4}) * match.Hour},
		Floor:    match.NewBound(rate), Cost: match.NewBound(rate / 2),
	}
	o.Text = b.capacityText(m, shift, materials)
	return o
}

func (s *shop) certified(scheme string) bool {
	return slices.ContainsFunc(s.schemes, func(c match.Credential) bool { return c.Scheme == scheme })
}

func families(materials []string) []string {
	var out []string
	for _, m := range materials {
		if f := grades[m].family; !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// cents draws a rate within a fifth of the usual one, in whole dollars.
func cents(rng *rand.Rand, usual int64) int64 { return usual * int64(80+rng.IntN(41)) / 10000 * 100 }

var shiftNames = [4]string{"", "first shift", "second shift", "third shift"}

// shiftWindow draws on which days, at which hours and for how many weeks a
// shift is free.
func (b *builder) shiftWindow(shift int) match.Window {
	days := pick(b.rng, []string{"MO,TU,WE,TH", "MO,TU,WE,TH,FR", "TU,TH", "MO,WE,FR", "FR,SA", "SA"})
	hours := pick(b.rng, [][][2]string{
		1: {{"08:00", "12:00"}, {"13:00", "16:00"}, {"07:00", "15:00"}},
		2: {{"16:00", "00:00"}, {"15:30", "23:30"}, {"17:00", "22:00"}},
		3: {{"23:00", "07:00"}, {"00:00", "06:00"}, {"22:00", "05:00"}},
	}[shift])
	monday := time.Date(2026, time.September, 7+7*b.rng.IntN(8), 0, 0, 0, 0, time.UTC)
	first := monday.AddDate(0, 0, map[string]int{"MO": 0, "TU": 1, "FR": 4, "SA": 5}[days[:2]])
	last := first
	if hours[1] <= hours[0] {
		last = first.AddDate(0, 0, 1)
	}
	until := monday.AddDate(0, 0, 7*(3+b.rng.IntN(14))-1)
	return match.Window{Zone: Zone,
		Start: first.Format(time.DateOnly) + "T" + hours[0], End: last.Format(time.DateOnly) + "T" + hours[1],
		RRule: "FREQ=WEEKLY;BYDAY=" + days + ";UNTIL=" + until.Format("20060102"), Except: []string{"2026-10-12"}}
}

// expertise draws a person who may be lent. Drawn machining advice is not to
// be had before 2026-09-21, after the first story's need; nobody drawn knows
// IATF 16949.
func (b *builder) expertise(s *shop) (Who, match.Offer) {
	c := weighted(b.rng, crafts, func(c *craft) int { return c.weight })
	who := s.hire(b.names.person(), c.role)
	o := person(5+b.rng.IntN(34), cents(b.rng, c.rate), b.expertText(c), some(b.rng, c.topics, 2, 4),
		map[string]match.Property{}, b.years()...)
	if c.process != "" {
		o.Properties["process"] = match.Terms(c.process)
	}
	if f := some(b.rng, c.families, 1, 2); len(f) > 0 {
		o.Properties["material_family"] = match.Terms(f...)
	}
	o.Kind, o.Category, o.Instrument, o.Person = match.Expertise, c.category, "technical_consultation", who.Person
	o.Mode = pick(b.rng, []match.Mode{match.Remote, match.Remote | match.OnSite, match.OnSite})
	o.RadiusKM = pick(b.rng, []float64{0, 40, 60, 100})
	o.Quantity = match.Quantity{Unit: match.Hours, PerWeek: match.Amount(2+b.rng.IntN(9)) * match.Hour}
	o.Available = Local(2026, time.September, 21+b.rng.IntN(60), 0, 0)
	o.Expires = o.Available.AddDate(0, 2+b.rng.IntN(8), 0)
	return who, o
}

// years draws the years of solved cases.
func (b *builder) years() []int {
	out := make([]int, b.rng.IntN(7))
	for i := range out {
		out[i] = 2014 + b.rng.IntN(12)
	}
	slices.Sort(out)
	return out
}

// loan draws an instrument that may be borrowed.
func (b *builder) loan(s *shop) match.Offer {
	k := pick(b.rng, []struct{ what, topic string }{
		{"portable measuring arm", "portable-measuring"}, {"5 t forklift with side shift", "material-handling"},
		{"surface roughness tester", "surface-roughness"}, {"tool presetter", "tool-presetting"},
		{"optical comparator", "optical-measuring"}, {"rotary table, 320 mm", "rotary-table"},
	})
	from := Local(2026, time.September, 14+b.rng.IntN(40), 8, 0)
	return match.Offer{
		Kind: match.Equipment, Instrument: "equipment_loan", Category: "equipment.loan", Topics: []string{k.topic},
		Resource: s.install("instrument", k.topic),
		Text: pick(b.rng, []string{"To borrow by the hour: ", "Idle most of the week, may be lent: ",
			"Free between our own jobs: "}) + k.what +
			pick(b.rng, []string{", calibrated", "", ", with training on the first day"}),
		Mode: match.OnSite, RadiusKM: pick(b.rng, []float64{25, 60, 100}), Available: from, Expires: from.AddDate(0, 3, 0),
		Quantity: match.Quantity{Unit: match.Hours, PerWeek: match.Amount(8+b.rng.IntN(20)) * match.Hour},
		Floor:    match.NewBound(cents(b.rng, 3500)),
	}
}

// space draws free floor.
func (b *builder) space(s *shop) match.Offer {
	from := Local(2026, time.September, 14+b.rng.IntN(40), 0, 0)
	floor := match.Amount(40+10*b.rng.IntN(30)) * 1000
	return match.Offer{
		Kind: match.Space, Instrument: "space_licence", Category: "space.floor", Topics: []string{"floor-space"},
		Resource: s.install("bay", "floor"),
		Text: pick(b.rng, []string{"Clean floor in a heated bay", "Part of a hall between two programmes",
			"Dry storage and assembly floor"}) +
			pick(b.rng, []string{", dock access by day", ", overhead crane", ", three-phase power"}),
		Properties: map[string]match.Property{
			"floor_load": match.Range(0, float64(2+b.rng.IntN(6)), "t/m2"),
			"access":     match.Terms("06:00-22:00"),
		},
		Mode: match.OnSite, Available: from, Expires: from.AddDate(0, 2+b.rng.IntN(6), 0),
		Quantity: match.Quantity{Unit: match.SquareMetres, Value: floor, MinLot: 20 * 1000, Granularity: 100},
		Floor:    match.NewBound(int64(1 + b.rng.IntN(4))),
	}
}

// rates records what was paid elsewhere in each category that no story has
// rates for.
func (b *builder) rates() {
	for _, c := range crafts {
		b.w.compare(c.category, b.nine(c.rate)...)
	}
	for shift := range int64(3) {
		b.w.compare(fmt.Sprintf("machine.capacity.shift%d", shift+1), b.nine(9500-shift*500)...)
	}
	b.w.compare("equipment.loan", b.nine(3500)...)
}

func (b *builder) nine(usual int64) []int64 {
	out := make([]int64, 9)
	for i := range out {
		out[i] = cents(b.rng, usual)
	}
	slices.Sort(out)
	return out
}
