// Package policy turns firms' rule documents into decisions with reasons.
//
// A firm states in one YAML (or JSON) document, per category of resource, what its people, machines and spaces may do on
// the exchange, within which bounds, and who must agree. [Compile] turns such documents into an immutable, hashed [Set];
// [Set.Explain] answers, for one employer and one step of a deal: may this go on, who still has to approve, how much is
// left of the quotas, and why. [Set.DecideJoint] asks both employers and takes the meet.
//
// The package is a pure function of (documents, request, folded facts, now). It stores nothing, holds no hours, knows no
// identity beyond the words of the request, and reads no clock.
//
// # How a request is decided
//
//   - Default deny. A request that no permit allows is denied; so is one of an unknown employer, without a time, with an
//     unknown action, with an attribute the schema does not know, of another type, or with a NaN or infinite number.
//   - Heads first: a rule is looked at when its actions, categories (by dotted segment) and validity cover the request.
//   - A condition has four values: true, false, error (an absent attribute, an overflow, NaN) and unknown (an attribute its
//     owner has not released, see [Request.Withheld]). A permit applies only on true. A forbid denies on everything but
//     false, and always wins.
//   - The approvals of all applying permits are due together; a laxer second rule never removes one. Only `overrides`,
//     written out, and a grant that `discharges` the requirement do. Votes are folded by [FoldApprovals]: seats, order,
//     delegation, escalation, separation of duties, expiry.
//   - person_consent is asked from reveal on. No approval replaces it.
//   - Quotas of all applying permits hold together. What is asked must fit in what is left, and reach the minimum.
//     [FoldUsage] folds what is left out of bookings, in civil weeks and months.
//   - A permit with `authority: grant` applies only inside a live grant that the request's actor holds: see [Grant]; grants
//     that were issued, handed on or revoked by events are folded by [FoldGrants], and no link reaches further than the one
//     above it.
//   - A [Wall] acts like a forbid: who works for some members of a class, or did until lately, works for no other.
//
// Every outcome names its reasons. Reasons are for the firm whose rules they are, and for nobody else; those marked
// [Reason.Tainted] depend on facts about the counterparty and are, before the reveal, for totals only.
//
// # Names
//
// Texts are compared by their bytes. Those of documents, requests and events are in Unicode's normal form C, and names of
// people show all they are made of, else they are refused: see [CheckName]. Beyond that the spelling of ids is the
// host's: "ann" and "Ann", or a Latin and a Cyrillic letter, are two, and may fill two seats.
//
// # What a document says
//
// FORMAT.md beside this file describes every key of a document with its type, bound and default, the language of
// conditions, and the attributes that they may read.
//
// # What a document may cost
//
// Documents come from strangers. Size, nesting, list lengths, condition length, regular expressions and the estimated
// cost of a condition are bounded (see [Compile]); anchors, aliases, tags, duplicate and unknown keys are errors. Every
// error has a position: file:line:column.
//
// # Who may change the rules, and what they decided
//
// A [Bundle] is a document under the signature of a key that the host has pinned for the employer; [Keyring.Apply] and
// [Engine.Apply] refuse what is older, forked, foreign, expired or changed. A [Recorder] hands out no answer that is not
// in the decision log, which holds digests and ids and no value; [Replay] decides the whole log again.
// A [Batch] logs the decisions of one step together, with the filters of a search, which stand for what they refuse.
//
// # Before authority is recorded
//
// What people hand on, issue and vote is recorded by the caller, and the folds ignore what gives nothing.
// [Set.CheckHandOver] and [Set.CheckGrant] say beforehand why it would; [Set.Seats] says for which approvals somebody can
// be asked.
//
// # Before a document is put in force
//
// [Analyse] says what in a document cannot mean what it says: conditions that are always or never true, rules that are
// unreachable, shadowed or twice there, approvals nobody can give, grants that serve nothing. [Affected] names the heads
// under which two sets may decide otherwise; [Shadow] decides requests with a candidate beside the active set and counts
// where they differ; [Cover] tells which rules and clauses some requests exercise. Package policytest runs the tests that
// documents carry, and those in files beside them.
//
// [Set.Explain] is the slow, obvious evaluator, a linear pass over the firm's rules with every reason. It is the reference
// that [Set.Decide] is compared with.
package policy
