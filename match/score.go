package match

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// A Score is a candidate's total and its parts, each from 0 to 1. Exact scores
// are for the engine's host: across a border only the tier may be shown, since
// scores of chosen queries give a vector away, and price and distance are
// private.
type Score struct {
	Total    float64 `json:"total"`    // weighted mean of the parts that apply
	Semantic float64 `json:"semantic"` // cosine of the texts' vectors, 0 without an embedder
	Lexical  float64 `json:"lexical"`  // BM25 over the score that no document exceeds for this need
	Quantity float64 `json:"quantity"` // planned ÷ asked; 1 if covered, however much more there is
	Time     float64 `json:"time"`     // 1 if the work ends at once, 0 if at the need's end
	Price    float64 `json:"price"`    // headroom below the ceiling; 0.5 if no price is agreed
	Distance float64 `json:"distance"` // 1 for remote work or at 0 km, falling to 0 at the radius
	Evidence float64 `json:"evidence"` // years and solved cases; only for expertise
}

// Weights weigh the parts of a [Score]. They need not sum to 1.
type Weights struct {
	Semantic float64 `json:"semantic"`
	Lexical  float64 `json:"lexical"`
	Quantity float64 `json:"quantity"`
	Time     float64 `json:"time"`
	Price    float64 `json:"price"`
	Distance float64 `json:"distance"`
	Evidence float64 `json:"evidence"`
}

// DefaultWeights returns the weights that a nil [Options.Weights] means. Text
// decides first; semantic and lexical stand to each other as 35 to 65, which was
// best for a hashed n-gram embedder on the training split of NAICS and ESCO.
func DefaultWeights() Weights {
	return Weights{Semantic: 0.21, Lexical: 0.39, Quantity: 0.15, Time: 0.05, Price: 0.05, Distance: 0.05, Evidence: 0.10}
}

func (w Weights) parts() []float64 {
	return []float64{w.Semantic, w.Lexical, w.Quantity, w.Time, w.Price, w.Distance, w.Evidence}
}

func (w Weights) validate() error {
	sum := 0.0
	for _, p := range w.parts() {
		if !(p >= 0) || math.IsInf(p, 0) {
			return fieldErr("weights", p, "finite numbers of 0 or more")
		}
		sum += p
	}
	if sum == 0 {
		return fieldErr("weights", sum, "at least one above 0")
	}
	return nil
}

// A Tier is the confidence in a candidate, the coarsest thing said of it.
type Tier string

// Every candidate passed every gate; the tier says how much the need asked
// that could be checked, and how well the texts agree.
//
// Agreement is the share of the need's topics that the offer names or, if
// larger, the share of the need's words, weighed by idf and as far as the
// market knows them, that the offer's text holds. High: the plan is full and
// at least two hard facts (requirements or credentials) were asked for and
// met; or agreement is at least a half, for expertise beside one comparable
// case; or agreement is at least a fifth beside two comparable cases. Low: no
// hard fact was asked for and agreement is below a fifth. Medium: everything
// between.
const (
	High   Tier = "high"
	Medium Tier = "medium"
	Low    Tier = "low"
)

// Thresholds of the tier rule.
const (
	tierFacts = 2   // hard facts
	tierCases = 2   // comparable cases
	tierMuch  = 0.5 // agreement
	tierSome  = 0.2
)

func (m *Matcher) candidate(q *Query, f fit, r relevance) Candidate {
	p := f.pair
	price, _ := agree(p.n, p.o, q.Median)
	cases := p.cases()
	c := Candidate{
		Offer: p.o.ID, Revision: p.o.Revision, Plan: f.plan, Price: price,
		Mode: p.mode(), DistanceKM: p.distance(),
	}
	c.Score = Score{
		Semantic: clamp(r.dense),
		Lexical:  clamp(r.lexical),
		Quantity: clamp(float64(f.plan.Amount) / float64(p.d.total)),
		Time:     p.earliness(f.plan),
		Price:    p.headroom(price),
		Distance: p.nearness(c.Mode, c.DistanceKM),
		Evidence: p.evidence(cases),
	}
	c.Score.Total = m.total(c.Score, p.o.Kind == Expertise)
	c.Tier = p.tier(f.plan, r, cases)
	c.Rationale, c.Support = p.rationale(f.plan), p.support(cases)
	return c
}

// total is the weighted mean of the parts that apply.
func (m *Matcher) total(s Score, expertise bool) float64 {
	w := m.weights
	if m.embedder == nil {
		w.Semantic = 0
	}
	if !expertise {
		w.Evidence = 0
	}
	values := []float64{s.Semantic, s.Lexical, s.Quantity, s.Time, s.Price, s.Distance, s.Evidence}
	var sum, weight float64
	for i, p := range w.parts() {
		sum += p * values[i]
		weight += p
	}
	if weight == 0 {
		return 0
	}
	return sum / weight
}

