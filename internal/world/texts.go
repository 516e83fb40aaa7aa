package world

import (
	"fmt"
	"strings"
	"time"

	"github.com/deeperpoint/csss/match"
)

// Listings are written the way shops write: several openings, synonyms of the
// machine, a clause on materials, a clause on extras.

var shiftOpenings = [4][]string{
	1: {"Daytime gaps on our %s", "Free first-shift hours on a %s",
		"Our %s waits for work in the mornings", "Open spindle time by day: %s"},
	2: {"Second shift standing open on our %s", "Evening hours free on a %s",
		"Unused evenings: %s with operator", "Idle after four o'clock: %s"},
	3: {"Nights available on our %s", "Third-shift capacity, %s", "Lights-out hours on a %s", "Our %s runs no nights at present"},
}

func (b *builder) capacityText(m *machine, shift int, materials []string) string {
	var stuff []string
	for _, g := range materials {
		stuff = append(stuff, pick(b.rng, grades[g].phrases))
	}
	text := fmt.Sprintf(pick(b.rng, shiftOpenings[shift]), pick(b.rng, m.phrases))
	text += fmt.Sprintf(pick(b.rng, []string{"; %s cut daily", ", set up for %s", "; used to %s", ", tooled for %s"}), list(stuff))
	if extras := some(b.rng, m.extras, 0, 2); len(extras) > 0 {
		text += "; " + list(extras)
	}
	return text
}

func (b *builder) expertText(c *craft) string {
	does := list(some(b.rng, c.offers, 1, 2))
	return fmt.Sprintf(pick(b.rng, []string{
		"%s with hours to spare, %s", "Our %s is not fully booked and %s",
		"Part-time help from a %s who %s", "A few hours a week of a %s who %s",
	}), pick(b.rng, c.titles), does)
}

// list joins words as a sentence does.
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}

// need draws what a firm lacks: machine hours four times out of five, else
// somebody's advice.
func (b *builder) need() match.Need {
	from := Local(2026, time.September, 14+b.rng.IntN(40), 0, 0)
	n := match.Need{From: from, Until: from.AddDate(0, 0, 7*(2+b.rng.IntN(6))), RadiusKM: pick(b.rng, []float64{0, 40, 60, 100})}
	if b.rng.IntN(5) == 0 {
		b.needAdvice(&n)
	} else {
		b.needHours(&n)
	}
	return n
}

func (b *builder) needHours(n *match.Need) {
	m := weighted(b.rng, machines, func(m *machine) int { return m.weight })
	g := pick(b.rng, m.materials)
	hours := match.Amount(8 + 4*b.rng.IntN(20))
	n.Kind, n.Category, n.Governance, n.Mode = match.MachineCapacity, "machine.capacity", "demand.machining", match.OnSite
	n.Text = fmt.Sprintf(pick(b.rng, []string{"Looking for %s time, %s parts", "Short of %s hours for a run in %s",
		"Need a %s to catch up on %s work",
		"Overflow from our own shop: %s, %s"}), pick(b.rng, m.phrases), pick(b.rng, grades[g].phrases))
	n.Topics = []string{strings.ReplaceAll(m.term, "_", "-")}
	n.Requires = []match.Requirement{
		{Property: "machine_type", Op: match.AnyOf, Terms: []string{m.term}},
		{Property: "material", Op: match.Includes, Terms: []string{g}},
	}
	n.Quantity = match.Quantity{Unit: match.Hours, Value: hours * match.Hour}
	n.MinBlock, n.Partial = 2*match.Hour, b.rng.IntN(2) == 0
	n.Ceiling = match.NewBound(cents(b.rng, m.rate*5/4))
}

func (b *builder) needAdvice(n *match.Need) {
	c := weighted(b.rng, crafts, func(c *craft) int { return c.weight })
	n.Kind, n.Category, n.Governance, n.Mode = match.TechnicalQuery, c.category, "demand.consultation", match.Remote|match.OnSite
	n.Text = pick(b.rng, []string{"We are stuck with ", "Who has dealt with ", "Advice wanted on "}) + pick(b.rng, c.asks)
	n.Topics = some(b.rng, c.topics, 1, 2)
	n.Quantity = match.Quantity{Unit: match.Hours, Value: match.Amount(1+b.rng.IntN(8)) * match.Hour}
	n.Ceiling = match.NewBound(cents(b.rng, c.rate*5/4))
}
