package explore_test

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/explore"
)

var depth = flag.Int("explore.depth", 0, "length of the sequences of commands; 0 means 5, or 4 with -short")

func clean(t *testing.T, r explore.Result) {
	t.Helper()
	for _, v := range r.Violations {
		t.Error(v)
	}
}

func TestEveryState(t *testing.T) {
	limit := 0
	if testing.Short() {
		limit = 2000
	}
	r := explore.States(disclosure.Present(), limit)
	clean(t, r)
	t.Logf("%d states, %d commands accepted, %d rejected", r.States, r.Accepted, r.Rejected)
	if !testing.Short() {
		for _, p := range disclosure.Phases()[1:] { // both summaries are given
			assert.True(t, r.Phases[p], p)
		}
	}
}

func TestEverySequence(t *testing.T) {
	n := *depth
	if n == 0 {
		n = 5
		if testing.Short() {
			n = 4
		}
	}
	r := explore.Sequences(disclosure.Present(), n)
	clean(t, r)
	t.Logf("depth %d: %d sequences, a tree of %d commands; walked as %d states, %d commands accepted, %d rejected",
		n, r.Sequences, r.Commands, r.States, r.Accepted, r.Rejected)
}

func TestNonInterference(t *testing.T) {
	limit := *pairLimit
	if testing.Short() {
		limit = min(limit, 200)
	}
	r := explore.Pairs(disclosure.Present(), limit)
	clean(t, r)
	t.Logf("%d pairs, %d commands accepted, %d rejected", r.States, r.Accepted, r.Rejected)
	assert.Greater(t, r.States, 500)
}

var pairLimit = flag.Int("explore.pairs", 2000, "pairs of states per side and clock; 0 means all")

// TestMutants: each guard that a promise rests on is missed.
func TestMutants(t *testing.T) {
	if testing.Short() {
		t.Skip("walks a machine for each guard")
	}
	killed := explore.Mutants()
	assert.GreaterOrEqual(t, len(killed), 12)
	for _, m := range killed {
		assert.NotEmpty(t, m.KilledBy, "without %s nothing breaks", m.Guard)
		t.Logf("%-26s %-20s %.70s", m.Guard, m.KilledBy, m.Broken)
	}
}

// TestPairsHaveTeeth: a close that does not wait for its slot tells the other
// side who moved.
func TestPairsHaveTeeth(t *testing.T) {
	r := explore.Pairs(disclosure.Present().Without("at-a-slot"), 2000)
	assert.NotEmpty(t, r.Violations)
}
