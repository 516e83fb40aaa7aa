// Package redteam attacks a market as its users could, and says what they
// learnt.
//
// An [Attacker] plays firms that ask to learn, not to meet. It knows the market
// only through a [Target], an interface of one method that opens a market of a
// few planted firms, and that market's three methods; so the same attackers run
// against the library's own exchange, against a host's stack around it, and
// against targets that are broken on purpose, on which each of them succeeds.
//
//	scores, err := redteam.Run(ctx, target, &redteam.Options{Probes: 100_000})
//
// # Scoring
//
// A [Score] has four figures, which mean the same for every attacker:
//
//   - Probes: calls with an adversarial argument. Moves of the honest firms
//     around them are played, and scanned, and not counted.
//   - Bits: what the attacker learnt of what it was after, beyond what it may
//     know: the entropy of the answers over equally likely secrets. An attacker
//     that tells 16 secrets apart has learnt 4 bits; one that was told alike
//     whatever the secret was, none.
//   - Violations: broken promises. One is counted for each answer in which
//     anybody reads an identity token of a firm that is not yet revealed to it,
//     plain, reversed, squeezed, in hexadecimal or in base64; for each call that
//     panics; and for each of the attacker's own claims, listed in Attackers,
//     that it could break.
//   - Notes: the findings in words, with figures.
//
// What is learnt within a claim's bounds is scored in bits and is no violation:
// one bit about a price is what asking for a match is for.
//
// # The reader who knows everybody
//
// [InformedAttacker] plays no moves. It holds the true directory of all firms and
// all summaries, and guesses who is behind a session; its figures are a frontier
// over k. [Lose] counts what the guard costs.
//
// # Writing one
//
// An attacker is a name, what it claims and a function over a [Campaign]. The
// campaign opens markets, counts probes and scans every answer, so an attacker
// is short; see the example of [Attacker]. A target for another stack translates
// each [Move] to a call and prints all that its caller is given into
// [Answer.Seen].
//
// The package imports its parent alone and starts no goroutine.
package redteam
