package redteam

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

// perMarket is after how many probes the storm moves on to a new market: a market
// grows with every probe that it accepts.
const perMarket = 25_000

// storm makes calls at random, with arguments that are wrong in every way it
// knows, in a market in which a session waits and another is revealed. It goes
// on for Options.Probes.
func storm(ctx context.Context, c *Campaign) error {
	accepted := map[Verb]int{}
	for round := 0; c.score.Probes < c.Probes; round++ {
		s, err := c.newStorm(c.Seed + uint64(round))
		if err != nil {
			return err
		}
		s.accepted = accepted
		for range min(perMarket, c.Probes-c.score.Probes) {
			if err := s.probe(); err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
		}
	}
	c.Note("accepted, by verb: %v", accepted)
	return nil
}

// stormy is one market of the storm. The attackers are the firms from first on,
// and the buyer; the buyer's session with the victim is not revealed.
type stormy struct {
	*Field
	own     []holding // handles of the attackers' own
	foreign []string  // handles of others
	tokens  []string  // of the others
	decoys  []string  // of nobody: for what the market may keep, and so may show to whoever said it
	asked   int

	accepted map[Verb]int
}

// A holding is a handle, and whose it is.
type holding struct {
	firm   int
	handle string
}

func (c *Campaign) newStorm(seed uint64) (*stormy, error) {
	p := Usual(seed, c.K)
	p.Crowd = true
	f, err := c.Open(p)
	if err != nil {
		return nil, err
	}
	demand, supply, err := f.meets(UsualQuestion())
	if err != nil {
		return nil, err
	}
	s := &stormy{Field: f, own: []holding{{buyer, demand}}, foreign: []string{supply}}
	for i := range p.Firms {
		if i != buyer {
			s.tokens = append(s.tokens, p.Firms[i].Tokens()...)
			nobody := Named(c.Rand, i)
			s.decoys = append(s.decoys, nobody.Tokens()...)
		}
	}
	return s, nil
}

// probe makes one call. No honest firm consents, so nothing may ever be
// revealed.
func (s *stormy) probe() error {
	r := s.c.Rand
	m := Move{Firm: s.pickFirm(), As: Role(r.IntN(4)), Handle: s.handle(), ID: s.id(), Thing: s.thing(), Words: s.text(s.decoys)}
	if m.Firm == buyer && r.IntN(2) == 0 {
		m.As = Party
	}
	switch n := r.IntN(1000); {
	case n < 860:
		m.Verb = Sessional()[r.IntN(len(Sessional()))]
		if n < 400 { // by whoever may
			h := s.own[r.IntN(len(s.own))]
			m.Firm, m.Handle, m.As = h.firm, h.handle, Party
			if m.Verb == Approve || m.Verb == Refuse || m.Verb == Revoke {
				m.As, m.Words = Approver, ""
			}
		}
		if m.Verb == Leave && r.IntN(20) > 0 {
			m.Verb = Summary // or there is nothing left to attack
		}
		if m.Verb == OptIn && m.Firm != buyer {
			m.Verb = OptOut // two attackers could reveal themselves to each other
		}
	case n < 950:
		m.Verb = []Verb{Look, Inbox, Own}[r.IntN(3)]
	case n < 990:
		m.Verb, m.Question = Ask, s.question()
		m.Thing = s.unused()
		if r.IntN(8) > 0 { // most are refused before anything is searched
			m.Thing = s.text(s.decoys)
		}
	case n < 995:
		m.Verb, m.Offer, m.Thing = Revise, s.offer(), OfferOf(m.Firm)
		if r.IntN(2) == 0 {
			m.Thing = s.text(s.decoys)
		}
	case n < 998:
		m.Verb = []Verb{Again, Retract}[r.IntN(2)]
		if m.Firm == buyer {
			m.Verb = Look
		}
	default:
		m.Verb = []Verb{Totals, Outside}[r.IntN(2)]
	}
	a := s.Do(m)
	s.accepted[m.Verb] += b2i(a.OK)
	if a.Reads {
		s.c.Violate("%s reads an identity that nobody consented to show", told(m))
	}
	if a.OK && (m.As == Outsider || m.Firm < 0) && m.Verb != Totals && m.Verb != Outside {
		s.c.Violate("%s succeeds for somebody who does not belong to the firm", told(m))
	}
	for _, f := range a.Finds {
		if h := (holding{m.Firm, f.Handle}); !slices.Contains(s.own, h) {
			s.own = append(s.own, h)
		}
		if len(s.own) > 32 {
			s.own = slices.Delete(s.own, 1, 2) // the oldest but the first
		}
	}
	if r.IntN(5000) == 0 {
		return s.Pass(time.Duration(r.IntN(3600)) * time.Second)
	}
	return nil
}

