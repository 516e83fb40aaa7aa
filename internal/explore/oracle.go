package explore

import (
	"time"

	"github.com/deeperpoint/csss/disclosure"
)

// history is what has happened, as somebody notes it who sees the accepted
// commands and the events, and knows the promises but not the machine.
type history struct {
	in, yes, left, terms     [2]bool
	lapse                    [2]time.Time // of the opt-ins
	vote                     [2]time.Time // lapse of the employers' votes
	deadline                 time.Time
	revealed, engaged, ended bool
	endedAt                  time.Time
	hours                    [2]int64
	rated                    [2]bool
	dormant                  bool
}

// command notes what was accepted.
func (h *history) command(c *disclosure.Command, s *disclosure.State) {
	x := c.Side
	switch c.Kind {
	case disclosure.OptIn:
		h.in[x], h.lapse[x] = true, h.deadline
		if x == disclosure.Supply {
			h.lapse[x] = c.At.Add(offered)
		}
	case disclosure.OptOut:
		h.in[x] = false
	case disclosure.Withdraw, disclosure.Abort:
		h.left[x], h.in[x] = true, false
	case disclosure.Authorize:
		h.yes[x], h.vote[x] = true, h.deadline
		if h.revealed {
			h.vote[x] = s.HoldUntil
		}
	case disclosure.Deny, disclosure.RevokeAuth:
		h.yes[x] = false
	case disclosure.AcceptTerms:
		h.terms[x] = true
	case disclosure.MarkDone:
		h.hours[x] = c.Hours
	}
}

// event notes an event and says which promise it breaks, "" for none.
func (h *history) event(e *disclosure.Event, hold disclosure.HoldAnswer) string {
	own := e.Command != ""
	if h.ended && e.Type != disclosure.FieldsDisclosed && e.Type != disclosure.OutcomeRated {
		return "S12: something but a view or a rating follows the end"
	}
	slot := e.At.Equal(e.At.Truncate(time.Hour))
	switch e.Type {
	case disclosure.IdentitiesRevealed:
		return h.reveal(e, hold)
	case disclosure.FieldsDisclosed:
		switch {
		case e.Stage > disclosure.StageSummary && !h.revealed:
			return "S1: an identity is shown before the reveal"
		case e.Stage > disclosure.StageIdentity && !h.engaged:
			return "S2: a stage is shown before its time"
		case h.ended && !e.At.Before(h.endedAt.Add(72*time.Hour)):
			return "S3: a view after the grace window"
		}
	case disclosure.EngagementAgreed:
		valid := h.yes[0] && h.yes[1] && hold == disclosure.HoldGranted
		if !valid || !h.terms[0] || !h.terms[1] || !h.revealed || h.engaged {
			return "S15: an engagement without both terms, both employers and a hold"
		}
		h.engaged = true
	case disclosure.EngagementCompleted:
		if h.hours[0] != h.hours[1] || !h.engaged {
			return "S12: completed with different hours"
		}
		h.ended, h.endedAt = true, e.At
	case disclosure.SessionStaled:
		h.dormant = true
		if h.revealed || !slot || e.At.Before(h.deadline) {
			return "S12: stale before its time"
		}
	case disclosure.SessionRevived:
		if h.revealed || !slot || !h.dormant {
			return "S10: a revival off a slot"
		}
		h.dormant, h.deadline = false, e.At.Add(24*time.Hour)
	case disclosure.SessionClosed, disclosure.EngagementTerminated:
		if !h.revealed && (!slot || own) {
			return "S10: a close off a slot tells who moved, and when"
		}
		h.ended, h.endedAt = true, e.At
	case disclosure.OutcomeRated:
		if !h.engaged || h.rated[e.Side] {
			return "S11: rated twice, or without an engagement"
		}
		h.rated[e.Side] = true
	}
	return ""
}

func (h *history) reveal(e *disclosure.Event, hold disclosure.HoldAnswer) string {
	switch {
	case h.revealed:
		return "S5: a second reveal"
	case hold != disclosure.HoldGranted:
		return "a reveal without a hold"
	case h.left[0] || h.left[1]:
		return "S4: a reveal after an acknowledged withdrawal"
	case h.dormant || !e.At.Before(h.deadline):
		return "S12: a reveal past the deadline"
	}
	for x := range 2 {
		if !h.in[x] || !h.yes[x] || !e.At.Before(h.lapse[x]) || !e.At.Before(h.vote[x]) {
			return "S1: a reveal without four valid consents"
		}
	}
	h.revealed = true
	return ""
}
