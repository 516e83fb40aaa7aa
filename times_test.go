package csss_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
)

// A receipt carries the caller's own time. The market's would be that of the
// latest step of anybody, to the nanosecond.
func TestReceiptsTellNoOtherFirmsTime(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	d := newDeal(t, cfg)
	d.must(d.loading()...)
	later := d.at.Add(90*time.Minute + 7*time.Nanosecond)
	_, err := d.x.RecordComparables(background, csss.By{At: later}, "expertise", 10000)
	require.NoError(t, err)
	moves := append(d.meeting(), d.consents()...)
	check := func(duplicate bool) {
		t.Helper()
		for _, m := range moves {
			r, err := d.take(m)
			require.NoError(t, err, m.name)
			assert.True(t, d.at.Equal(r.At), "%s: %v", m.name, r.At)
			assert.Equal(t, duplicate, r.Duplicate, m.name)
		}
	}
	check(false)
	check(true)
	m, err := d.x.Candidates(d.s.Requester.At(d.at), d.s.Need.ID)
	require.NoError(t, err)
	assert.True(t, d.at.Equal(m.Receipt.At))
	require.NoError(t, d.x.Close())
	d.open(cfg)
	check(true)

	p, err := d.x.Picture(background)
	require.NoError(t, err)
	assert.True(t, later.Truncate(time.Hour).Equal(p.At), "%v", p.At)
}
