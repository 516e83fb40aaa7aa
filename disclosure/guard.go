package disclosure

import "time"

// Guard is one named condition of the machine. The id never changes its
// meaning: a condition that means something else gets another id.
type Guard struct {
	ID     string
	Reason string
}

// guard is a Guard by number.
type guard uint8

// The guards. Those of a row are asked in its order, and the first that does
// not hold is the answer; an effect whose guards do not hold does not happen.
const (
	gSession guard = iota + 1
	gParticipant
	gIDUnused
	gSeqRises
	gSummaryMissing
	gBoth
	gBinding
	gInTime
	gOwnRules
	gFlips
	gNotLeaving
	gAtSlot
	gNotSelf
	gStageKnown
	gWasRevealed
	gInGrace
	gStageReached
	gNotErased
	gTerms
	gStartOnce
	gHours
	gSameHours
	gDisputeOnce
	gWasEngaged
	gRateOnce
	gStars
	gReviveOnce
	gBeforeExpiry
	gRefused
	gOwnEmployer
	gChoicesIn
	gConsentsFresh
	gNobodyLeaves
	gBeforeDeadline
	gRecordWhole
	gAuthorised
	gNotBlocked
	gHeld
	gTermsBoth
	gLegsReady
	gLegEnded
	guardCount
)

var guards = [guardCount]Guard{
	gSession:        {"session-exists", "an unknown session and a stranger read the same"},
	gParticipant:    {"participant", "only the firm and the person of a side speak for it"},
	gIDUnused:       {"id-unused", "an id names one command for ever; the same command again repeats its receipt"},
	gSeqRises:       {"seq-rises", "an old command that arrives late does not undo a newer one"},
	gSummaryMissing: {"summary-missing", "a summary is frozen once"},
	gBoth:           {"both-summaries", "nobody chooses before both sides can look"},
	gBinding:        {"binding-matches", "a consent binds what was shown"},
	gInTime:         {"consent-in-time", "a consent after the deadline, or one already lapsed, is none"},
	gOwnRules:       {"own-rules-allow", "the own employer can forbid, and tells only its own side"},
	gFlips:          {"choices-left", "flips of a choice are a probe, so they are bounded; leaving is not"},
	gNotLeaving:     {"not-leaving", "a side leaves once"},
	gAtSlot:         {"at-a-slot", "the instant of a close or a revival would tell who moved, so it waits for the next slot"},
	gNotSelf:        {"not-the-person", "the offered person cannot approve in the employer's place"},
	gStageKnown:     {"stage-known", "stages are 1 to 4"},
	gWasRevealed:    {"was-revealed", "after an end without a reveal there is nothing to read"},
	gInGrace:        {"in-grace", "after the end both may read what was revealed, for the grace window only"},
	gStageReached:   {"stage-reached", "no field is shown before its stage"},
	gNotErased:      {"not-erased", "an erasure ends reading for both"},
	gTerms:          {"terms-match", "both accept the same digest"},
	gStartOnce:      {"start-once", "a fact is said once per side"},
	gHours:          {"hours-positive", "work has hours"},
	gSameHours:      {"same-hours", "money follows hours, so both must name the same"},
	gDisputeOnce:    {"dispute-once", "a fact is said once per side"},
	gWasEngaged:     {"was-engaged", "only who worked together can rate"},
	gRateOnce:       {"rate-once", "a side rates once"},
	gStars:          {"stars-1-to-5", "ratings are comparable"},
	gReviveOnce:     {"revive-once", "a side asks once per stale time"},
	gBeforeExpiry:   {"before-hard-expiry", "nothing revives what has expired"},
	gRefused:        {"rules-refuse", "a side whose own rules changed leaves like a withdrawal"},
	gOwnEmployer:    {"own-employer-satisfied", "an authorisation that needs no vote is still on the log"},
	gChoicesIn:      {"both-opted-in", "no reveal without the opt-in of both"},
	gConsentsFresh:  {"opt-ins-valid", "a lapsed opt-in is none"},
	gNobodyLeaves:   {"nobody-leaves", "a withdrawal that is acknowledged holds, though it is not yet published"},
	gBeforeDeadline: {"before-deadline", "no reveal from the deadline on"},
	gRecordWhole:    {"record-whole", "no reveal once a record of the session was erased"},
	gAuthorised:     {"both-employers-authorise", "no reveal and no engagement without both employers"},
	gNotBlocked:     {"no-denial-stands", "a denial or revocation holds until somebody authorises anew"},
	gHeld:           {"hold-granted", "no hold, no reveal; no firm hold, no engagement"},
	gTermsBoth:      {"terms-by-both", "an engagement needs both acceptances"},
	gLegsReady:      {"every-leg-ready", "a bundle is revealed and engaged as a whole; a session of no bundle waits for nobody"},
	gLegEnded:       {"another-leg-ended", "what was revealed as a whole ends as a whole"},
}

