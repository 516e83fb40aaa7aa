package explore

import (
	"flag"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/disclosure"
)

var (
	histories = flag.Int("explore.histories", 300, "of engines that share a log")
	scenarios = flag.Int("explore.scenarios", 30, "that are stopped at every append")
)

func TestHistoriesAreLinearizable(t *testing.T) {
	r := Histories(*histories, 1)
	t.Logf("%d histories, %d accepted, %d refused", r.Sequences, r.Accepted, r.Rejected)
	assert.Empty(t, r.Violations)
	assert.Greater(t, r.Accepted, *histories)
	assert.Positive(t, r.Rejected)
}

func TestCrashesLoseNothing(t *testing.T) {
	r := Crashes(*scenarios, 1)
	t.Logf("%d stops, %d answers before them", r.Sequences, r.Accepted)
	assert.Empty(t, r.Violations)
	assert.Greater(t, r.Accepted, *scenarios)
}

// TestHistoriesHaveTeeth: what a log that loses, doubles or disorders would
// leave behind is found.
func TestHistoriesHaveTeeth(t *testing.T) {
	for name, spoil := range map[string]func(h *concourse){
		"lost":    func(h *concourse) { h.calls[accepted(h)].command.ID = "never logged" },
		"receipt": func(h *concourse) { h.calls[accepted(h)].receipt.Index += 7 },
		"order": func(h *concourse) {
			for i := range h.calls { // as if the last had been answered before the first was given
				h.calls[i].begun, h.calls[i].done = 1000-h.calls[i].begun, 1000-h.calls[i].begun
			}
		},
		"refusal": func(h *concourse) {
			c := &h.calls[accepted(h)]
			c.command = move{side: c.command.Side, kind: disclosure.Expire}.command(&disclosure.State{}, "x", begin)
			c.err = disclosure.ErrExpired
		},
	} {
		found := false
		for seed := uint64(1); seed < 40 && !found; seed++ {
			h := newConcourse(seed)
			h.run()
			if accepted(h) < 0 {
				continue
			}
			spoil(h)
			var r Result
			h.judge(&r)
			found = len(r.Violations) > 0
		}
		assert.True(t, found, name)
	}
}

// accepted is a call of the history that was acknowledged, -1 for none.
func accepted(h *concourse) int {
	for i := range h.calls {
		if h.calls[i].err == nil && h.calls[i].command.Actor != "" {
			return i
		}
	}
	return -1
}
