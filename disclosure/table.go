package disclosure

import "slices"

// Who may give a command.
const (
	ByParty    = "party"
	ByEmployer = "employer"
	BySystem   = "system"
)

var givers = map[Kind]string{
	Publish: BySystem, Abort: BySystem, Expire: BySystem, Settle: BySystem,
	Authorize: ByEmployer, Deny: ByEmployer, RevokeAuth: ByEmployer,
	OptIn: ByParty, OptOut: ByParty, Withdraw: ByParty, View: ByParty, AcceptTerms: ByParty, Start: ByParty,
	MarkDone: ByParty, Rate: ByParty, Dispute: ByParty, Revive: ByParty,
}

// Row is one cell of the transition table.
type Row struct {
	Phase   Phase
	Kind    Kind
	By      string // ByParty, ByEmployer or BySystem
	Allowed bool
	Guard   string // what else must hold, where Allowed
	Effect  string // event → phase, where Allowed
	Reason  string // why the row is as it is
	rule    func(*decision) error
}

// rules are the allowed rows, several phases at a time.
var rules = []struct {
	phases []Phase
	row    Row
}{
	{[]Phase{Proposed}, Row{Kind: Publish, rule: (*decision).publish, Guard: "this side's summary is still missing",
		Effect: "SummaryAttached; both there: SummariesPublished → Summarised", Reason: "nobody chooses before both summaries are frozen"}},
	{[]Phase{Summarised}, Row{Kind: OptIn, rule: (*decision).optIn, Guard: "binding matches, before the deadline, own rules allow, choices left",
		Effect: "ChoiceSealed; four consents and a hold: IdentitiesRevealed → Revealed", Reason: "a consent binds what was shown"}},
	{[]Phase{Summarised}, Row{Kind: OptOut, rule: (*decision).optOut, Guard: "choices left, or opted in",
		Effect: "ChoiceSealed", Reason: "a discreet no is silence to the other side"}},
	{[]Phase{Proposed, Summarised, Stale}, Row{Kind: Withdraw, rule: (*decision).leave,
		Effect: "ChoiceSealed; at the next slot SessionClosed → Closed", Reason: "the open way out, published at a slot"}},
	{[]Phase{Revealed}, Row{Kind: Withdraw, rule: (*decision).end,
		Effect: "SessionClosed → Closed", Reason: "after the reveal a close is seen by both at once"}},
	{[]Phase{Engaged, Started}, Row{Kind: Withdraw, rule: (*decision).end,
		Effect: "EngagementTerminated → Closed", Reason: "every phase that is not final can be ended"}},
	{[]Phase{Proposed, Summarised, Stale}, Row{Kind: Abort, rule: (*decision).leave,
		Effect: "ChoiceSealed; at the next slot SessionClosed → Closed", Reason: "a changed rule or fact closes like a withdrawal"}},
	{[]Phase{Revealed}, Row{Kind: Abort, rule: (*decision).end,
		Effect: "SessionClosed → Closed", Reason: "after the reveal a close is seen by both at once"}},
	{[]Phase{Engaged, Started}, Row{Kind: Abort, rule: (*decision).end,
		Effect: "EngagementTerminated → Closed", Reason: "the host applies the terms of an engagement whose rules changed"}},
	{[]Phase{Summarised}, Row{Kind: Authorize, rule: (*decision).authorize, Guard: "binding matches, before the deadline, own rules accept the vote",
		Effect: "AuthorizationSealed; four consents and a hold: IdentitiesRevealed → Revealed", Reason: "an approval is a bound fact, accepted early"}},
	{[]Phase{Revealed}, Row{Kind: Authorize, rule: (*decision).countersign, Guard: "binding matches, own rules accept the vote",
		Effect: "AuthorizationSealed; terms, verdicts and a hold: EngagementAgreed → Engaged", Reason: "a countersignature, where policy asks for one"}},
	{[]Phase{Proposed, Summarised, Stale}, Row{Kind: Deny, rule: (*decision).deny,
		Effect: "AuthorizationSealed", Reason: "a denial is sealed and needs nobody's leave"}},
	{[]Phase{Proposed, Summarised, Stale}, Row{Kind: RevokeAuth, rule: (*decision).deny,
		Effect: "AuthorizationSealed", Reason: "before the reveal a revocation is sealed"}},
	{[]Phase{Revealed}, Row{Kind: RevokeAuth, rule: (*decision).end,
		Effect: "SessionClosed → Closed", Reason: "the employer ends what it no longer authorises"}},
	{[]Phase{Engaged, Started}, Row{Kind: RevokeAuth, rule: (*decision).end,
		Effect: "EngagementTerminated → Closed", Reason: "the employer ends what it no longer authorises"}},
	{[]Phase{Summarised, Stale, Revealed, Engaged, Started, Completed, Closed}, Row{Kind: View, rule: (*decision).view,
		Guard: "stage reached; after the end only what was revealed, within the grace window", Effect: "FieldsDisclosed", Reason: "a read is logged before it answers"}},
	{[]Phase{Revealed}, Row{Kind: AcceptTerms, rule: (*decision).acceptTerms, Guard: "the proposed terms, own rules allow",
		Effect: "TermsAccepted; both, verdicts and a firm hold: EngagementAgreed → Engaged", Reason: "both accept the same digest"}},
	{[]Phase{Engaged, Started}, Row{Kind: Start, rule: (*decision).start, Guard: "once per side",
		Effect: "EngagementStarted → Started", Reason: "work begins when a side says so"}},
	{[]Phase{Engaged, Started}, Row{Kind: MarkDone, rule: (*decision).markDone, Guard: "hours above zero",
		Effect: "EngagementMarked; both the same hours: EngagementCompleted → Completed", Reason: "money follows hours, so both must name the same"}},
	{[]Phase{Engaged, Started}, Row{Kind: Dispute, rule: (*decision).dispute, Guard: "once per side",
		Effect: "EngagementDisputed", Reason: "a dispute is a fact; it ends nothing by itself"}},
	{[]Phase{Completed, Closed}, Row{Kind: Rate, rule: (*decision).rate, Guard: "was engaged, once per side",
		Effect: "OutcomeRated", Reason: "only who worked together can rate"}},
	{[]Phase{Stale}, Row{Kind: Revive, rule: (*decision).revive, Guard: "before the hard expiry, once per side",
		Effect: "ChoiceSealed; at the next slot SessionRevived → Summarised", Reason: "no silence kills a deal, and who revived is not told"}},
	{[]Phase{Proposed, Summarised, Stale, Revealed, Engaged, Started}, Row{Kind: Expire, rule: func(*decision) error { return nil },
		Effect: "what is due", Reason: "the clock acts before every command"}},
	{[]Phase{Summarised}, Row{Kind: Settle, rule: func(d *decision) error { d.settleReveal(); return nil }, Guard: "four consents",
		Effect: "a hold: IdentitiesRevealed → Revealed", Reason: "a reveal that lacked a hold or a verdict is tried again"}},
	{[]Phase{Revealed}, Row{Kind: Settle, rule: func(d *decision) error { d.settleEngagement(); return nil }, Guard: "terms accepted by both",
		Effect: "verdicts and a firm hold: EngagementAgreed → Engaged", Reason: "an engagement that lacked a hold or a verdict is tried again"}},
}

