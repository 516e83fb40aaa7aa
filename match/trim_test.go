package match_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/match"
)

func TestTrimFreesWhatWasNotWorked(t *testing.T) {
	o := match.Offer{ID: "o", Firm: "f", Group: "f", Resource: "r", Kind: match.MachineCapacity, Category: "machine.capacity",
		Zone: "UTC", Currency: "CAD", Quantity: match.Quantity{Unit: match.Hours},
		Windows: []match.Window{{Zone: "UTC", Start: "2026-09-14T08:00", End: "2026-09-14T16:00", RRule: "FREQ=DAILY;COUNT=3"}}}
	day := func(d int) match.Slot {
		start := time.Date(2026, 9, 13+d, 8, 0, 0, 0, time.UTC)
		return match.Slot{Start: start, End: start.Add(8 * time.Hour), Amount: 8 * match.Hour}
	}
	b := match.NewBook()
	require.NoError(t, b.Place(&o, match.Hold{ID: "h", Offer: "o", Slots: []match.Slot{day(1), day(2)}, Amount: 16 * match.Hour}))

	assert.False(t, b.Trim("other", match.Hour))
	assert.True(t, b.Trim("h", 20*match.Hour), "more than was held changes nothing")
	h, _ := b.Hold("h")
	assert.Equal(t, 16*match.Hour, h.Amount)

	assert.True(t, b.Trim("h", 10*match.Hour))
	h, _ = b.Hold("h")
	assert.Equal(t, 10*match.Hour, h.Amount)
	require.Len(t, h.Slots, 2)
	assert.Equal(t, h.Slots[1].Start.Add(2*time.Hour), h.Slots[1].End)
	left, err := b.Remaining(&o)
	require.NoError(t, err)
	assert.Equal(t, 14*match.Hour, left)

	assert.True(t, b.Trim("h", 0))
	_, held := b.Hold("h")
	assert.False(t, held)
}
