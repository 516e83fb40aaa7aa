package redteam_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/deeperpoint/csss/disclosure/redteam"
)

// toy is a market of a hundred and fifty lines that keeps its promises, unless
// one of its flaws is switched on. It shows what an attacker sees, and each
// attacker succeeds on one flaw at least.
type toy struct {
	flaw string
	k    int
}

func (t toy) Open(_ context.Context, p redteam.Plant) (redteam.Market, error) {
	m := &toyMarket{toy: t, plant: p, now: toyOpening, rng: rand.New(rand.NewPCG(p.Seed, 9)), offers: make([]*redteam.Offer, len(p.Firms)), deals: map[string]*toyDeal{},
		first: map[[2]int]redteam.Question{}, miss: map[[2]int]bool{}, found: map[string][]redteam.Find{}, asked: map[[2]int]int{}, used: map[string]string{}}
	for i, f := range p.Firms {
		if f.Offer != nil {
			o := *f.Offer
			m.offers[i] = &o
		}
	}
	return m, nil
}

func (t toy) Embed(_ context.Context, text string) ([]float32, error) {
	v := make([]float32, 64)
	for w := range strings.FieldsSeq(text) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(w))
		r := rand.New(rand.NewPCG(h.Sum64(), 1))
		for i := range v {
			v[i] += float32(r.NormFloat64())
		}
	}
	return v, nil
}

// toyDeal is a candidate, and a session once it is selected.
type toyDeal struct {
	firms    [2]int
	handles  [2]string
	selected bool
	revealed bool
	in, yes  [2]bool
	left     time.Time // by either
}

type toyMarket struct {
	toy
	plant  redteam.Plant
	rng    *rand.Rand
	now    time.Time
	offers []*redteam.Offer
	deals  map[string]*toyDeal // by either handle
	order  []*toyDeal
	first  map[[2]int]redteam.Question // group and offer: the first that fitted
	miss   map[[2]int]bool
	asked  map[[2]int]int
	found  map[string][]redteam.Find
	used   map[string]string
}

var toyOpening = time.Date(2026, 9, 1, 9, 0, 0, 0, time.UTC)

var errNone, errNo = errors.New("not found"), errors.New("not yours")

func (m *toyMarket) Close() error { return nil }

func (m *toyMarket) Pass(_ context.Context, d time.Duration) error {
	m.now = m.now.Add(d)
	return nil
}

func (m *toyMarket) Do(_ context.Context, v redteam.Move) redteam.Answer {
	a, shown, err := m.do(v)
	a.OK = err == nil
	a.Seen = fmt.Appendf(nil, "%v %v", shown, err)
	for _, f := range a.Finds {
		a.Seen = fmt.Appendf(a.Seen, " %s %s %d", f.Handle, f.Shown, f.Band)
	}
	return a
}

func (m *toyMarket) do(v redteam.Move) (a redteam.Answer, shown string, err error) {
	if v.Verb == redteam.Totals || v.Verb == redteam.Outside {
		if m.flaw == "name in the log" && v.Verb == redteam.Outside {
			shown = base64.StdEncoding.EncodeToString([]byte("published by " + m.plant.Firms[1].Contact + "!"))
		}
		return a, shown, nil
	}
	if v.Firm < 0 || v.Firm >= len(m.plant.Firms) || v.As == redteam.Outsider && m.flaw != "outsiders" {
		return a, "", errNo
	}
	switch v.Verb {
	case redteam.Ask:
		if v.Question.Hours <= 0 || v.Question.Until <= v.Question.From || v.Thing == "" {
			if m.flaw == "panic" && v.Question.Hours < 0 {
				panic("negative hours")
			}
			return a, "", errors.New("bad question")
		}
		a.Finds = m.search(v)
		m.found[v.Thing] = a.Finds
		return a, "", nil
	case redteam.Inbox:
		for _, d := range m.order {
			if d.selected && v.As == redteam.Party && d.firms[1] == v.Firm {
				a.Finds = append(a.Finds, redteam.Find{Handle: d.handles[1], Shown: "a need"})
			}
		}
		return a, "", nil
	case redteam.Again, redteam.Look:
		return a, "", errNone
	case redteam.Revise, redteam.Own:
		return a, "", errNone
	case redteam.Retract:
		m.offers[v.Firm] = nil
		return a, "", nil
	}
	d := m.deals[v.Handle]
	side := -1
	if d != nil {
		side = slices.Index(d.firms[:], v.Firm)
	}
	if d == nil || side < 0 || d.handles[side] != v.Handle || !d.selected && v.Verb != redteam.Select {
		if d != nil && m.flaw == "session exists" {
			return a, "", errNo
		}
		return a, "", errNone
	}
	return m.inSession(d, side, v)
}

