package csss_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// A command id is its caller's own: that another firm, person or the operator
// uses the same one is neither an obstacle nor visible.
func TestCommandIDsOfTwoFirmsDoNotMeet(t *testing.T) {
	p, owner, buyer := rareMarket(t, 5, 5)
	other := world.Who{Firm: "seller-1", Person: "usr-seller-1"}
	one := func(w world.Who) csss.By {
		by := p.as(w)
		by.ID = "1"
		return by
	}
	for _, w := range []world.Who{owner, other} {
		r, err := p.x.ReportUsage(t.Context(), one(w), w.Person, "", "2026-W38", match.Hour)
		require.NoError(t, err, w.Firm)
		assert.Equal(t, csss.Receipt{Command: "1", At: p.now.UTC()}, r, w.Firm)
	}
	m, err := p.x.Match(t.Context(), one(buyer), "need-1")
	require.NoError(t, err)
	assert.Equal(t, "1", m.Receipt.Command)
	require.NotEmpty(t, m.Candidates)
	again, err := p.x.Candidates(p.as(buyer), "need-1")
	require.NoError(t, err)
	assert.Equal(t, m, again)
	r, err := p.x.RecordComparables(t.Context(), csss.By{ID: "1", At: p.now}, "machine.capacity", 10000)
	require.NoError(t, err)
	assert.False(t, r.Duplicate)
	by := one(buyer)
	by.ID = "2"
	r, err = p.x.Select(t.Context(), by, m.Candidates[0].Handle)
	p.ok(buyer, r, err)

	r, err = p.x.ReportUsage(t.Context(), one(owner), owner.Person, "", "2026-W38", match.Hour)
	require.NoError(t, err)
	assert.True(t, r.Duplicate, "the own id is still a key")
	_, err = p.x.ReportUsage(t.Context(), one(owner), owner.Person, "", "2026-W38", 2*match.Hour)
	require.ErrorIs(t, err, csss.ErrKeyReused)
	p.isFold()
}

// A repeated erasure repeats its receipt, which bears the caller's time; an id
// whose record was erased is never acknowledged again.
func TestErasureIsACommand(t *testing.T) {
	p, owner, _ := rareMarket(t, 5, 5)
	report := p.as(owner)
	report.ID = "hours"
	_, err := p.x.ReportUsage(t.Context(), report, owner.Person, "", "2026-W38", match.Hour)
	require.NoError(t, err)
	by := csss.By{ID: "forget", At: p.now.Add(time.Hour)}
	first, err := p.x.Erase(t.Context(), by, owner.Person, "asked for")
	require.NoError(t, err)
	assert.Equal(t, csss.Receipt{Command: "forget", At: by.At.UTC()}, first)
	size := p.x.Size()

	by.At = by.At.Add(time.Hour)
	again, err := p.x.Erase(t.Context(), by, owner.Person, "asked for")
	require.NoError(t, err)
	assert.Equal(t, csss.Receipt{Command: "forget", At: first.At, Duplicate: true}, again)
	_, err = p.x.Erase(t.Context(), by, owner.Person, "another reason")
	require.ErrorIs(t, err, csss.ErrKeyReused)
	_, err = p.x.Erase(t.Context(), by, "usr-seller-1", "asked for")
	require.ErrorIs(t, err, csss.ErrKeyReused)

	_, err = p.x.ReportUsage(t.Context(), report, owner.Person, "", "2026-W38", match.Hour)
	require.ErrorIs(t, err, csss.ErrKeyReused)
	assert.Equal(t, size, p.x.Size())
	p.isFold()
}

// The same import with another publisher, requester or category is another one.
func TestImportIsKeyedByAllOfIt(t *testing.T) {
	p := open(t, csss.Config{}, nil)
	by := csss.By{ID: "load", At: world.Opening()}
	rates := func(category string) csss.Import {
		return csss.Import{Comparables: map[string][]int64{category: {10000}}}
	}
	_, err := p.x.Import(t.Context(), by, rates("a"))
	require.NoError(t, err)
	r, err := p.x.Import(t.Context(), by, rates("a"))
	require.NoError(t, err)
	assert.True(t, r.Duplicate)
	_, err = p.x.Import(t.Context(), by, rates("b"))
	require.ErrorIs(t, err, csss.ErrKeyReused)
}

