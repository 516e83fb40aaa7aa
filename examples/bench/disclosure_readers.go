package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/internal/attack"
	"github.com/deeperpoint/csss/internal/world"
)

// frontier is what an informed reader guesses right, by k.
type frontier []redteam.Identified

func (f frontier) String() string {
	var out []string
	for _, p := range f {
		out = append(out, fmt.Sprintf("k=%d: %.3f right of %.3f, %.0f %% kept", p.K, p.Fit, p.Bound, 100*p.Kept))
	}
	return strings.Join(out, "; ")
}

// losses are the feasible matches that the guard costs, by k.
type losses []loss

type loss struct {
	redteam.Loss
	Without figure `json:"lost_without_ladder"`
	With    figure `json:"lost"`
}

func (l losses) String() string {
	var out []string
	for _, p := range l {
		out = append(out, fmt.Sprintf("k=%d loses %.1f %%, %.1f %% with the ladder", p.K, 100*p.Without, 100*p.With))
	}
	return strings.Join(out, "; ")
}

const sessionsRead = 10_000

func (b *disclosureBench) attacker(context.Context) (finding, error) {
	m := attack.Of(world.Build(world.Options{Seed: b.seed, Stories: true}), world.Opening())
	var f finding
	var lost losses
	front, err := redteam.InformedAttacker(m, []int{2, 3, 5, 11, 20}, sessionsRead, b.seed)
	if err != nil {
		return f, err
	}
	f.Count, f.Violations, f.Broken = front.Sessions, front.Violations, front.Broken
	for _, k := range []int{3, 5, 11} {
		l, err := redteam.Lose(m, &disclosure.SummaryOptions{K: k, KPeople: k})
		if err != nil {
			return f, err
		}
		lost = append(lost, loss{l, figure(l.Without()), figure(l.With())})
	}
	f.Frontier, f.Lost = frontier(front.Points), lost
	return f, nil
}

// A province is a crowd of listings, and what can be said of each, worked out
// from the schema without the summarizer.
type province struct {
	schema disclosure.Schema
	ls     []disclosure.Listing
	of     map[saying][]uint64 // the listings of which it holds, a bit each
	people []uint64            // those of persons
}

// saying is a label of a field at a level.
type saying struct {
	field, label string
	level        int
}

var noon = time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)

// populate draws n listings of n/5 employer groups: a few facts common, most rare.
func populate(n int, seed uint64) *province {
	r := rand.New(rand.NewPCG(seed, 2))
	zipf := rand.NewZipf(r, 1.3, 2, 1<<20)
	pick := func(words string) string {
		w := strings.Fields(words)
		return w[zipf.Uint64()%uint64(len(w))]
	}
	regions := strings.Fields("Toronto Hamilton–Niagara London Kitchener–Waterloo–Barrie Windsor–Sarnia Ottawa")
	words := (n + 63) / 64
	p := &province{schema: disclosure.DefaultSchema(), ls: make([]disclosure.Listing, n), of: map[saying][]uint64{}, people: make([]uint64, words)}
	for i := range p.ls {
		group := r.IntN(n / 5)
		region := group % len(regions)
		l := disclosure.Listing{
			ID: "o" + strconv.Itoa(i), Revision: 1, Group: "g" + strconv.Itoa(group), Category: "machine.capacity", Person: r.IntN(10) == 0,
			Lat: 42.5 + float64(region)*0.4 + r.NormFloat64()/10, Lon: -82.5 + float64(region)*0.6 + r.NormFloat64()/10,
			Region: regions[region], Country: "Ontario",
			Facts: map[string][]string{
				"machine_type":    {pick("cnc_lathe 5_axis 4_axis_mill laser_cutting press_brake wire_edm_machine mill_turn_center robot_cell")},
				"material_family": {pick("carbon_steel aluminum_6061 stainless_steel ti_6al_4v inconel_718 plastic brass"), pick("aluminum_6061 brass peek")},
				"credential":      {pick("iso_9001 as9100 iatf16949 iso_13485 nadcap cwb"), pick("iso_9001 iso_14001 cwb iso_17025 as9110")},
				"shift":           {pick("shift1 shift2 shift3")},
			},
			Numbers: map[string]float64{"max_part_mm": float64(50 + r.IntN(1500))},
		}
		if l.Person {
			l.Facts["process"] = []string{pick("turning milling welding edm grinding stamping coating"), pick("deburring metrology plc welding")}
			l.Numbers = map[string]float64{"years": float64(r.IntN(40)), "solved": float64(r.IntN(6))}
			delete(l.Facts, "machine_type")
		}
		p.ls[i] = l
	}
	for i, l := range p.ls {
		if l.Person {
			p.people[i/64] |= 1 << (i % 64)
		}
		for _, said := range p.sayings(l) {
			if p.of[said] == nil {
				p.of[said] = make([]uint64, words)
			}
			p.of[said][i/64] |= 1 << (i % 64)
		}
	}
	return p
}

