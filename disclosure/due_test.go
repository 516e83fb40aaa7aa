package disclosure

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestPastIsNeverLate: whatever the clock would do has been noticed, in every
// phase and with every instant absent, before and behind.
func TestPastIsNeverLate(t *testing.T) {
	now := time.Unix(1_000_000, 0).UTC()
	instants := []time.Time{{}, now.Add(-3 * time.Hour), now, now.Add(time.Minute)}
	due := 0
	for _, phase := range append(Phases(), 0) {
		for n := range 4096 { // four to the power of the six instants
			s := State{Phase: phase, Machine: MachineVersion(), Proposal: Proposal{Slot: time.Hour}}
			for _, at := range []*time.Time{&s.Deadline, &s.HardExpiry, &s.CloseAt, &s.ReviveAt, &s.HoldUntil, &s.Proposal.End} {
				*at = instants[n%4]
				n /= 4
			}
			if _, at, ok := nextDue(&s); ok && !at.After(now) {
				due++
				assert.True(t, s.past(now), "%+v", s)
			}
		}
	}
	assert.Greater(t, due, 4096)
}