func clamp(v float64) float64 {
	if !(v > 0) {
		return 0
	}
	return min(v, 1)
}

func (p *pair) earliness(plan Plan) float64 {
	end := p.n.From
	for _, s := range plan.Slots {
		end = later(end, s.End)
	}
	return clamp(float64(p.n.Until.Sub(end)) / float64(p.n.Until.Sub(p.n.From)))
}

func (p *pair) headroom(price AgreedPrice) float64 {
	cents, ok := price.Open()
	ceiling, bounded := p.n.Ceiling.Open()
	if !ok || !bounded || ceiling == 0 {
		return 0.5
	}
	return clamp(float64(ceiling-cents) / float64(ceiling))
}

// farKM is the radius by which nearness is judged if neither side has one.
const farKM = 200

func (p *pair) nearness(m Mode, km float64) float64 {
	if m&Remote != 0 {
		return 1
	}
	radius := p.n.RadiusKM
	if radius == 0 {
		radius = p.o.RadiusKM
	}
	if radius == 0 {
		radius = farKM
	}
	return clamp(1 - km/radius)
}

// evidence weighs years, up to 30, with solved comparable cases, of which each
// further one adds less.
func (p *pair) evidence(cases int) float64 {
	years := clamp(float64(p.o.Years) / 30)
	return 0.4*years + 0.6*float64(cases)/float64(cases+2)
}

// cases counts the solved cases that are comparable: more than half of a case's
// terms are topics of the need or, if the need has none, words of its text.
func (p *pair) cases() int {
	words := wordSet(needText(p.n))
	n := 0
	for _, e := range p.o.Evidence {
		met := 0
		for _, t := range e.Terms {
			if p.n.topical(t, words) {
				met++
			}
		}
		if 2*met > len(e.Terms) {
			n++
		}
	}
	return n
}

// topical reports whether a vocabulary term belongs to what the need is about.
func (n *Need) topical(term string, words map[string]bool) bool {
	if len(n.Topics) > 0 {
		return slices.ContainsFunc(n.Topics, func(t string) bool { return sameTerm(t, term) })
	}
	tokens := Tokens(term)
	return len(tokens) > 0 && !slices.ContainsFunc(tokens, func(t string) bool { return !words[t] })
}

// sameTerm compares vocabulary terms by their words: notch_wear is Notch wear.
func sameTerm(a, b string) bool { return slices.Equal(Tokens(a), Tokens(b)) }

func wordSet(text string) map[string]bool {
	set := map[string]bool{}
	for _, t := range Tokens(text) {
		set[t] = true
	}
	return set
}

// topicCover is the share of the need's topics that the offer names, 0 if the
// need has none.
func (p *pair) topicCover() float64 {
	if len(p.n.Topics) == 0 {
		return 0
	}
	return float64(len(p.topicsMet())) / float64(len(p.n.Topics))
}

func (p *pair) topicsMet() []string {
	have := slices.Clone(p.o.Topics)
	for _, e := range p.o.Evidence {
		have = append(have, e.Terms...)
	}
	var met []string
	for _, t := range p.n.Topics {
		if slices.ContainsFunc(have, func(h string) bool { return sameTerm(t, h) }) {
			met = append(met, t)
		}
	}
	return met
}

func (p *pair) tier(plan Plan, r relevance, cases int) Tier {
	facts := len(p.n.Requires) + len(p.n.Credentials)
	agreement := max(p.topicCover(), r.mass)
	proven := p.o.Kind != Expertise || cases > 0
	switch {
	case plan.Full && facts >= tierFacts,
		plan.Full && agreement >= tierMuch && proven,
		plan.Full && agreement >= tierSome && cases >= tierCases:
		return High
	case facts == 0 && agreement < tierSome:
		return Low
	}
	return Medium
}

// rationale says why the two are talking, in facts that the need made a gate
// of: that an offer is a candidate at all says as much.
func (p *pair) rationale(plan Plan) []string {
	var out []string
	switch {
	case plan.Full && p.n.Quantity.Unit == SquareMetres:
		out = append(out, "covers the area asked for")
	case plan.Full:
		out = append(out, "covers the hours asked for")
	default:
		out = append(out, "covers a part of the quantity")
	}
	for _, r := range p.n.Requires {
		out = append(out, r.String())
	}
	for _, c := range p.n.Credentials {
		out = append(out, c+" valid through the work")
	}
	return out
}

// support is what else speaks for the offer. No gate gave it away, so it tells
// more of the offer than its being a candidate does.
func (p *pair) support(cases int) []string {
	var out []string
	if met := p.topicsMet(); len(met) > 0 {
		out = append(out, "topics "+strings.Join(met, ", "))
	}
	if cases > 0 {
		out = append(out, plural(cases, "comparable problem")+" solved")
	}
	if p.mode()&Remote != 0 {
		out = append(out, "remote work possible")
	}
	return out
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
