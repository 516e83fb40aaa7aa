// Package target is the library's own exchange as the attackers of package
// redteam find it: each move is one call, and every value and error that the
// call returns is printed in each way a host might.
package target

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/redteam"
	"github.com/deeperpoint/csss/embed"
	"github.com/deeperpoint/csss/embed/lexical"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// An Exchange opens exchanges in memory.
type Exchange struct {
	Seed   uint64             // of the world around the planted firms
	Firms  int                // of that world; 0 = none, whatever a plant asks for
	Offers int                // of that world; 0 = the world's own default
	Config func() csss.Config // nil = every default
}

// Open opens an exchange and registers the plant.
func (e *Exchange) Open(ctx context.Context, p redteam.Plant) (redteam.Market, error) {
	m := &market{plant: p, now: world.Opening(), tiles: 0}
	var cfg csss.Config
	if e.Config != nil {
		cfg = e.Config()
	}
	cfg.Logger = slog.New(slog.NewJSONHandler(&m.logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	cfg.Events = func(kind string) { m.logs.WriteString(kind + "\n") }
	x, err := csss.Open(ctx, cfg)
	if err != nil {
		return nil, err
	}
	m.x = x
	if p.Crowd && e.Firms > 0 {
		w := world.Build(world.Options{Seed: e.Seed, Firms: e.Firms, Offers: e.Offers, Stories: e.Firms >= 100})
		for _, c := range w.Canaries() {
			m.canaries = append(m.canaries, c.Token)
		}
		if _, err := x.Import(ctx, csss.By{At: m.now}, w.Import()); err != nil {
			return nil, closing(x, err)
		}
	}
	if _, err := x.Import(ctx, csss.By{At: m.now}, m.firms()); err != nil {
		return nil, closing(x, err)
	}
	return m, nil
}

func closing(x *csss.Exchange, err error) error {
	_ = x.Close()
	return err
}

// Embed is the exchange's own embedder, which an attacker may well know.
func (e *Exchange) Embed(ctx context.Context, text string) ([]float32, error) {
	var by embed.Embedder
	if e.Config != nil {
		by = e.Config().Embedder
	}
	if by == nil {
		l, err := lexical.New(nil)
		if err != nil {
			return nil, err
		}
		by = l
	}
	v, err := by.Embed(ctx, embed.Document, []string{text}, nil)
	if err != nil {
		return nil, err
	}
	return v[0], nil
}

const rules = `apiVersion: csss.policy/v1
employer: %s
version: 1
zone: America/Toronto
approvals:
  - {id: boss, seats: [boss], need: 1, expires: 72h, not: [requester]}
rules:
  - {id: publish, effect: permit, actions: [publish], categories: [machine], approval: auto}
  - {id: ask, effect: permit, actions: [register], categories: [demand], approval: auto}
  - {id: share, effect: permit, actions: [match, summarise], categories: [machine, demand], approval: auto}
  - {id: go, effect: permit, actions: [reveal, engage], categories: [machine, demand], approval: boss}
`

const category = "machine.capacity"

// market is one exchange.
type market struct {
	x        *csss.Exchange
	plant    redteam.Plant
	now      time.Time
	logs     bytes.Buffer
	tiles    uint64 // leaves that were read
	canaries []string
}

func (m *market) Close() error { return m.x.Close() }

// Canaries are the tokens of the world around the planted firms.
func (m *market) Canaries() []string { return m.canaries }

func (m *market) Pass(ctx context.Context, d time.Duration) error {
	m.now = m.now.Add(d)
	_, err := m.x.Tick(ctx, m.now)
	return err
}

func (m *market) firms() csss.Import {
	in := csss.Import{Comparables: map[string][]int64{category: {11000, 11500, 12000, 12500, 13000}}}
	for i := range m.plant.Firms {
		p := &m.plant.Firms[i]
		id := p.Slug()
		f := csss.Firm{ID: id, LegalName: p.LegalName, Group: p.Group, NAICS: fmt.Sprintf("33%04d", 2000+i), Country: "Ontario",
			Sites: []csss.Site{{ID: id + "-site", Street: p.Street, City: "Hamilton", Region: "hamilton_niagara", Zone: world.Zone,
				At: match.Point{Lat: 43 + float64(p.Site)*0.11, Lon: -79.5}}},
			People: []csss.Person{
				{ID: m.person(i, redteam.Party), Name: p.Contact, Email: p.Email, Phone: p.Phone, Roles: []string{"engineer"}},
				{ID: m.person(i, redteam.Approver), Name: p.Contact + " II", Roles: []string{"boss"}},
				{ID: m.person(i, redteam.Bystander), Name: p.Contact + " III", Roles: []string{"janitor"}},
			},
			Resources: []csss.Resource{{ID: id + "-machine", Serial: p.Serial}}}
		in.Firms = append(in.Firms, f)
		in.Policies = append(in.Policies, csss.PolicyText{Firm: id, Name: "rules.yaml", Text: fmt.Appendf(nil, rules, id)})
		if p.Offer != nil {
			in.Offers = append(in.Offers, csss.Publication{By: m.by(redteam.Move{Firm: i}), Offer: m.offer(i, redteam.OfferOf(i), p.Offer)})
		}
	}
	return in
}

func (m *market) person(firm int, as redteam.Role) string {
	id := "nobody"
	if firm >= 0 && firm < len(m.plant.Firms) {
		id = m.plant.Firms[firm].Slug()
	}
	return id + [...]string{"-party", "-boss", "-janitor", "-outsider"}[as&3]
}

func (m *market) by(v redteam.Move) csss.By {
	firm := "nobody"
	if v.Firm >= 0 && v.Firm < len(m.plant.Firms) {
		firm = m.plant.Firms[v.Firm].Slug()
	}
	return csss.By{Firm: firm, Person: m.person(v.Firm, v.As), ID: v.ID, At: m.now}
}

func day(n int) time.Time { return world.Opening().AddDate(0, 0, n) }

const usualText = "five axis titanium capacity"

func textOr(text string) string {
	if text == "" {
		return usualText
	}
	return text
}

func (m *market) offer(firm int, id string, o *redteam.Offer) match.Offer {
	resource := "res"
	if firm >= 0 && firm < len(m.plant.Firms) {
		resource = m.plant.Firms[firm].Slug() + "-machine"
	}
	return match.Offer{ID: id, Resource: resource, Kind: match.MachineCapacity, Category: category, Text: textOr(o.Text),
		Properties: map[string]match.Property{"machine_type": match.Terms(o.Machine), "tolerance": match.Range(float64(o.Tolerance)/1000, 0.5, "mm")},
		Available:  day(o.From), Expires: day(o.Until), Quantity: match.Quantity{Unit: match.Hours, Value: match.Amount(o.Hours) * match.Hour},
		Currency: world.Currency, Floor: match.NewBound(o.Floor)}
}

func (m *market) need(v redteam.Move) match.Need {
	q := v.Question
	n := match.Need{ID: v.Thing, Kind: match.MachineCapacity, Category: category, Governance: "demand.machining", Text: textOr(q.Text),
		From: day(q.From), Until: day(q.Until), Quantity: match.Quantity{Unit: match.Hours, Value: match.Amount(q.Hours) * match.Hour},
		Currency: world.Currency, Ceiling: match.NewBound(q.Ceiling)}
	if q.Machine != "" {
		n.Requires = append(n.Requires, match.Requirement{Property: "machine_type", Op: match.AnyOf, Terms: []string{q.Machine}})
	}
	if q.Tolerance != 0 {
		n.Requires = append(n.Requires, match.Requirement{Property: "tolerance", Op: match.AtMost, Value: float64(q.Tolerance) / 1000, Unit: "mm"})
	}
	return n
}

// answer collects what one move's calls return.
type answer struct {
	redteam.Answer
	buf bytes.Buffer
}

// say prints what a call returned, and reports whether it was accepted.
func (a *answer) say(err error, values ...any) bool {
	if err != nil {
		fmt.Fprintf(&a.buf, "%T %v %+v %#v\n", err, err, err, err)
		return false
	}
	for _, v := range values {
		fmt.Fprintf(&a.buf, "%v\n%+v\n%#v\n", v, v, v)
		enc := json.NewEncoder(&a.buf)
		if err := enc.Encode(v); err != nil {
			a.buf.WriteString(err.Error())
		}
	}
	return true
}

func (m *market) Do(ctx context.Context, v redteam.Move) redteam.Answer {
	a := &answer{}
	by := m.by(v)
	h := disclosure.Handle(v.Handle)
	receipt := func(r csss.Receipt, err error) {
		if v.ID == "" {
			r.Command = "" // drawn at random, and longer or shorter than the caller's own
		}
		a.OK = a.say(err, r)
	}
	switch v.Verb {
	case redteam.Ask:
		if _, err := m.x.Register(ctx, by, m.need(v)); !a.say(err) {
			break
		}
		by.ID = ""
		m.found(a, by, v.Thing, false)(m.x.Match(ctx, by, v.Thing))
	case redteam.Again:
		m.found(a, by, v.Thing, false)(m.x.Match(ctx, by, v.Thing))
	case redteam.Look:
		m.found(a, by, v.Thing, true)(m.x.Candidates(by, v.Thing))
	case redteam.Inbox:
		m.inbox(ctx, a, by)
	case redteam.Revise:
		receipt(m.x.Revise(ctx, by, m.offer(v.Firm, v.Thing, &v.Offer)))
	case redteam.Retract:
		thing := v.Thing
		if thing == "" {
			thing = redteam.OfferOf(v.Firm)
		}
		receipt(m.x.Withdraw(ctx, by, thing))
	case redteam.Own:
		m.own(ctx, a, by, v)
	case redteam.Totals:
		m.totals(ctx, a, v)
	case redteam.Outside:
		m.outside(ctx, a)
	case redteam.Select:
		receipt(m.x.Select(ctx, by, h))
	case redteam.OptIn:
		receipt(m.x.OptIn(ctx, by, h))
	case redteam.OptOut:
		receipt(m.x.OptOut(ctx, by, h))
	case redteam.Approve:
		receipt(m.x.Approve(ctx, by, h, v.Words))
	case redteam.Refuse:
		receipt(m.x.Refuse(ctx, by, h, v.Words))
	case redteam.Revoke:
		receipt(m.x.Revoke(ctx, by, h, v.Words))
	case redteam.Leave:
		receipt(m.x.WithdrawFrom(ctx, by, h, v.Words))
	case redteam.Revive:
		receipt(m.x.Revive(ctx, by, h))
	case redteam.Accept:
		var d disclosure.Digest
		if d.UnmarshalText([]byte(v.Words)) != nil {
			d = disclosure.DigestOf([]byte(v.Words))
		}
		receipt(m.x.AcceptTerms(ctx, by, h, d))
	case redteam.Start:
		receipt(m.x.Start(ctx, by, h))
	case redteam.Done:
		receipt(m.x.Complete(ctx, by, h, match.Amount(v.Question.Hours)*match.Hour))
	case redteam.Rate:
		receipt(m.x.Rate(ctx, by, h, disclosure.Rating{Stars: 5}))
	case redteam.Consent:
		receipt(m.x.ConsentSummary(ctx, by, h))
	case redteam.Summary:
		m.view(ctx, a, by, h, disclosure.StageSummary)
	case redteam.Who:
		m.view(ctx, a, by, h, disclosure.StageIdentity)
	case redteam.Status:
		s, err := m.x.Status(ctx, by, h)
		a.OK = a.say(err, s)
	case redteam.Trail:
		t, err := m.x.Trail(ctx, by, h)
		a.OK = a.say(err, t)
	case redteam.Proof:
		p, err := m.x.ExportReceipt(ctx, by, h)
		a.OK = a.say(err, string(p))
	}
	a.Seen = a.buf.Bytes()
	return a.Answer
}

var bands = map[match.Tier]int{match.Medium: 1, match.High: 2}

// found tells what a search found. The rank within a band is the order.
func (m *market) found(a *answer, by csss.By, need string, look bool) func(csss.Matches, error) {
	return func(f csss.Matches, err error) {
		f.Receipt.Command = ""
		if a.OK = a.say(err, f); !a.OK || look && len(f.Candidates) == 0 {
			return
		}
		for _, c := range f.Candidates {
			a.Finds = append(a.Finds, redteam.Find{Handle: string(c.Handle), Band: bands[c.Tier],
				Shown: strings.Join(c.Summary, ", ") + "; " + c.Place + "; " + c.Covers + "; " + strings.Join(c.Rationale, ", ")})
		}
	}
}

func (m *market) inbox(ctx context.Context, a *answer, by csss.By) {
	tasks, err := m.x.Inbox(ctx, by)
	a.OK = a.say(err, tasks)
	for _, t := range tasks {
		if t.Kind == csss.Invitation {
			a.Finds = append(a.Finds, redteam.Find{Handle: string(t.Handle), Shown: strings.Join(t.Brief.Counterparty, ", ") + "; " + t.Brief.Place})
		}
	}
}

func (m *market) view(ctx context.Context, a *answer, by csss.By, h disclosure.Handle, stage disclosure.Stage) {
	v, err := m.x.View(ctx, by, h, stage)
	if a.OK = a.say(err, v); a.OK && stage >= disclosure.StageIdentity {
		a.Reads = v.Identity.Open().LegalName != ""
		a.say(nil, v.Identity.Open())
	}
}

// own reads what only a thing's owner may.
func (m *market) own(ctx context.Context, a *answer, by csss.By, v redteam.Move) {
	o, err := m.x.Offer(by, v.Thing)
	a.OK = a.say(err, o)
	n, err := m.x.Need(by, v.Thing)
	a.OK = a.say(err, n) || a.OK
	p, err := m.x.Preview(by, v.Thing)
	if a.say(err, p) && p.Partner.Open().LegalName != "" {
		a.say(nil, p.Partner.Open()) // the own firm's, as a partner would read it
	}
	misses, err := m.x.NearMisses(ctx, by, v.Thing)
	a.say(err, misses)
	left, err := m.x.Remaining(by, v.Thing)
	a.say(err, left)
	standing, err := m.x.Standing(by, v.Words)
	a.say(err, standing)
	_, err = m.x.Rules(by, v.Words)
	a.say(err)
}

func (m *market) totals(ctx context.Context, a *answer, v redteam.Move) {
	picture, err := m.x.Picture(ctx)
	a.OK = a.say(err, picture)
	misses, err := m.x.MissTotals(ctx)
	a.say(err, misses)
	for _, c := range []string{category, v.Words} {
		e, err := m.x.Estimate(c)
		a.say(err, e)
	}
}

// outside is what the host writes elsewhere: logs, kinds of events, the public
// tree.
func (m *market) outside(ctx context.Context, a *answer) {
	a.buf.Write(m.logs.Bytes())
	m.logs.Reset()
	head, err := m.x.Checkpoint(ctx)
	a.OK = a.say(err, string(head))
	size := m.x.Size()
	for leaf, err := range m.x.Tiles().Leaves(ctx, m.tiles, size) {
		if err != nil {
			a.say(err)
			return
		}
		a.buf.Write(leaf)
		a.buf.WriteByte('\n')
	}
	m.tiles = size
	a.buf.WriteString(m.x.VerifierKey())
}
