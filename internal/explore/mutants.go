package explore

import "github.com/deeperpoint/csss/disclosure"

// Mutant is a guard that the machine could lack.
type Mutant struct {
	Guard    string
	KilledBy string // the walk that noticed, "" for none
	Broken   string // the promise
}

// Mutants takes the guards away one at a time that a promise of the machine
// rests on, and says which walk notices.
func Mutants() []Mutant {
	var out []Mutant
	for _, id := range mutated {
		out = append(out, Kill(id))
	}
	return out
}

// mutated are the guards whose absence a walk must notice. The others refuse
// what is malformed, or stand behind another guard: whoever leaves has opted
// out and cannot opt in again, so "nobody-leaves" and "both-opted-in" hold
// wherever "opt-ins-valid" does.
var mutated = []string{
	"id-unused", "seq-rises", "at-a-slot", "in-grace", "stage-reached", "same-hours", "was-engaged", "rate-once",
	"opt-ins-valid", "both-employers-authorise", "no-denial-stands", "hold-granted", "terms-by-both",
}

// Kill walks a machine without the guard until something breaks.
func Kill(id string) Mutant {
	mutant := Mutant{Guard: id}
	m := disclosure.Present().Without(id)
	if m == nil {
		return mutant
	}
	for _, walk := range []struct {
		name string
		run  func() Result
	}{
		{"TestEveryState", func() Result { return States(m, 0) }},
		{"TestNonInterference", func() Result { return Pairs(m, 0) }},
	} {
		if r := walk.run(); len(r.Violations) > 0 {
			mutant.KilledBy, mutant.Broken = walk.name, r.Violations[0]
			break
		}
	}
	return mutant
}