// allows reports whether a guard lets the decision go on, as an error to its
// giver where the guard is a row's; to an effect any error means no.
func (d *decision) allows(g guard) error {
	if d.m.without == g {
		return nil
	}
	switch g {
	case gSummaryMissing:
		return unless(!d.c.Bind.Summary.IsZero() && d.s.Summaries[d.c.Side].IsZero(), ErrStale)
	case gBinding:
		return unless(d.c.Bind.Summary == d.s.Summaries[d.c.Side] && d.c.Bind.Terms == d.s.Proposal.Terms &&
			d.c.Bind.Bundle == d.s.whole(d.c.Side), ErrStale)
	case gInTime:
		limit, until := d.lapse()
		return unless(d.env.Now.Before(limit) && d.env.Now.Before(until), ErrExpired)
	case gOwnRules:
		if v := &d.env.Verdicts[d.c.Side]; !v.Allowed {
			return &PolicyError{Version: v.Version, Due: v.Due, Rule: RuleNotAllowed}
		}
	case gFlips:
		free := d.c.Kind == OptOut && d.side().Choice == ChoiceIn
		return unless(free || d.side().Flips < d.s.Proposal.Flips, ErrBudget)
	case gNotLeaving:
		return unless(d.side().Leaving == "", ErrClosed)
	case gNotSelf:
		if p := &d.s.Proposal.Parties[d.c.Side]; p.Person && p.Actor == d.c.Actor {
			return &PolicyError{Version: d.env.Verdicts[d.c.Side].Version, Rule: RuleSeparation}
		}
	case gTerms:
		return unless(!d.c.Terms.IsZero() && d.c.Terms == d.s.Proposal.Terms, ErrStale)
	case gHours:
		return d.field(d.c.Hours > 0 && d.c.Hours <= maxHours, "hours", "thousandths of an hour, above 0")
	case gStars:
		return d.field(d.c.Rating.Stars >= 1 && d.c.Rating.Stars <= 5, "rating", "1 to 5 stars")
	case gStartOnce:
		return d.once(d.side().Started)
	case gDisputeOnce:
		return d.once(d.side().Disputed)
	case gRateOnce:
		return d.once(d.side().Rating != (Rating{}))
	case gReviveOnce:
		return d.once(d.side().Reviving)
	case gWasEngaged:
		if d.s.EngagedAt.IsZero() {
			return d.refuse(refusals[Rate])
		}
	case gBeforeExpiry:
		return unless(d.slot().Before(d.s.HardExpiry), ErrExpired)
	case gAtSlot: // shapes the effect, see slot
	case gStageKnown, gWasRevealed, gInGrace, gStageReached, gNotErased:
		return d.readable(g)
	default:
		return unless(d.meets(g), errUnmet)
	}
	return nil
}

// meets reports whether a guard of an effect holds.
func (d *decision) meets(g guard) bool {
	s := d.s
	switch g {
	case gBoth:
		return !s.Summaries[Supply].IsZero() && !s.Summaries[Demand].IsZero()
	case gSameHours:
		return s.Sides[Supply].Hours == s.Sides[Demand].Hours
	case gRefused:
		return !d.env.Verdicts[Supply].Allowed || !d.env.Verdicts[Demand].Allowed
	case gOwnEmployer:
		v := &d.env.Verdicts[d.c.Side]
		return v.Allowed && v.Satisfied && !d.side().Blocked
	case gAuthorised:
		a, b := &d.env.Verdicts[Supply], &d.env.Verdicts[Demand]
		return a.Allowed && a.Satisfied && b.Allowed && b.Satisfied
	case gHeld:
		return d.env.Hold == HoldGranted
	case gTermsBoth:
		return s.Sides[Supply].Terms && s.Sides[Demand].Terms
	case gLegsReady:
		return s.Bundle == nil || d.env.Legs == LegsReady
	case gLegEnded:
		return s.Bundle != nil && d.env.Legs == LegsEnded
	}
	return s.consents(g, d.env.Now)
}

// consents reports whether a guard on what the parties have said holds.
func (s *State) consents(g guard, now time.Time) bool {
	a, b := &s.Sides[Supply], &s.Sides[Demand]
	switch g {
	case gChoicesIn:
		return a.Choice == ChoiceIn && b.Choice == ChoiceIn
	case gConsentsFresh:
		return now.Before(a.Expires) && now.Before(b.Expires)
	case gNobodyLeaves:
		return a.Leaving == "" && b.Leaving == "" && s.CloseAt.IsZero()
	case gBeforeDeadline:
		return now.Before(s.Deadline)
	case gRecordWhole:
		return !s.Erased
	case gNotBlocked:
		return !a.Blocked && !b.Blocked
	}
	return false // an unknown guard holds back
}

// consented reports whether both parties' own consents are valid at now and
// nothing but the employers' verdicts and a hold stands before the reveal.
func (s State) consented(now time.Time) bool {
	for _, g := range partyConsents {
		if !s.consents(g, now) {
			return false
		}
	}
	return s.Phase == Summarised
}

// readable asks the guards of a view. What was revealed stays readable by
// both for the grace window after the end: otherwise "view, then withdraw"
// would be a peek that the other side cannot answer.
func (d *decision) readable(g guard) error {
	ended := d.row.Phase.Final()
	switch g {
	case gStageKnown:
		return d.field(d.c.Stage > StageNothing && d.c.Stage <= StageEngagement, "stage", "from 1 to 4")
	case gWasRevealed:
		return unless(!ended || !d.s.RevealedAt.IsZero(), ErrClosed)
	case gInGrace:
		return unless(!ended || d.env.Now.Before(d.s.EndedAt.Add(d.s.Proposal.Grace)), ErrExpired)
	case gStageReached:
		return d.open(d.c.Stage <= d.s.reached())
	}
	return d.open(!d.s.Erased || d.c.Stage <= StageSummary)
}

// reached returns the last stage that may be shown.
func (s *State) reached() Stage {
	switch {
	case !s.EngagedAt.IsZero() && s.Phase != Closed:
		return StageEngagement
	case !s.RevealedAt.IsZero():
		return StageIdentity
	}
	return StageSummary
}

func unless(ok bool, err error) error {
	if ok {
		return nil
	}
	return err
}

func (d *decision) field(ok bool, name, want string) error {
	if ok {
		return nil
	}
	return &FieldError{Field: name, Want: want}
}

func (d *decision) once(done bool) error {
	if !done {
		return nil
	}
	return d.refuse("this side has already done so")
}
