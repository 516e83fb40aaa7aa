package disclosure_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

func invitation() disclosure.Invitation {
	return disclosure.Invitation{ID: "i1", Session: "s1", Side: disclosure.Supply, Actor: "supplier", Firm: "college", Person: "dean",
		Role: "inspector", At: t0, Until: t0.Add(12 * time.Hour)}
}

// help gives a command about the first facilitator.
func (w *world) help(side disclosure.Side, kind disclosure.Kind, at time.Duration) error {
	w.t.Helper()
	w.n++
	c := command(fmt.Sprint("f", w.n), side, disclosure.OptIn, t0.Add(at))
	c.Kind, c.Bind = kind, disclosure.Binding{}
	if f, err := w.e.FacilitatorOf(w.t.Context(), "s1", 1); err == nil {
		c.Bind.Invitation = f.Invitation.Digest()
	}
	switch kind {
	case disclosure.AdmitVote, disclosure.AdmitDeny, disclosure.Dismiss:
		c.Actor, c.Roles, c.Requirement = [2]string{"boss-s", "boss-d"}[side], []string{"manager"}, "manager"
	case disclosure.Look, disclosure.Leave:
		c.Actor = "dean"
	}
	_, err := w.e.Facilitate(w.t.Context(), 1, c)
	return err
}

func (w *world) look(at time.Duration) (disclosure.FacilitatorView, error) {
	w.n++
	return w.e.Look(w.t.Context(), 1, disclosure.Command{ID: fmt.Sprint("look", w.n), Session: "s1", Firm: "college", Actor: "dean", At: t0.Add(at)})
}

func (w *world) admitted() {
	w.t.Helper()
	_, err := w.e.Invite(w.t.Context(), invitation())
	require.NoError(w.t, err)
	for side := range disclosure.Side(2) {
		require.NoError(w.t, w.help(side, disclosure.Admit, time.Hour))
		require.NoError(w.t, w.help(side, disclosure.AdmitVote, time.Hour))
	}
}

// TestFacilitator: admitted by all four, sees the present stage and no other,
// is logged first, and is sent away by anybody.
func TestFacilitator(t *testing.T) {
	w := newWorld(t)
	n, err := w.e.Invite(t.Context(), invitation())
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	n, err = w.e.Invite(t.Context(), invitation())
	require.NoError(t, err)
	assert.Equal(t, 1, n, "twice is once")

	_, err = w.look(time.Minute)
	require.ErrorIs(t, err, disclosure.ErrNotFound)
	assert.ErrorIs(t, w.help(disclosure.Demand, disclosure.Admit, time.Minute), disclosure.ErrNotFound, "not told before the slot")
	told, err := w.e.FacilitatorStatus(t.Context(), "s1", disclosure.Demand, t0.Add(time.Minute))
	require.NoError(t, err)
	assert.Empty(t, told)

	require.NoError(t, w.help(disclosure.Supply, disclosure.Admit, time.Minute))
	require.NoError(t, w.help(disclosure.Demand, disclosure.Admit, time.Hour))
	require.NoError(t, w.help(disclosure.Supply, disclosure.AdmitVote, time.Hour))
	told, err = w.e.FacilitatorStatus(t.Context(), "s1", disclosure.Demand, t0.Add(time.Hour))
	require.NoError(t, err)
	require.Len(t, told, 1)
	assert.Equal(t, disclosure.FacilitatorInvited, told[0].Phase)
	assert.True(t, told[0].Consented)
	assert.False(t, told[0].Authorized)
	_, err = w.look(time.Hour)
	require.ErrorIs(t, err, disclosure.ErrNotFound, "three are not four")
	require.NoError(t, w.help(disclosure.Demand, disclosure.AdmitVote, time.Hour))

	v, err := w.look(time.Hour)
	require.NoError(t, err)
	assert.Equal(t, disclosure.StageSummary, v.Stage)
	batches := w.log.Batches()
	last := batches[len(batches)-1]
	require.Len(t, last, 2, "in both streams")
	assert.Equal(t, "FacilitatorLooked", last[0].Type)
	assert.Equal(t, disclosure.FacilitatorStream("s1", 1), last[0].Stream)
	assert.Equal(t, disclosure.StreamOf("s1"), last[1].Stream)

	for side := range disclosure.Side(2) {
		w.must(side, time.Hour, disclosure.OptIn, disclosure.Authorize)
	}
	v, err = w.look(2 * time.Hour)
	require.NoError(t, err)
	assert.Equal(t, disclosure.StageIdentity, v.Stage)
	back := disclosure.Command{ID: "back", Session: "s1", Actor: "dean", Kind: disclosure.Look, Stage: disclosure.StageSummary, At: t0.Add(2 * time.Hour)}
	_, err = w.e.Facilitate(t.Context(), 1, back)
	require.ErrorIs(t, err, disclosure.ErrNotAllowed, "no history")

	require.NoError(t, w.help(disclosure.Demand, disclosure.Dismiss, 2*time.Hour))
	_, err = w.look(2 * time.Hour)
	require.ErrorIs(t, err, disclosure.ErrNotAllowed)
	assert.Equal(t, disclosure.Revealed, w.state().Phase, "the session goes on")
}

