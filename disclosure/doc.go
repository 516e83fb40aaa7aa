// Package disclosure lets two parties learn about each other step by step,
// neither knowing the other's identity until both, and both their employers,
// have said yes.
//
// # The machine
//
// A session begins with a [Proposal] that the host derives from a match. Each
// side is shown a frozen, anonymous summary. Then four consents are needed, in
// any order: the opt-in of either party and the authorisation of either
// employer. The consent that completes the four is appended to the log in one
// batch with exactly one [IdentitiesRevealed] event and the record of a
// provisional hold on what is offered. No hold, no reveal. Terms accepted by
// both parties make the hold firm and the session engaged; work starts, is
// marked done by both, and is rated.
//
//	Proposed ─► Summarised ─► Revealed ─► Engaged ─► Started ─► Completed
//	              │   ▲          │           │          │
//	              ▼   │          ▼           ▼          ▼
//	             Stale ────────────────► Closed
//
// [Table] is the machine: one row for every phase and command, with its guards,
// effects and reason. model/machine.md prints it, and model/machine.mmd draws it.
// [Decide], [Due] and [Evolve] are pure; [Engine] is the shell that appends.
// A session is opened under a [MachineVersion] and goes on by that table.
//
// # Bundles and facilitators
//
// [Engine.ProposeBundle] opens several sessions of one demand party that are
// revealed and engaged together or not at all; see [Bundle] and [Together].
// [Engine.Invite] asks the four of a session to let a third party in, who then
// sees the present stage and no history: a machine of its own, see
// [Facilitators], over a stream of its own.
//
// # What a side can see
//
// Before the reveal every choice is sealed. An opt-out, a denial and silence
// look the same to the other side until the deadline makes the session stale;
// a withdrawal and an abort look the same as silence until the next publication
// slot closes the session. What [Engine.Status], the receipts and the errors
// tell a side is a function of that side's own moves and of the published
// phase. Sealed records have one of two type names and one size.
//
// # What is trusted
//
// The process that runs the engine, and the host that calls it: the host
// authenticates people and vouches for [Command.Side], [Command.Actor] and
// [Command.Roles]. The commands of the system ([Publish], [Abort], [Settle],
// [Expire]) are the host's own; it must not pass them on from a party. Nothing
// here hides a session from somebody who can read the log in plain form.
//
// # Summaries
//
// A [Summarizer] builds the anonymous text: an allow-list of fields, each
// generalised until at least k distinct employer groups fit the description.
// Free text never passes. See [Summarizer.Freeze] and [Summarizer.For].
//
// # Concurrency
//
// An [Engine] and a [Summarizer] may be used by many goroutines at once, and
// any number of engines may share one log: every append carries the version it
// was decided on.
package disclosure

//go:generate go test ../internal/explore -run TestDocuments -update