// pickFirm is never the victim.
func (s *stormy) pickFirm() int {
	n := s.c.Rand.IntN(len(s.Plant.Firms)+1) - 1 // −1 is no firm at all
	if n == victim {
		return buyer
	}
	return n
}

func (s *stormy) handle() string {
	r := s.c.Rand
	switch r.IntN(6) {
	case 0, 1:
		return s.own[r.IntN(len(s.own))].handle
	case 2:
		return s.foreign[r.IntN(len(s.foreign))]
	case 3:
		return invent(s.foreign[0])
	case 4:
		return s.mutated(s.own[r.IntN(len(s.own))].handle)
	default:
		return s.text(s.tokens)
	}
}

func (s *stormy) thing() string {
	r := s.c.Rand
	switch r.IntN(4) {
	case 0:
		return OfferOf(r.IntN(len(s.Plant.Firms)))
	case 1:
		return "need"
	case 2:
		return s.unused()
	default:
		return s.text(s.tokens)
	}
}

// unused is the name of a question that was not asked.
func (s *stormy) unused() string {
	s.asked++
	return fmt.Sprint("storm-", s.asked)
}

func (s *stormy) id() string {
	if s.c.Rand.IntN(4) == 0 {
		return s.text(s.decoys)
	}
	return ""
}

func (s *stormy) question() Question {
	r := s.c.Rand
	q := UsualQuestion()
	q.Text = s.text(s.decoys)
	switch r.IntN(8) {
	case 0:
		q.Ceiling = awkward[r.IntN(len(awkward))]
	case 1:
		q.Hours = int(awkward[r.IntN(len(awkward))])
	case 2:
		q.From, q.Until = q.Until, q.From
	case 3:
		q.Until = int(awkward[r.IntN(len(awkward))] % 100_000)
	case 4:
		q.Machine = s.text(s.decoys)
	case 5:
		q.Tolerance = int(awkward[r.IntN(len(awkward))])
	}
	return q
}

func (s *stormy) offer() Offer {
	r := s.c.Rand
	return Offer{Machine: s.text(s.decoys), Text: s.text(s.decoys), Floor: awkward[r.IntN(len(awkward))], Hours: int(awkward[r.IntN(len(awkward))]),
		Until: r.IntN(200) - 50, Tolerance: r.IntN(100) - 10}
}

var awkward = []int64{0, -1, 1, 2, 999, 15_000, 1 << 31, 1<<31 - 1, 1<<53 + 1, 1<<62 + 1, -1 << 63, 1<<63 - 1}

var oddTexts = []string{
	"", " ", "\x00", "\xff\xfe", "null", "{}", "[]", "%s%n%v%!d(", "../../etc/passwd", "' or 1=1 --", "<script>", "\u202egnp.exe", "\u0000\ufeff",
	"h-", "h-00000000000000000000", "H-ABCDEF", "need", "*", "session/", "offer/..", "💥", "\r\nX: y", "${jndi:x}", "${HOME}", "{{.}}", "NaN", "-0", "1e309",
}

// text is an argument that no honest caller would give.
func (s *stormy) text(tokens []string) string {
	r := s.c.Rand
	switch r.IntN(8) {
	case 0, 1, 2:
		return oddTexts[r.IntN(len(oddTexts))]
	case 3:
		return tokens[r.IntN(len(tokens))]
	case 4:
		return base64.StdEncoding.EncodeToString([]byte(tokens[r.IntN(len(tokens))]))
	case 5:
		return hex.EncodeToString([]byte(s.foreign[0]))
	case 6:
		return strings.Repeat(oddTexts[r.IntN(len(oddTexts))], r.IntN(200))
	default:
		b := make([]byte, r.IntN(40))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
}

// mutated changes one byte of a handle, cuts it or adds to it.
func (s *stormy) mutated(h string) string {
	r := s.c.Rand
	b := []byte(h)
	if len(b) == 0 {
		return "h"
	}
	switch i := r.IntN(len(b)); r.IntN(4) {
	case 0:
		b[i] ^= byte(1 << r.IntN(8))
	case 1:
		b = b[:i]
	case 2:
		b = append(b, b[i])
	default:
		return strings.ToUpper(h)
	}
	return string(b)
}