// TestFacilitatorEnds: with the session, and at the lapse.
func TestFacilitatorEnds(t *testing.T) {
	w := newWorld(t)
	w.admitted()
	_, err := w.look(11 * time.Hour)
	require.NoError(t, err)
	_, err = w.look(12 * time.Hour)
	require.ErrorIs(t, err, disclosure.ErrNotAllowed)

	w = newWorld(t)
	w.admitted()
	w.must(disclosure.Supply, time.Hour, disclosure.Withdraw)
	_, err = w.look(time.Hour)
	require.NoError(t, err, "a withdrawal waits for its slot, also to a facilitator")
	_, err = w.look(2 * time.Hour)
	require.ErrorIs(t, err, disclosure.ErrClosed)
}

func TestInviteRefuses(t *testing.T) {
	w := newWorld(t)
	refuse := func(want error, change func(i *disclosure.Invitation)) {
		t.Helper()
		i := invitation()
		change(&i)
		_, err := w.e.Invite(t.Context(), i)
		assert.ErrorIs(t, err, want)
	}
	refuse(disclosure.ErrInvalid, func(i *disclosure.Invitation) { i.Role = "" })
	refuse(disclosure.ErrInvalid, func(i *disclosure.Invitation) { i.Until = i.At })
	own, other := "s", "d"
	if invitation().Side == disclosure.Demand {
		own, other = other, own
	}
	refuse(disclosure.ErrInvalid, func(i *disclosure.Invitation) { i.Firm = "firm-" + own })
	refuse(disclosure.ErrInvalid, func(i *disclosure.Invitation) { i.Group = "group-" + own })
	refuse(disclosure.ErrNotFound, func(i *disclosure.Invitation) { i.Actor = "stranger" })
	refuse(disclosure.ErrNotFound, func(i *disclosure.Invitation) { i.Session = "s2" })
	i := invitation()
	first, err := w.e.Invite(t.Context(), i)
	require.NoError(t, err)
	again, err := w.e.Invite(t.Context(), i)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	refuse(disclosure.ErrStale, func(i *disclosure.Invitation) { i.Firm = "firm-x" })

	// Who guesses the other side is taken at the word, as anybody is, and nobody
	// is told.
	i.ID, i.Firm, i.Group = "guess", "firm-"+other, "group-"+other
	guess, err := w.e.Invite(t.Context(), i)
	require.NoError(t, err)
	assert.Equal(t, first+2, guess)
	later := t0.Add(3 * time.Hour)
	st, err := w.e.FacilitatorStatus(t.Context(), "s1", i.Side, later)
	require.NoError(t, err)
	assert.Len(t, st, 2)
	st, err = w.e.FacilitatorStatus(t.Context(), "s1", i.Side.Other(), later)
	require.NoError(t, err)
	assert.Len(t, st, 1)
	for n := range 6 {
		i.ID = fmt.Sprint(n)
		_, err := w.e.Invite(t.Context(), i)
		require.NoError(t, err)
	}
	refuse(disclosure.ErrBudget, func(i *disclosure.Invitation) { i.ID = "9" })
	i.ID, i.Side, i.Actor, i.Firm, i.Group = "theirs", i.Side.Other(), "", "firm-x", "firm-x"
	if i.Actor = w.state().Proposal.Parties[i.Side].Actor; i.Actor == "" {
		i.Actor = "anyone"
	}
	n, err := w.e.Invite(t.Context(), i)
	require.NoError(t, err, "each side has numbers of its own")
	assert.NotEqual(t, first%2, n%2)
}