func (m *toyMarket) inSession(d *toyDeal, side int, v redteam.Move) (a redteam.Answer, shown string, err error) {
	if v.As == redteam.Bystander && v.Verb != redteam.Status {
		return a, "", errNo
	}
	if key := v.Handle + string(v.Verb) + v.ID; v.ID != "" {
		if m.used[key] != "" && m.flaw != "replays" {
			return a, "done", nil
		}
		m.used[key] = "done"
	}
	over := !d.left.IsZero() || m.now.Sub(toyOpening) > 30*24*time.Hour && !d.revealed
	switch v.Verb {
	case redteam.Select:
		if d.selected || side != 0 {
			return a, "", errNone
		}
		d.selected = true
	case redteam.OptIn:
		d.in[side] = !over
	case redteam.OptOut:
		d.in[side] = false
	case redteam.Approve:
		d.yes[side] = !over && v.As == redteam.Approver
	case redteam.Refuse, redteam.Revoke:
		d.yes[side] = false
		if d.revealed && v.Verb == redteam.Revoke {
			d.left = m.now
		}
	case redteam.Leave:
		d.left = m.now
	case redteam.Who:
		return m.who(d, side)
	case redteam.Summary:
		if m.flaw == "name in a summary" {
			return a, strings.ToUpper(m.plant.Firms[d.firms[1-side]].Street), nil
		}
		return a, "hours", nil
	case redteam.Status:
		shown = fmt.Sprint(d.in[side], d.yes[side], d.revealed, d.revealed && over)
		if m.flaw == "refusal shows" {
			shown += fmt.Sprint(d.in[1-side])
		}
		return a, shown, nil
	default:
		return a, "", errNo
	}
	if d.in == [2]bool{true, true} && d.yes == [2]bool{true, true} && !over && !d.revealed {
		d.revealed = true
	}
	return a, "done", nil
}

func (m *toyMarket) who(d *toyDeal, side int) (a redteam.Answer, shown string, err error) {
	early := m.flaw == "early" && side == 0 && d.in[0] && d.in[1]
	gone := m.flaw == "peek" && !d.left.IsZero()
	if !early && (!d.revealed || gone) {
		return a, "", errNo
	}
	a.Reads = true
	return a, m.plant.Firms[d.firms[1-side]].LegalName, nil
}

func (m *toyMarket) search(v redteam.Move) (finds []redteam.Find) {
	if m.flaw == "echoes of others" && v.Question.Text != "" {
		return []redteam.Find{{Shown: reversed(m.plant.Firms[1].Email)}}
	}
	for i, o := range m.offers {
		if o == nil || i == v.Firm || o.Machine != v.Question.Machine || m.class(o.Machine, m.plant.Firms[v.Firm].Group) < m.k {
			continue
		}
		if !m.answers(v.Firm, i, v.Question) {
			continue
		}
		band := 1
		if m.flaw == "scores" {
			a, _ := m.Embed(context.Background(), v.Question.Text)
			b, _ := m.Embed(context.Background(), o.Text)
			for j := range a {
				band += int(1000 * a[j] * b[j])
			}
		}
		if m.flaw == "two bands" { // which is none
			band = i % 2
		}
		d := &toyDeal{firms: [2]int{v.Firm, i}}
		for side := range d.handles {
			d.handles[side] = fmt.Sprintf("h-%016d%04d", m.rng.Int64N(1e16), side)
			if m.flaw == "stable handles" {
				d.handles[side] = fmt.Sprintf("h-offer-number-%04d-%d-%d", i*7919, m.rng.IntN(1000), side)
			}
			m.deals[d.handles[side]] = d
		}
		m.order = append(m.order, d)
		finds = append(finds, redteam.Find{Handle: d.handles[0], Shown: o.Machine, Band: band})
	}
	if m.flaw != "order" {
		m.rng.Shuffle(len(finds), func(i, j int) { finds[i], finds[j] = finds[j], finds[i] })
	}
	slices.SortStableFunc(finds, func(a, b redteam.Find) int { return b.Band - a.Band })
	return finds
}

func reversed(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

// class counts the employers behind a machine, the viewer's left out.
func (m *toyMarket) class(machine, viewer string) int {
	groups := map[string]bool{}
	for i, o := range m.offers {
		g := m.plant.Firms[i].Group
		if m.flaw == "listings count" {
			g = fmt.Sprint(i)
		}
		if o != nil && o.Machine == machine && g != viewer {
			groups[g] = true
		}
	}
	return len(groups)
}

// answers says fit or no fit once; a later question is answered only if the
// first answer decides it.
func (m *toyMarket) answers(asker, offer int, q redteam.Question) bool {
	key := [2]int{asker, offer}
	o := m.offers[offer]
	fits := q.Ceiling >= o.Floor && q.Hours <= o.Hours && q.Until <= o.Until && q.From >= o.From && (q.Tolerance == 0 || q.Tolerance >= o.Tolerance)
	if m.flaw == "no first answer" {
		return fits
	}
	if m.asked[key]++; m.asked[key] > 8 && m.flaw != "scores" || m.miss[key] {
		return false
	}
	first, ok := m.first[key]
	switch {
	case !ok && fits:
		m.first[key] = q
		return true
	case !ok:
		m.miss[key] = true
		return false
	}
	return q.Ceiling >= first.Ceiling && q.Hours <= first.Hours && q.Until <= first.Until && (q.Tolerance == 0 || first.Tolerance > 0 && q.Tolerance >= first.Tolerance)
}
