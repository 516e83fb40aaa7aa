package csss_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// engagedSmall is the second story's engagement, in a market of its firms alone.
func engagedSmall(t *testing.T) *flight {
	t.Helper()
	s := world.K3Story2()
	f := takeOff(inSmall(t, &s.World), s)
	f.engage()
	return f
}

// told is what the integrator reads, its whole trail included.
func (f *flight) told() string {
	f.Helper()
	text := f.demandReads()
	trail, err := f.x.Trail(f.Context(), f.as(f.s.Requester), f.handles["demand"])
	f.saw(f.demand, trail, err)
	require.NoError(f, err)
	require.NoError(f, trail.Verify(f.x.VerifierKey()))
	return text
}

// A dispute is a fact that both read; why, and what ends it, is its side's own.
func TestDispute(t *testing.T) {
	f := engagedSmall(t)
	vance, h := f.s.Vance, f.handles["supply"]
	_, err := f.x.EndDispute(t.Context(), f.as(vance), h)
	require.ErrorIs(t, err, csss.ErrNotFound, "there is none")

	f.private = append(f.private, secret{f.supply, "scrapped the fixture"})
	by := f.as(vance)
	by.ID = "dispute"
	r, err := f.x.Dispute(t.Context(), by, h, "they scrapped the fixture")
	f.ok(vance, r, err)
	again, err := f.x.Dispute(t.Context(), by, h, "they scrapped the fixture")
	f.ok(vance, again, err)
	assert.True(t, again.Duplicate)
	_, err = f.x.Dispute(t.Context(), f.as(vance), h, "once more")
	require.ErrorIs(t, err, disclosure.ErrNotAllowed)
	assert.True(t, f.own().Own.Disputed)
	assert.Equal(t, "they scrapped the fixture", f.own().Own.Reason)
	assert.True(t, f.theirs().Theirs.Disputed)
	assert.False(t, f.theirs().Own.Disputed)
	f.both(disclosure.Engaged)
	f.told()

	for who, want := range map[world.Who]error{f.s.Owner: csss.ErrNotYours, f.s.Requester: csss.ErrNotFound} {
		_, err = f.x.EndDispute(t.Context(), f.as(who), h)
		require.ErrorIs(t, err, want)
	}
	_, err = f.x.EndDispute(t.Context(), f.as(f.s.Requester), f.handles["demand"])
	require.ErrorIs(t, err, csss.ErrNotFound, "it is not the other side's to end")
	by.ID = "settle"
	for range 2 {
		r, err = f.x.EndDispute(t.Context(), by, h)
		f.ok(vance, r, err)
	}
	assert.True(t, r.Duplicate)
	assert.False(t, f.own().Own.Disputed)
	assert.False(t, f.theirs().Theirs.Disputed)
	assert.Contains(t, namesOf(f.steps(f.s.Requester, f.handles["demand"])), "engagement.settled")
	f.told()
	f.landed()
}

// Both naming the same hours ends a dispute; an end of the engagement does not,
// and its reason stays with who gave it.
func TestEndsOfADispute(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(f *flight)
		open bool
		want disclosure.Phase
	}{
		"agreed hours": {func(f *flight) {
			for _, side := range f.sides() {
				r, err := f.x.Complete(f.Context(), f.as(side.Who), f.handles[side.name], 40*match.Hour)
				f.ok(side.Who, r, err)
			}
		}, false, disclosure.Completed},
		"the shop withdraws": {func(f *flight) {
			f.private = append(f.private, secret{f.supply, "spindle broke"})
			r, err := f.x.WithdrawFrom(f.Context(), f.as(f.s.Vance), f.handles["supply"], "the spindle broke")
			f.ok(f.s.Vance, r, err)
			assert.Equal(f, "the spindle broke", f.own().Own.Reason)
		}, true, disclosure.Closed},
		"the shop's employer revokes": {func(f *flight) {
			f.private = append(f.private, secret{f.supply, "spindle broke"})
			r, err := f.x.Revoke(f.Context(), f.as(f.s.Owner), f.handles["supply"], "the spindle broke")
			f.ok(f.s.Owner, r, err)
		}, true, disclosure.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			f := engagedSmall(t)
			r, err := f.x.Dispute(t.Context(), f.as(f.s.Requester), f.handles["demand"], "late")
			f.ok(f.s.Requester, r, err)
			c.end(f)
			f.both(c.want)
			assert.Equal(t, c.open, f.theirs().Own.Disputed)
			assert.Equal(t, c.open, f.own().Theirs.Disputed)
			f.told()
			if c.open {
				r, err = f.x.EndDispute(t.Context(), f.as(f.s.Requester), f.handles["demand"])
				f.ok(f.s.Requester, r, err)
				assert.False(t, f.own().Theirs.Disputed)
			}
			f.landed()
		})
	}
}