// sayings lists all that the schema can say of a listing, by each level alone.
func (p *province) sayings(l disclosure.Listing) (out []saying) {
	values := disclosure.Values(maps.Clone(l.Facts))
	values["category"] = []string{l.Category}
	for name, n := range l.Numbers {
		values[name] = []string{strconv.FormatFloat(n, 'g', -1, 64)}
	}
	for _, f := range p.schema {
		for level := range f.Levels {
			alone := disclosure.Schema{{Name: f.Name, Levels: f.Levels[level:], Stages: disclosure.Stages{disclosure.StageIdentity: disclosure.Finest}}}
			for _, label := range alone.Open(disclosure.StageIdentity, values)[f.Name] {
				out = append(out, saying{f.Name, label, level})
			}
		}
	}
	return out
}

// groups counts the employers that a frozen text fits.
func (p *province) groups(f disclosure.Frozen, person bool) int {
	fit := slices.Clone(p.people)
	for i := range fit {
		if !person {
			fit[i] = ^fit[i]
		}
		for _, c := range f.Fields {
			for _, label := range c.Labels {
				fit[i] &= p.of[saying{c.Field, label, c.Level}][i]
			}
		}
	}
	groups := map[string]bool{}
	for i, l := range p.ls {
		if fit[i/64]>>(i%64)&1 == 1 {
			groups[l.Group] = true
		}
	}
	return len(groups)
}

func (b *disclosureBench) kGuard(ctx context.Context) (finding, error) {
	p := populate(b.listings, b.seed)
	s, err := disclosure.NewSummarizer(p.schema, nil)
	if err != nil {
		return finding{}, err
	}
	for _, l := range p.ls {
		s.Put(l)
	}
	r := rand.New(rand.NewPCG(b.seed, 3))
	order := r.Perm(len(p.ls))
	if b.ask > 0 {
		order = order[:min(b.ask, len(order))]
	}
	var f finding
	var took []float64
	counted := map[string]int{} // a text is counted once
	kept := 0
	for _, i := range order {
		if err := ctx.Err(); err != nil {
			return f, err
		}
		l := p.ls[i]
		start := time.Now()
		sum, _, err := s.Freeze(l.ID, noon)
		took = append(took, float64(time.Since(start).Microseconds())/1000)
		f.Count++
		switch {
		case errors.Is(err, disclosure.ErrTooRare):
			continue
		case err != nil:
			return f, err
		}
		kept++
		if err := s.Install(sum.Frozen); err != nil {
			return f, err
		}
		key := fmt.Sprint(l.Person, sum.Frozen.Fields)
		n, again := counted[key]
		if !again {
			n = p.groups(sum.Frozen, l.Person)
			counted[key] = n
		}
		if n < s.K(l) {
			f.Violations++
			f.Broken = append(f.Broken, fmt.Sprintf("%q fits %d groups", sum.Text, n))
		}
	}
	slices.Sort(took)
	f.P50, f.P99 = figure(took[len(took)/2]), figure(took[len(took)*99/100])
	f.Kept = figure(float64(kept) / float64(f.Count))
	return f, nil
}
