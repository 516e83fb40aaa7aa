package explore

import (
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

var begin = time.Date(2026, 9, 15, 10, 30, 0, 0, time.UTC)

// offered is how long the offered person's opt-in lasts.
const offered = time.Hour

// instants of a walk: in the session, after the lapse of an opt-in, stale, in the slot of a revival, after
// the lapse of a hold, and after the hard expiry and every grace.
var instants = []time.Duration{0, 2 * time.Hour, 25 * time.Hour, 26 * time.Hour, 99 * time.Hour, 40 * 24 * time.Hour}

var rules = disclosure.DigestOf([]byte("rules"))

// opened is the session that every walk begins with: an offered person and a
// buyer, either employer wanting one vote.
func opened() disclosure.State {
	p := disclosure.Proposal{ID: "p", Session: "s", Offer: "o", Need: "n", At: begin, Terms: disclosure.DigestOf([]byte("terms")),
		Parties: [2]disclosure.Party{{Firm: "f0", Actor: "party0", Person: true}, {Firm: "f1", Actor: "party1"}}}
	for i := range p.Summaries {
		p.Summaries[i] = disclosure.DigestOf([]byte{byte(i)})
	}
	events, err := disclosure.Open(p)
	var s disclosure.State
	if err != nil {
		return s
	}
	for _, e := range events {
		s = disclosure.Evolve(s, e)
	}
	return s
}

// move is one command of the walks, and the reserver's answer to it.
type move struct {
	side disclosure.Side
	kind disclosure.Kind
	hold disclosure.HoldAnswer
}

// moves are all commands of both sides; where it matters, with both answers.
func moves() (out []move) {
	for _, kind := range disclosure.Kinds() {
		for side := range disclosure.Side(2) {
			switch kind {
			case disclosure.Expire, disclosure.Publish:
				if side == disclosure.Supply { // the system's, and of neither side here
					out = append(out, move{side, kind, disclosure.HoldRefused})
				}
			case disclosure.Settle:
				out = append(out, move{side, kind, disclosure.HoldAnswer(side)})
			case disclosure.OptIn, disclosure.Authorize, disclosure.AcceptTerms:
				out = append(out, move{side, kind, disclosure.HoldRefused}, move{side, kind, disclosure.HoldGranted})
			default:
				out = append(out, move{side, kind, disclosure.HoldRefused})
			}
		}
	}
	return out
}

func (m move) command(s *disclosure.State, id string, now time.Time) disclosure.Command {
	c := disclosure.Command{ID: id, Session: "s", Side: m.side, Kind: m.kind, At: now, Bind: s.Binding(m.side), Stage: disclosure.StageIdentity,
		Terms: s.Proposal.Terms, Hours: 2500, Rating: disclosure.Rating{Stars: 5}, Actor: [2]string{"party0", "party1"}[m.side]}
	switch m.kind {
	case disclosure.Authorize, disclosure.RevokeAuth:
		c.Actor = [2]string{"boss0", "boss1"}[m.side]
	case disclosure.Deny: // another approver: the vote of the first stands
		c.Actor = [2]string{"deputy0", "deputy1"}[m.side]
	case disclosure.OptIn:
		if m.side == disclosure.Supply {
			c.Bind.Expires = now.Add(offered)
		}
	}
	return c
}

// verdict wants one standing vote.
func verdict(s *disclosure.State, side disclosure.Side, cast bool, now time.Time) disclosure.Verdict {
	for _, v := range s.Sides[side].Votes {
		cast = cast || !v.Deny && now.Before(v.Expires)
	}
	return disclosure.Verdict{Allowed: true, Satisfied: cast, Policy: rules, Version: 1}
}

func (m move) env(s *disclosure.State, now time.Time) disclosure.Env {
	e := disclosure.Env{Now: now, Hold: m.hold}
	for side := range disclosure.Side(2) {
		e.Verdicts[side] = verdict(s, side, m.kind == disclosure.Authorize && m.side == side, now)
	}
	return e
}
