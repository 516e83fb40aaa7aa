package explore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/disclosure"
)

// descend is the slow twin of layers: it walks each sequence by itself, and
// keeps the receipts.
func (w *walker) descend(n *node, depth int) {
	w.Phases[n.s.Phase] = true
	if depth == 0 {
		return
	}
	if later, ok := nextInstant(n.now); ok {
		next := *n
		next.now = later
		w.descend(&next, depth-1)
	}
	for _, x := range w.all {
		next := *n
		w.Commands++
		if w.step(&next, x, string(rune('a'+depth))) {
			w.descend(&next, depth-1)
		}
	}
}

// TestMergedSequencesAreAll: going on from equal states as one loses no
// command of any sequence, with the machine and with each mutant of it.
func TestMergedSequencesAreAll(t *testing.T) {
	depth := map[string]int{"": 4}
	for _, id := range mutated {
		depth[id] = 3
	}
	if testing.Short() {
		depth = map[string]int{"": 3, "hold-granted": 2}
	}
	for without, depth := range depth {
		m := disclosure.Present()
		if without != "" {
			m = m.Without(without)
		}
		merged, slow := Sequences(m, depth), newWalker(m)
		for i, way := range ways {
			n := start()
			for j, x := range way {
				slow.step(&n, x, fmt.Sprint("way", j))
			}
			slow.descend(&n, depth-min(i, 1))
		}
		assert.Equal(t, slow.Commands, merged.Commands, without)
		assert.Equal(t, slow.Phases, merged.Phases, without)
		assert.Equal(t, len(slow.Violations) > 0, len(merged.Violations) > 0, without)
		t.Logf("%-26s %d commands, walked as %d", without, merged.Commands, merged.Accepted+merged.Rejected)
	}
}
