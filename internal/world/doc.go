// Package world makes the synthetic market that tests, examples and benchmarks
// share: firms with people, sites, machines, rules, offers and needs across
// twelve cities of southern Ontario, and the founding stories inside it.
//
//	w := world.Build(world.Options{Seed: 1, Stories: true})
//	_, err := exchange.Import(ctx, csss.By{At: world.Opening()}, w.Import())
//
// Three promises:
//
//   - Reproducible. Equal Options give equal bytes, on every machine. Nothing
//     depends on the clock, on the order of maps or on outside data.
//   - Recognisable. Everything that could name a firm or a person is invented
//     for it alone and listed by [World.Canaries], so that a leak is found by
//     searching for it. Listing texts contain none of these tokens.
//   - Honest about the stories. The answer to each story's need is known:
//     other firms of the world share the summaries of the stories' offers, as
//     the k-guard wants it, but each of them fails a gate or is held back by
//     its own rules, and no other offer of the world meets a story's need.
//
// The stories themselves are [Story1], [Story2] and [Story3]; they do not
// depend on the seed and stand alone as well. [K3Story1], [K3Story2] and
// [K3Story3] are the smallest markets in which k = 3 can hold for them. [Story7]
// is no part of any world; it can be imported into one.
//
// The world leaves the categories of additive manufacturing, controls and
// metrology to the stories that play there, and has little space to let.
//
// Region shares of Toronto, Kitchener–Waterloo–Barrie and Windsor–Sarnia are
// those of Ontario's machinery manufacturing in 2023; the rest is split by
// guess. Sizes are log-normal. Rates, materials and texts are plausible, not
// surveyed.
package world
