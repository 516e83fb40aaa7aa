package csss

import (
	"fmt"
	"slices"
	"time"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/ledger"
	"github.com/deeperpoint/csss/match"
)

// Budgets bound what an employer group can learn by asking often, and what it
// can tie up without agreeing to anything. Beside them, Config.Budget bounds
// the questions about one offer, and a group has at most one open session about
// an offer. All of them are counts over the log: a replay counts the same.
//
// A budget that only the group's own doings fill is told to it, as a
// *BudgetError. Where the answer would tell of another firm, a spent budget
// reads as "no match" or as silence.
type Budgets struct {
	Needs     int           // needs that a group may ask the market about in any 7 days; 0 = 50
	Summaries int           // candidates that a group is shown in any 24 hours; 0 = 200
	CoolDown  time.Duration // from the close of a session on, in which its group is not shown that offer; 0 = 24 h
	Flips     int           // opt-ins and opt-outs of a side in one session; 0 = 16
	Holds     int           // reveals of a group whose hours are held but not agreed on, at a time; those of a bundle are one; 0 = 3
	Multiple  int           // times a need's quantity that may be held for it, not agreed on; 0 = 2
}

const (
	needsPer     = 7 * 24 * time.Hour
	summariesPer = 24 * time.Hour
)

func (b *Budgets) setDefaults() {
	def(&b.Needs, 50)
	def(&b.Summaries, 200)
	def(&b.CoolDown, 24*time.Hour)
	def(&b.Flips, 16)
	def(&b.Holds, 3)
	def(&b.Multiple, 2)
}

func (b *Budgets) validate() error {
	for _, n := range []struct {
		field string
		have  int
	}{{"needs", b.Needs}, {"summaries", b.Summaries}, {"flips", b.Flips}, {"holds", b.Holds}, {"multiple", b.Multiple}} {
		if n.have < 1 {
			return &InputError{Field: "config.budgets." + n.field, Value: fmt.Sprint(n.have), Limit: "must be 1 or more"}
		}
	}
	if b.CoolDown < 0 {
		return &InputError{Field: "config.budgets.cool_down", Value: b.CoolDown.String(), Limit: "must be above 0"}
	}
	return nil
}

// BudgetError says that the caller's own employer group has asked for too much
// in too short a time. It tells nothing of anybody else, and the step changed
// nothing. Unwrap returns ErrBudget.
type BudgetError struct {
	Budget string        // "needs" or "summaries", see Budgets
	Limit  int           // of the budget
	Per    time.Duration // in which it counts
	Again  time.Time     // when the first of what was counted counts no more
}

func (e *BudgetError) Error() string {
	return fmt.Sprintf("%v: %d %s in %v; again at %s", ErrBudget, e.Limit, e.Budget, e.Per, e.Again.UTC().Format(time.RFC3339))
}

// Unwrap returns ErrBudget.
func (e *BudgetError) Unwrap() error { return ErrBudget }

// spending is what counts against an employer group's budgets. The fold drops
// what is too old to count.
type spending struct {
	asked []askedFor
	shown []time.Time // one for each candidate with a summary, whichever offer it is: to count offers would tell which are one
}

// askedFor is a need that the market was searched for.
type askedFor struct {
	needKey
	at time.Time
}

// spentBy is the account of an employer group, for the fold.
func (st *state) spentBy(group string, at time.Time) *spending {
	s := st.spendings[group]
	if s == nil {
		s = &spending{}
		st.spendings[group] = s
	}
	s.asked = slices.DeleteFunc(s.asked, func(a askedFor) bool { return !at.Before(a.at.Add(needsPer)) })
	s.shown = s.shown[firstAfter(s.shown, at.Add(-summariesPer)):]
	return s
}

// asks counts a need; the same one counts once, from its last time on.
func (s *spending) asks(need needKey, at time.Time) {
	s.asked = slices.DeleteFunc(s.asked, func(a askedFor) bool { return a.needKey == need })
	s.asked = append(s.asked, askedFor{need, at})
}

// firstAfter is the index of the first instant after t; the instants rise.
func firstAfter(at []time.Time, t time.Time) int {
	i, _ := slices.BinarySearchFunc(at, t, func(e, t time.Time) int {
		if e.After(t) {
			return 1
		}
		return -1
	})
	return i
}

