// Package attack measures what anonymous summaries give away to the best
// informed reader, and what guarding them costs.
//
// The reader knows everything but who is behind a session: every listing of
// every employer with all its facts and its site, every summary, the schema
// and, in the strongest form, the guard's own way of choosing. It is the
// adversary that k is a promise against, and one that k is no promise against;
// both are reported.
package attack