// Rules that allow it again while a notice runs take the notice back.
func TestNoticeIsTakenBack(t *testing.T) {
	f := engagedSmall(t)
	f.publishes(8, withdrawal)
	f.tick(f.now.Add(time.Minute))
	first := f.theirs().Ends
	require.False(t, first.IsZero())
	f.publishes(9, withdrawal)
	f.tick(f.now.Add(time.Hour))
	assert.Equal(t, "suspended: policy v9", f.own().Suspension.String())
	assert.Equal(t, first, f.theirs().Ends, "a notice is given once")
	f.publishes(10, "")
	f.tick(f.now.Add(time.Hour))
	assert.Zero(t, f.own().Suspension)
	assert.Zero(t, f.theirs().Ends)
	assert.Empty(t, f.inbox(f.s.Requester, csss.Notice))
	names := strings.Join(namesOf(f.steps(f.s.Requester, f.handles["demand"])), " ")
	assert.Equal(t, 2, strings.Count(names, "engagement.noticed"), "given and taken back: %s", names)
	f.tick(first.Add(time.Hour))
	f.both(disclosure.Engaged)
	f.told()
	f.landed()
}

// A credential that lapses during the work is told to both, once. It ends
// nothing by itself, the terms leave that to the client; the shop's own rules,
// which ask for it, do.
func TestCredentialLapsesDuringTheWork(t *testing.T) {
	const asks = "  - {id: certificate-outlives-the-work"
	s := world.K3Story2()
	for i, p := range s.Policies {
		if before, _, found := strings.Cut(string(p.Text), asks); found {
			s.Policies[i].Text = []byte(before)
		}
	}
	f := takeOff(inSmall(t, &s.World), s)
	f.engage()
	_, err := f.x.RevokeCredential(t.Context(), csss.By{At: f.now}, f.s.Offer, "AS9100D")
	require.NoError(t, err)
	f.tick(f.now.Add(time.Minute))
	f.both(disclosure.Engaged)
	assert.Equal(t, csss.ByCredential, f.own().Suspension.By)
	noticed := func() int {
		return strings.Count(strings.Join(namesOf(f.steps(f.s.Requester, f.handles["demand"])), " "), "engagement.noticed")
	}
	assert.Equal(t, 1, noticed())
	assert.Zero(t, f.theirs().Ends)
	size := f.x.Size()
	f.tick(f.now.AddDate(0, 0, 14))
	assert.Equal(t, size, f.x.Size())
	f.both(disclosure.Engaged)

	f.publishes(8, withdrawal)
	f.tick(f.now.Add(time.Minute))
	assert.NotZero(t, f.theirs().Ends, "rules that refuse as well give notice")
	assert.Equal(t, csss.ByPolicy, f.own().Suspension.By)
	f.publishes(9, "")
	f.tick(f.now.Add(time.Minute))
	assert.Equal(t, csss.ByCredential, f.own().Suspension.By, "it is still gone")
	assert.Equal(t, 3, noticed(), "the credential, the notice, and its end")
	f.told()
	f.landed()

	f = engagedSmall(t)
	_, err = f.x.RevokeCredential(t.Context(), csss.By{At: f.now}, f.s.Offer, "AS9100D")
	require.NoError(t, err)
	f.private = append(f.private, secret{f.supply, "policy v7"}, secret{f.supply, "certificate-outlives-the-work"})
	f.tick(f.now.Add(time.Minute))
	assert.Equal(t, "suspended: policy v7", f.own().Suspension.String())
	assert.NotZero(t, f.theirs().Ends)
	f.told()
	f.landed()
}

// What leaves the market, and what time alone does, ends no engagement.
func TestEngagementOutlivesItsListing(t *testing.T) {
	f := engagedSmall(t)
	size := f.x.Size()
	_, err := f.x.Withdraw(t.Context(), f.as(f.s.Vance), f.s.Offer)
	require.NoError(t, err)
	_, err = f.x.Withdraw(t.Context(), f.as(f.s.Requester), f.s.Need.ID)
	require.NoError(t, err)
	f.tick(f.now.AddDate(0, 0, 30))
	f.both(disclosure.Engaged)
	assert.Equal(t, size+2, f.x.Size())
	assert.Zero(t, f.own().Suspension)
	f.publishes(8, "")
	f.tick(f.now.AddDate(0, 0, 1))
	f.both(disclosure.Engaged)
	assert.Zero(t, f.own().Suspension)
	steps := f.steps(f.s.Owner, f.handles["supply"])
	assert.Equal(t, "engagement.monitored", steps[len(steps)-1].Name, "v8 was asked, and allowed it")
	assert.Equal(t, 8, steps[len(steps)-1].Version)
	f.landed()
}

// Many ticks at once, on changing rules, note each change once.
func TestTicksNoteAChangeOnce(t *testing.T) {
	f := inSmallFlight(t, csss.Config{})
	f.engage()
	var wg sync.WaitGroup
	for version := 8; version < 14; version++ {
		more := withdrawal
		if version%3 == 0 {
			more = ""
		}
		f.publishes(version, more)
		for range 6 {
			wg.Go(func() {
				_, err := f.x.Tick(background, f.now)
				assert.NoError(t, err)
			})
		}
		wg.Wait()
	}
	f.landed()
	require.NoError(t, f.x.Close())
	var kinds []string
	for _, e := range entriesOf(t, f.dir) {
		if strings.HasPrefix(e.Stream, "engagement/") {
			kinds = append(kinds, strings.TrimPrefix(e.Type, "engagement."))
		}
	}
	assert.Equal(t, []string{"monitored", "noticed", "monitored", "noticed", "monitored", "noticed", "monitored", "monitored", "noticed", "monitored", "noticed"}, kinds,
		"v8 refuses, v9 allows, v10 and v11 refuse, v12 allows, v13 refuses")
}