// mayAsk checks whether a group may search for a need at all, and tells how
// many summaries it may still be shown.
func (st *state) mayAsk(group string, need needKey, at time.Time) (summaries int, err error) {
	s, b := st.spendings[group], &st.budgets
	if s == nil {
		return b.Summaries, nil
	}
	var others []askedFor
	for _, a := range s.asked {
		if a.needKey != need && at.Before(a.at.Add(needsPer)) {
			others = append(others, a)
		}
	}
	if n := len(others); n >= b.Needs {
		return 0, &BudgetError{Budget: "needs", Limit: b.Needs, Per: needsPer, Again: others[n-b.Needs].at.Add(needsPer)}
	}
	shown := s.shown[firstAfter(s.shown, at.Add(-summariesPer)):]
	if n := len(shown); n >= b.Summaries {
		return 0, &BudgetError{Budget: "summaries", Limit: b.Summaries, Per: summariesPer, Again: shown[n-b.Summaries].Add(summariesPer)}
	}
	return b.Summaries - len(shown), nil
}

// busy are the offers that a group has an open session about, or one that was
// closed a short while ago: one at a time is enough to talk, more would only
// probe. A session is what the clock has made of it, logged or not.
func (st *state) busy(group string, at time.Time) map[string]bool {
	out := map[string]bool{}
	for _, ss := range st.sessions {
		p := &ss.state.Proposal
		if p.Parties[disclosure.Demand].Group == group && !out[p.Offer] && st.talking(ss.state, at) {
			out[p.Offer] = true
		}
	}
	return out
}

func (st *state) talking(s disclosure.State, at time.Time) bool {
	if !s.Phase.Final() {
		for _, ev := range disclosure.Due(s, at) {
			s = disclosure.Evolve(s, ev)
		}
	}
	return !s.Phase.Final() || s.Phase == disclosure.Closed && at.Before(s.EndedAt.Add(st.budgets.CoolDown))
}

// booking is a provisional hold as it is charged to whoever asked for it.
type booking struct {
	group, need string
	whole       string // the bundle, or the session itself
	amount      match.Amount
	until       time.Time // zero while it is only being decided on
}

// bookingFor is what the hold of a session is charged as.
func bookingFor(s *disclosure.State) booking {
	p := &s.Proposal
	b := booking{group: p.Parties[disclosure.Demand].Group, need: p.Need, whole: string(s.ID()), amount: match.Amount(p.Amount)}
	if s.Bundle != nil {
		b.whole = s.Bundle.ID
	}
	return b
}

// mayHold reports whether a group may have these holds beside those it has.
func (st *state) mayHold(more []booking, at time.Time) bool {
	for _, m := range more {
		n := st.needs[m.need]
		if n == nil {
			return false
		}
		wholes, amount := map[string]bool{}, match.Amount(0)
		charge := func(o booking) {
			if o.group != m.group || !o.until.IsZero() && !at.Before(o.until) {
				return
			}
			wholes[o.whole] = true
			if o.need == m.need {
				amount += o.amount
			}
		}
		for _, o := range st.bookings {
			charge(o)
		}
		for _, o := range more {
			charge(o)
		}
		if len(wholes) > st.budgets.Holds || amount > match.Amount(st.budgets.Multiple)*needHours(&n.need) {
			return false
		}
	}
	return true
}

// charge notes a provisional hold, for the fold.
func (st *state) charge(h *match.Hold, e ledger.Entry) {
	if ss := st.sessions[disclosure.SessionID(h.Session)]; ss != nil && h.Provisional && e.Claimed.Before(h.Until) {
		b := bookingFor(&ss.state)
		b.until = h.Until
		st.bookings[h.ID] = b
	}
}

// digestBudgets hashes what counts against budgets.
func (st *state) digestBudgets(put func(...any)) {
	for group, s := range inOrder(st.spendings) {
		for _, a := range s.asked {
			put(group, a.need, a.revision, a.at)
		}
		for _, at := range s.shown {
			put(group, at)
		}
	}
	for hold, b := range inOrder(st.bookings) {
		put(hold, b.group, b.need, b.whole, b.amount, b.until)
	}
}
