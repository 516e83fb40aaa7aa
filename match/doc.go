// Package match finds, for a need, the offers that can meet it, and says why.
//
// An [Offer] is a published surplus: an idle shift, hours of an expert, free
// floor. A [Need] is a registered deficit. A [Matcher] holds offers and
// answers needs:
//
//	eligible rows ─► gates, both ways ─► Admit ─► ranking ─► candidates
//
// Three rules hold everywhere.
//
//   - Gates are relations between one need and one offer, not filters against
//     constants. They are one-sided where the world is: 80 h offered for 50 h
//     needed is a fit, an extra certificate lowers nothing. They are checked
//     in both directions, and all of them are evaluated, so that the own side
//     of a refusal can be told every reason. A gate that cannot be evaluated
//     fails.
//   - Gates run during the search, never after a cut to the best k. No
//     feasible offer is lost because infeasible ones were more similar.
//   - Capacity is booked. A [Book] is the fold of all holds; nothing is ever
//     promised twice, neither per unit and occurrence, nor per ISO week, nor
//     in total.
//
// Windows are local wall-clock times ([Window]); money is integer cents per
// hour; quantities are thousandths of their unit ([Amount]). Functions take
// the time of the question as an argument and never look at a clock, so equal
// inputs give equal answers. Time zones come from the Go runtime's database; a
// program for hosts without one imports time/tzdata itself.
//
// What belongs to one side stays there. Private price bounds are sealed types
// ([Bound], [AgreedPrice]); [GateResult] carries one text for each side and
// says whether the failed relation may be named across; a [Candidate]'s
// rationale holds only facts that the need asked for in public. Scores,
// distances and rejections are for the engine's host and must not cross a
// border between firms in exact form.
//
// What this package does not do: it knows no employer's rules (see
// [Query.Admit]), keeps no secret text out of an offer (the text arrives
// redacted) and stores nothing.
package match