// One step in the far future would move the market's clock there for good.
func TestNoStepIsFarAhead(t *testing.T) {
	p, owner, buyer := rareMarket(t, 5, 5)
	now := p.now
	for _, ahead := range []int{1, 200} {
		p.now = time.Now().AddDate(ahead, 2, 0)
		refused := func(err error) {
			t.Helper()
			var input *csss.InputError
			require.ErrorAs(t, err, &input)
			assert.Equal(t, "by.at", input.Field)
		}
		_, err := p.x.ReportUsage(t.Context(), p.as(owner), owner.Person, "", "2026-W38", match.Hour)
		refused(err)
		_, err = p.x.Match(t.Context(), p.as(buyer), "need-1")
		refused(err)
		_, err = p.x.Erase(t.Context(), csss.By{At: p.now}, owner.Firm, "")
		refused(err)
		_, err = p.x.Tick(t.Context(), p.now)
		refused(err)
	}
	p.now = now
	m, err := p.x.Match(t.Context(), p.as(buyer), "need-1")
	require.NoError(t, err)
	assert.True(t, m.Receipt.At.Equal(now), "the clock has not moved")
	p.now = time.Now().AddDate(200, 0, 0)
	_, err = p.x.Select(t.Context(), p.as(buyer), m.Candidates[0].Handle)
	var input *csss.InputError
	require.ErrorAs(t, err, &input)
}

// A week that is not in the calendar counts against no quota and is refused.
func TestUsageIsOfARealWeek(t *testing.T) {
	p, owner, _ := rareMarket(t, 5, 5)
	for week, ok := range map[string]bool{
		"2026-W01": true, "2026-W53": true, "2027-W52": true, "2027-W53": false, "2026-W54": false, "2026-W00": false,
		"+026-W01": false, "2026-W+1": false, "2026-W-1": false, "2026-W1": false, "2026-W010": false, "26-W10": false, " 026-W01": false, "": false,
	} {
		_, err := p.x.ReportUsage(t.Context(), p.as(owner), owner.Person, "", week, match.Hour)
		if ok {
			assert.NoError(t, err, week)
			continue
		}
		var input *csss.InputError
		if assert.ErrorAs(t, err, &input, week) {
			assert.Equal(t, "usage.week", input.Field)
		}
	}
}

// Who is not of the firm reports nothing for it.
func TestStrangersReportNothingForAFirm(t *testing.T) {
	p, owner, _ := rareMarket(t, 5, 5)
	o, err := p.x.Offer(p.as(owner), "offer-seller-0")
	require.NoError(t, err)
	o.Credentials = []match.Credential{{Scheme: "AS9100D"}}
	_, err = p.x.Revise(t.Context(), p.as(owner), o)
	require.NoError(t, err)
	for _, stranger := range []world.Who{{Firm: owner.Firm, Person: "usr-seller-1"}, {Firm: owner.Firm}} {
		_, err = p.x.RevokeCredential(t.Context(), p.as(stranger), o.ID, "AS9100D")
		assert.ErrorIs(t, err, csss.ErrNotYours)
		_, err = p.x.Leave(t.Context(), p.as(stranger), owner.Person)
		assert.ErrorIs(t, err, csss.ErrNotYours)
	}
	other := world.Who{Firm: "seller-1", Person: "usr-seller-1"}
	_, err = p.x.RevokeCredential(t.Context(), p.as(other), o.ID, "AS9100D")
	assert.ErrorIs(t, err, csss.ErrNotFound)
	_, err = p.x.Leave(t.Context(), p.as(other), owner.Person)
	assert.ErrorIs(t, err, csss.ErrNotFound)
	r, err := p.x.RevokeCredential(t.Context(), p.as(owner), o.ID, "AS9100D")
	p.ok(owner, r, err)
	r, err = p.x.Leave(t.Context(), p.as(owner), owner.Person)
	p.ok(owner, r, err)
	_, err = p.x.Leave(t.Context(), p.as(owner), owner.Person)
	assert.ErrorIs(t, err, csss.ErrNotYours, "who has left reports nothing either")
}
