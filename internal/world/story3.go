package world

import (
	"bytes"
	"time"

	csss "github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/match"
)

// Guidance is the third story: a quality manager who has taken her own firm
// through IATF 16949 gives two to four hours a week, but not to competitors.
type Guidance struct {
	World // its firms, rules, offers and comparables

	Ruiz  Who // quality manager of the offering firm: publishes, opts in, guides
	Owner Who // its owner; sets its rules

	Client1, Approver1 Who // moulding firm in Stratford, 47.8 km
	Client2, Approver2 Who // firm in Kitchener, 80.1 km
	Greedy             Who // wants more than the employer gives
	Competitor         Who // a metal stamper like the offering firm

	Offer    string          // id; ends with the first grant, on 2027-07-01
	Renewed  csss.PolicyText // version 2: the grant reissued to the end of 2027
	Extended match.Offer     // the offer to the end of 2027: a revision that Renewed allows
	CutShort csss.PolicyText // version 3: the grant as it was at first

	Need1           match.Need // 3 h/week × 8 weeks on site, from Monday 2026-09-28
	Need2           match.Need // 2 h/week × 8 weeks, the same weeks, remote or on site
	Need2OnSite     match.Need // the same, on site only: beyond the grant's 80 km
	Need2Later      match.Need // the same as Need2, from Monday 2026-11-23
	NeedGreedy      match.Need // 6 h/week
	NeedCompetitor  match.Need // the text of Need1
	NeedAfterExpiry match.Need // registered on 2027-07-01
	NeedRunning     match.Need // 3 h/week × 8 weeks from Monday 2027-06-07: fits Extended only
	NeedRunningPart match.Need // the same, fewer weeks welcome: 4 weeks, 12 h, before the first grant ends
}

// Registered is when the needs of autumn 2026 are registered.
func (*Guidance) Registered() time.Time { return Local(2026, time.September, 21, 9, 0) }

const (
	guidanceCategory = "expertise.quality.iatf16949"
	guidanceAsk      = "Guidance towards IATF 16949 certification: gap analysis, core tools (APQP, PPAP, FMEA), internal audits"
)

var guidanceTopics = []string{"iatf-16949", "core-tools", "internal-audit"}

// guide is what the offering person of the third story can do: four hours a
// week, 160 in all, until the employer's grant ends.
func guide(experience int, floor int64, text string) match.Offer {
	o := person(experience, floor, text, guidanceTopics, map[string]match.Property{"process": match.Terms("quality systems")}, 2025)
	o.Kind, o.Category, o.Instrument = match.Expertise, guidanceCategory, "certification_guidance"
	o.Credentials = []match.Credential{{Scheme: "IATF16949", Issuer: "accredited registrar", Scope: "quality system",
		From: Local(2025, time.May, 12, 0, 0), To: Local(2028, time.May, 12, 0, 0)}}
	o.Mode = match.Remote | match.OnSite
	o.Available, o.Expires = Opening(), Local(2027, time.July, 1, 0, 0)
	o.Quantity = match.Quantity{Unit: match.Hours, PerWeek: 4 * match.Hour, Value: 160 * match.Hour}
	return o
}

// Story3 returns the third story.
func Story3() *Guidance {
	s := &Guidance{}
	number := numbersStory3
	e := newEmployer(number, "", "Corrway Stamping", london, "336370", "automotive")
	s.Ruiz = e.hire("N. Ruiz", "quality_manager")
	s.Owner = e.hire("A. Featherstone", "owner")
	s.join(e, rulesOf("corrway-stamping", e.ID))
	o := guide(14, 12000, "Quality manager who led a three-year IATF 16949 programme to its certificate in 2025: "+
		"gap analysis, core tools, internal audits; two to four hours a week")
	o.Person = s.Ruiz.Person
	o = e.offer(1, o)
	s.publish(s.Ruiz, o)
	s.Offer = o.ID
	s.Extended = o
	s.Extended.Expires = Local(2028, time.January, 1, 0, 0)
	s.Renewed = csss.PolicyText{Firm: e.ID, Name: e.ID + ".yaml", Text: rulesOf("corrway-stamping-renewed", e.ID)}
	s.CutShort = csss.PolicyText{Firm: e.ID, Name: e.ID + ".yaml",
		Text: bytes.Replace(rulesOf("corrway-stamping", e.ID), []byte("version: 1"), []byte("version: 3"), 1)}
	s.clients(number + 1)
	s.compare(guidanceCategory, 14000, 15000, 15500, 16000, 16500, 17500, 18500, 19000, 21000, 24000)
	return s
}

func (s *Guidance) clients(number int) {
	join := func(legal string, c city, naics, asker, approver string) (*employer, Who, Who) {
		e := newEmployer(number, "", legal, c, naics, "automotive")
		number++
		a, b := e.hire(asker, "quality_lead"), e.hire(approver, "owner", "operations_director")
		s.join(e, rulesOf("managed", e.ID))
		return e, a, b
	}
	first := Local(2026, time.September, 28, 0, 0)
	e, who, boss := join("Thornmere Mould", stratford, "326193", "M. Blackadder", "C. Aldersgate")
	s.Client1, s.Approver1 = who, boss
	s.Need1 = e.need(1, who, weekly(first, 3, match.OnSite))
	s.NeedAfterExpiry = e.need(2, who, weekly(Local(2027, time.July, 5, 0, 0), 3, match.OnSite))
	running := weekly(Local(2027, time.June, 7, 0, 0), 3, match.OnSite)
	s.NeedRunning = e.need(3, who, running)
	running.Partial = true
	s.NeedRunningPart = e.need(4, who, running)

	e, who, boss = join("Hespeler Components", kitchener, "332710", "T. Vukovic", "D. Ironside")
	s.Client2, s.Approver2 = who, boss
	s.Need2 = e.need(1, who, weekly(first, 2, match.Remote|match.OnSite))
	s.Need2OnSite = e.need(2, who, weekly(first, 2, match.OnSite))
	s.Need2Later = e.need(3, who, weekly(Local(2026, time.November, 23, 0, 0), 2, match.Remote|match.OnSite))

	e, s.Greedy, _ = join("Vantrell Plastics", guelph, "326193", "K. Lapointe", "R. Holmwood")
	s.NeedGreedy = e.need(1, s.Greedy, weekly(first, 6, match.Remote|match.OnSite))

	e, s.Competitor, _ = join("Pelworth Stamping", windsor, "336370", "G. Sauvageau", "L. Cranfield")
	s.NeedCompetitor = e.need(1, s.Competitor, weekly(first, 3, match.Remote|match.OnSite))
}

// weekly asks for so many hours in each of eight ISO weeks from a Monday on,
// each week all or nothing.
func weekly(monday time.Time, hours match.Amount, mode match.Mode) match.Need {
	return match.Need{
		Kind: match.Guidance, Category: guidanceCategory, Governance: "demand.certification",
		Text: guidanceAsk, Topics: guidanceTopics, Mode: mode,
		From: monday, Until: monday.AddDate(0, 0, 8*7),
		Quantity: match.Quantity{Unit: match.Hours, PerWeek: hours * match.Hour, Weeks: 8, MinLot: min(hours, 2) * match.Hour},
		Ceiling:  match.NewBound(20000),
	}
}

// K3Story3 returns the third story with two more firms whose quality managers
// share the summary and have no hours to give, so that k = 3 holds.
func K3Story3() *Guidance {
	s := Story3()
	b := newBuilder(3)
	b.plant(guides()[:2])
	s.add(b.w)
	return s
}