// refusals name why a command has no row of its own in any, or in one, phase.
var refusals = map[Kind]string{
	Publish:     "summaries are published once, before anybody chooses",
	OptIn:       "a choice is made while both summaries are shown",
	OptOut:      "a choice is made while both summaries are shown",
	Withdraw:    "the session has ended",
	Authorize:   "an approval needs a summary or terms to be bound to",
	Deny:        "what is revealed is ended by revoking",
	RevokeAuth:  "the session has ended",
	View:        "nothing has been shown yet",
	AcceptTerms: "terms are accepted after the reveal, once",
	Start:       "there is no running engagement",
	MarkDone:    "there is no running engagement",
	Rate:        "there is no finished engagement",
	Dispute:     "there is no running engagement",
	Abort:       "the session has ended",
	Expire:      "the session has ended",
	Settle:      "nothing is waiting to be settled",
	Revive:      "only a stale session can be revived",
}

var table = buildTable()

func buildTable() []Row {
	var t []Row
	for _, p := range Phases() {
		for _, k := range Kinds() {
			t = append(t, Row{Phase: p, Kind: k, By: givers[k], Reason: refusals[k]})
		}
	}
	for _, r := range rules {
		for _, p := range r.phases {
			row := r.row
			row.Phase, row.By, row.Allowed = p, givers[row.Kind], true
			t[index(p, row.Kind)] = row
		}
	}
	return t
}

func index(p Phase, k Kind) int {
	return int(p-Proposed)*len(Kinds()) + slices.Index(Kinds(), k)
}

// Table returns the machine: exactly one row for every phase and command, in
// the order of [Phases] and [Kinds]. It is what [Decide] runs.
func Table() []Row { return slices.Clone(table) }
