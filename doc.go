// Package csss runs a cooperative specialisation market below the level of the
// firm. It finds, across independent manufacturers, the idle shift, the
// half-used expert or the empty bay (an offer) that another firm lacks this
// week (a need); it asks both employers' rules whether the two may meet; it
// lets the two sides learn about each other step by step; and it logs every
// step in a ledger that anybody holding a receipt can check.
//
//	Publish, Register ─► Match ─► Select ─► OptIn, Approve (both sides, sealed)
//	   ─► one reveal, with a provisional hold on the hours
//	   ─► AcceptTerms (same digest) ─► Start ─► Complete ─► Rate
//
// # The promise
//
// Neither side learns the other's identity until both parties have opted in
// and both employers have authorised it. There is one reveal event; it lies in
// the same durable batch as the consent that completed the four, and as a hold
// on the hours: no hold, no reveal. Before it, a side sees of the other a
// frozen summary that at least K employers share, and its own moves. An
// opt-in, a refusal, an approval or its absence on the other side cannot be
// told from silence.
//
// # The ledger is the database
//
// Every call that changes something is a command. The exchange decides it on
// its state, appends the decision to the ledger, and only then folds it into
// the state: a step that cannot be logged does not happen. Reopening folds the
// ledger again; indexes and summaries are caches. Commands carry an
// idempotency key ([By].ID); repeating one repeats its receipt.
//
// # Rules
//
// Each firm's document (see package policy) says what may be offered or asked
// for, to whom, by whom, and who must approve. No document allows nothing.
// Both firms' current rules judge every step. A document may have to come under
// a key ([Exchange.PinKeys], [Exchange.ApplyBundle]). Within what it allows
// people let others vote for them ([Exchange.Delegate]), and grants are given,
// handed on and taken back ([Exchange.IssueGrant]).
//
// # Time
//
// Commands say when they happen ([By].At, zero for now); time never goes
// back. The exchange owns no timer and no goroutine: [Exchange.Tick] does what
// has become due and says when to call it next.
//
// Rules, credentials and people change while sessions and engagements run. The
// next Tick closes the sessions that a side's own rules or facts no longer
// carry, and gives notice to the engagements, or ends them, as their terms say;
// [Status.Suspension] tells that side why, and the other side no more than the
// close, the notice or the end.
//
// # What it does not do
//
// It moves no money, settles no disputes, authenticates nobody (the host does)
// and opens no network connection of its own.
package csss