// TestALookMeetsAMovedSession: a look decided on a stage that the session has
// left is decided anew, whoever moved it.
func TestALookMeetsAMovedSession(t *testing.T) {
	w := newWorld(t)
	w.admitted()
	other := newEngine(t, w.log, w.r, w.st)
	_, err := other.State(t.Context(), "s1")
	require.NoError(t, err)
	for side := range disclosure.Side(2) {
		w.must(side, time.Hour, disclosure.OptIn, disclosure.Authorize)
	}
	v, err := other.Look(t.Context(), 1, disclosure.Command{ID: "look", Session: "s1", Actor: "dean", At: t0.Add(2 * time.Hour)})
	require.NoError(t, err)
	assert.Equal(t, disclosure.StageIdentity, v.Stage)
}

// TestOnlyAnAdmissionsEndIsTold: the end of an invitation is told to both sides
// if there was an admission. Without one it may be the guess who the other side
// is, or a no, and nobody is told of either.
func TestOnlyAnAdmissionsEndIsTold(t *testing.T) {
	i := invitation()
	i.Number = 3
	named := disclosure.EvolveFacilitator(disclosure.Facilitator{}, disclosure.Event{Type: disclosure.FacilitatorNamed, At: t0, Invitation: &i})
	joined := disclosure.Event{Type: disclosure.FacilitatorJoined, At: t0.Add(time.Hour)}
	due := disclosure.FacilitatorDue(named, disclosure.State{}, i.Until.Add(time.Hour))
	require.Len(t, due, 1)
	assert.Empty(t, disclosure.PublicOf(named, due...))

	told := func(events []disclosure.Event) (out []disclosure.EventType) {
		for _, e := range events {
			assert.Equal(t, 3, e.Seat)
			out = append(out, e.Type)
		}
		return out
	}
	sealed := disclosure.Event{Type: disclosure.ChoiceSealed, At: joined.At, Kind: disclosure.Admit}
	assert.Equal(t, []disclosure.EventType{disclosure.FacilitatorJoined}, told(disclosure.PublicOf(named, sealed, joined)))
	admitted := disclosure.EvolveFacilitator(named, joined)
	assert.Equal(t, []disclosure.EventType{disclosure.FacilitatorEnded}, told(disclosure.PublicOf(admitted, due...)))
}

// TestFacilitatorSurvivesFaults: whatever happens to an append, asking again
// gets there, and no look is answered without being logged.
func TestFacilitatorSurvivesFaults(t *testing.T) {
	for _, fault := range []disclosuretest.Fault{disclosuretest.Fail, disclosuretest.Conflict, disclosuretest.Lost, disclosuretest.Landed} {
		for at := 2; at <= 7; at++ {
			w := &world{t: t, log: newLog(), r: &rules{}, st: &store{}}
			w.log.Inject = func(n int) disclosuretest.Fault {
				if n == at {
					return fault
				}
				return disclosuretest.None
			}
			w.e = newEngine(t, w.log, w.r, w.st)
			require.NoError(t, w.e.Propose(t.Context(), proposal("s1")))
			again := func(f func() error) {
				t.Helper()
				n := w.n
				if f() != nil {
					w.n = n // the same ids
					w.e = newEngine(t, w.log, w.r, w.st)
					require.NoError(t, f())
				}
			}
			again(func() error { _, err := w.e.Invite(t.Context(), invitation()); return err })
			for side := range disclosure.Side(2) {
				again(func() error { return w.help(side, disclosure.Admit, time.Hour) })
				again(func() error { return w.help(side, disclosure.AdmitVote, time.Hour) })
			}
			again(func() error { _, err := w.look(time.Hour); return err })
			looks := 0
			for _, batch := range w.log.Batches() {
				for _, r := range batch {
					if r.Type == "FacilitatorLooked" {
						looks++
					}
				}
			}
			assert.Equal(t, 2, looks, "one look, in two streams")
		}
	}
}
