package disclosure_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

func newLog() *disclosuretest.Log { return &disclosuretest.Log{} }

// rules answers for both employers: one manager's vote, unless auto.
type rules struct {
	mu   sync.Mutex
	auto [2]bool
	deny [2]bool
	fail [2]bool
}

func (r *rules) Authorize(_ context.Context, q disclosure.AuthRequest) (disclosure.Verdict, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.fail[q.Side] {
		return disclosure.Verdict{}, errors.New("rules are not reachable")
	}
	v := verdict(q.Votes)
	if r.auto[q.Side] {
		v.Satisfied, v.Auto, v.Due = true, true, nil
	}
	if v.Allowed = !r.deny[q.Side]; !v.Allowed {
		v.Policy, v.Version, v.Reason = disclosure.DigestOf([]byte("changed")), 8, "the rules changed"
	}
	return v, nil
}

// store is a reserver over one offer with room for so many sessions.
type store struct {
	mu    sync.Mutex
	full  bool
	err   error
	calls []string
}

func (s *store) record(what string, full bool) (disclosure.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, what)
	if s.err != nil {
		return disclosure.Record{}, s.err
	}
	if full && s.full {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	return disclosure.Record{Stream: "offer/1", Type: what, Data: []byte(what)}, nil
}

func (s *store) Reserve(context.Context, disclosure.State, time.Time) (disclosure.Record, error) {
	return s.record("hold.provisional", true)
}

func (s *store) Firm(context.Context, disclosure.State) (disclosure.Record, error) {
	return s.record("hold.firmed", true)
}

func (s *store) Release(_ context.Context, _ disclosure.State, why string) (disclosure.Record, error) {
	return s.record("hold.released "+why, false)
}

func newEngine(t testing.TB, log disclosure.Log, auth disclosure.Authorizer, res disclosure.Reserver) *disclosure.Engine {
	t.Helper()
	e, err := disclosure.New(log, auth, res, nil)
	require.NoError(t, err)
	return e
}

type world struct {
	t   testing.TB
	log *disclosuretest.Log
	r   *rules
	st  *store
	e   *disclosure.Engine
	n   int
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, log: newLog(), r: &rules{}, st: &store{}}
	w.e = newEngine(t, w.log, w.r, w.st)
	require.NoError(t, w.e.Propose(t.Context(), proposal("s1")))
	return w
}

func (w *world) do(side disclosure.Side, kind disclosure.Kind, at time.Duration) error {
	w.n++
	_, err := w.e.Do(w.t.Context(), command(fmt.Sprint("c", w.n), side, kind, t0.Add(at)))
	return err
}

func (w *world) must(side disclosure.Side, at time.Duration, kinds ...disclosure.Kind) {
	w.t.Helper()
	for _, k := range kinds {
		require.NoError(w.t, w.do(side, k, at), k)
	}
}

func (w *world) state() disclosure.State {
	w.t.Helper()
	s, err := w.e.State(w.t.Context(), "s1")
	require.NoError(w.t, err)
	return s
}

func (w *world) status(side disclosure.Side, at time.Duration) disclosure.Status {
	w.t.Helper()
	s, err := w.e.Status(w.t.Context(), "s1", side, t0.Add(at))
	require.NoError(w.t, err)
	return s
}

func (w *world) reveal() {
	w.t.Helper()
	for side := range disclosure.Side(2) {
		w.must(side, 0, disclosure.OptIn, disclosure.Authorize)
	}
	require.Equal(w.t, disclosure.Revealed, w.state().Phase)
}

// types lists the record types of the batches, one string per batch.
func (w *world) types() (out []string) {
	for _, b := range w.log.Batches() {
		var line strings.Builder
		for _, r := range b {
			line.WriteString(r.Type + " ")
		}
		out = append(out, line.String())
	}
	return out
}

const min1 = time.Minute

func TestTheWholeWay(t *testing.T) {
	w := newWorld(t)
	w.r.auto[disclosure.Supply] = true
	w.must(disclosure.Demand, 0, disclosure.OptIn)
	w.must(disclosure.Supply, 2*time.Hour, disclosure.OptIn)
	st := w.status(disclosure.Supply, 2*time.Hour)
	assert.True(t, st.Own.Waiting)
	assert.Zero(t, st.Price)
	assert.Nil(t, st.Theirs)
	assert.Len(t, w.status(disclosure.Demand, 2*time.Hour).Own.Due, 1)
	require.ErrorIs(t, w.do(disclosure.Demand, disclosure.View, 2*time.Hour), disclosure.ErrNotAllowed)

	w.must(disclosure.Demand, 3*time.Hour, disclosure.Authorize, disclosure.View)
	st = w.status(disclosure.Demand, 3*time.Hour)
	assert.Equal(t, disclosure.Revealed, st.Phase)
	assert.EqualValues(t, 16500, st.Price)
	w.must(disclosure.Demand, 4*time.Hour, disclosure.AcceptTerms)
	assert.Equal(t, disclosure.Revealed, w.state().Phase)
	w.must(disclosure.Supply, 4*time.Hour, disclosure.AcceptTerms, disclosure.Start)
	w.must(disclosure.Demand, 5*time.Hour, disclosure.Start, disclosure.MarkDone)
	assert.Equal(t, disclosure.Started, w.state().Phase)
	w.must(disclosure.Supply, 8*time.Hour, disclosure.MarkDone, disclosure.Rate)
	w.must(disclosure.Demand, 8*time.Hour, disclosure.Rate)
	s := w.state()
	assert.Equal(t, disclosure.Completed, s.Phase)
	assert.EqualValues(t, 2500, s.Hours)
	assert.Equal(t, [2]disclosure.Digest{digest("rules"), digest("rules")}, s.Policies)
	assert.Equal(t, []string{
		"SessionProposed SummariesPublished ",
		"ChoiceSealed ",
		"ChoiceSealed AuthorizationSealed ", // the automatic approval, with the person's own opt-in
		"AuthorizationSealed IdentitiesRevealed hold.provisional ",
		"FieldsDisclosed ",
		"TermsAccepted ",
		"TermsAccepted EngagementAgreed hold.firmed ",
		"EngagementStarted ", "EngagementStarted ", "EngagementMarked ",
		"EngagementMarked EngagementCompleted ",
		"OutcomeRated ", "OutcomeRated ",
	}, w.types())
	w.replays()
}

// replays checks that a fresh engine folds the log to the same state (S6).
func (w *world) replays() {
	w.t.Helper()
	was := w.state()
	w.e.Reset()
	require.Equal(w.t, was, w.state())
	fresh, err := newEngine(w.t, w.log, w.r, w.st).State(w.t.Context(), "s1")
	require.NoError(w.t, err)
	require.Equal(w.t, was, fresh)
}

func TestSealedRecordsHaveOneSize(t *testing.T) {
	w := newWorld(t)
	w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.OptOut)
	w.must(disclosure.Demand, 0, disclosure.Authorize, disclosure.Deny, disclosure.RevokeAuth, disclosure.Withdraw)
	for _, b := range w.log.Batches()[1:] {
		require.Len(t, b, 1)
		assert.Contains(t, []string{"ChoiceSealed", "AuthorizationSealed"}, b[0].Type)
		assert.Len(t, b[0].Data, disclosure.SealedSize)
	}
	long := command("long", disclosure.Supply, disclosure.Authorize, t0)
	for range 300 {
		long.Roles = append(long.Roles, "a role name")
	}
	long.Actor = "boss"
	_, err := w.e.Do(t.Context(), long)
	require.ErrorIs(t, err, disclosure.ErrInvalid)
}

// TestEveryConsentIsNecessary leaves out one of the four at a time.
func TestEveryConsentIsNecessary(t *testing.T) {
	type consent struct {
		side disclosure.Side
		kind disclosure.Kind
	}
	all := []consent{{0, disclosure.OptIn}, {1, disclosure.OptIn}, {0, disclosure.Authorize}, {1, disclosure.Authorize}}
	for missing := range all {
		w := newWorld(t)
		for i, c := range all {
			if i != missing {
				w.must(c.side, 0, c.kind)
			}
		}
		_, err := w.e.Tick(t.Context(), t0.Add(min1))
		require.NoError(t, err)
		require.Equal(t, disclosure.Summarised, w.state().Phase, missing)
		require.ErrorIs(t, w.do(0, disclosure.View, min1), disclosure.ErrNotAllowed)
		w.must(all[missing].side, min1, all[missing].kind)
		require.Equal(t, disclosure.Revealed, w.state().Phase, missing)
	}
	for _, undo := range []consent{{0, disclosure.OptOut}, {1, disclosure.OptOut}, {0, disclosure.Deny}, {1, disclosure.RevokeAuth}, {0, disclosure.Withdraw}} {
		w := newWorld(t)
		for _, c := range all[:3] {
			w.must(c.side, 0, c.kind)
		}
		if undo.side == 1 && undo.kind == disclosure.RevokeAuth {
			w.must(1, 0, disclosure.OptOut, disclosure.Authorize)
		}
		w.must(undo.side, 0, undo.kind)
		if undo.side == 1 && undo.kind == disclosure.RevokeAuth {
			w.must(1, 0, disclosure.OptIn)
		} else {
			w.must(1, 0, disclosure.Authorize)
		}
		require.Equal(t, disclosure.Summarised, w.state().Phase, undo)
		require.Zero(t, w.state().RevealedAt)
	}
}

func TestRepeatingACommandRepeatsItsReceipt(t *testing.T) {
	w := newWorld(t)
	c := command("a", disclosure.Supply, disclosure.OptIn, t0)
	first, err := w.e.Do(t.Context(), c)
	require.NoError(t, err)
	assert.EqualValues(t, 1, first.Index)
	n := len(w.log.Batches())
	w.must(disclosure.Supply, 0, disclosure.OptOut)
	c.At = t0.Add(time.Hour)
	again, err := newEngine(t, w.log, w.r, w.st).Do(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Len(t, w.log.Batches(), n+1)
	assert.Equal(t, disclosure.ChoiceOut, w.state().Sides[disclosure.Supply].Choice, "a replay revives nothing")

	c.Kind = disclosure.Withdraw
	_, err = w.e.Do(t.Context(), c)
	require.ErrorIs(t, err, disclosure.ErrStale, "an id is for one command")

	old := command("b", disclosure.Supply, disclosure.OptIn, t0)
	old.Seq = 2
	_, err = w.e.Do(t.Context(), old)
	require.ErrorIs(t, err, disclosure.ErrStale)
	old.Seq = 9
	r, err := w.e.Do(t.Context(), old)
	require.NoError(t, err)
	assert.EqualValues(t, 9, r.Index)
	require.NoError(t, w.e.Propose(t.Context(), proposal("s1")))
	other := proposal("s1")
	other.ID = "another"
	require.ErrorIs(t, w.e.Propose(t.Context(), other), disclosure.ErrConflict)
}

func TestWithdrawalIsPublishedAtTheSlot(t *testing.T) {
	w := newWorld(t) // 10:30
	w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.Withdraw)
	assert.Equal(t, disclosure.Closed, w.status(disclosure.Supply, min1).Phase)
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.OptIn, min1), disclosure.ErrClosed)
	assert.Equal(t, disclosure.Summarised, w.status(disclosure.Demand, 29*min1).Phase)
	w.must(disclosure.Demand, 29*min1, disclosure.OptIn) // as if nothing had happened
	assert.Equal(t, disclosure.Closed, w.status(disclosure.Demand, 30*min1).Phase)
	require.ErrorIs(t, w.do(disclosure.Demand, disclosure.OptOut, 30*min1), disclosure.ErrClosed)
	assert.Empty(t, w.status(disclosure.Demand, time.Hour).Own.Leaving)
	assert.Equal(t, "withdrawn", w.status(disclosure.Supply, time.Hour).Own.Leaving)
	w.replays()
}

func TestStaleAndRevived(t *testing.T) {
	w := newWorld(t)
	w.must(disclosure.Demand, 0, disclosure.OptIn)
	w.must(disclosure.Supply, 0, disclosure.OptOut)
	next, err := w.e.Tick(t.Context(), t0)
	require.NoError(t, err)
	assert.Equal(t, t0.Add(24*time.Hour+30*min1), next)
	next, err = w.e.Tick(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Stale, w.state().Phase)
	assert.Equal(t, t0.Add(30*24*time.Hour+30*min1), next)
	w.must(disclosure.Demand, 25*time.Hour, disclosure.Revive)
	w.must(disclosure.Supply, 25*time.Hour, disclosure.Revive) // cannot tell that the other did
	assert.Equal(t, disclosure.Stale, w.status(disclosure.Supply, 25*time.Hour).Phase)
	assert.Equal(t, disclosure.Summarised, w.status(disclosure.Supply, 26*time.Hour).Phase)
	w.must(disclosure.Demand, 26*time.Hour, disclosure.OptIn)
	s := w.state()
	assert.Equal(t, disclosure.Summarised, s.Phase)
	assert.Equal(t, 1, s.Revivals)
	assert.Equal(t, disclosure.ChoiceOut, s.Sides[disclosure.Supply].Choice, "an opt-out does not lapse")
	_, err = w.e.Tick(t.Context(), t0.Add(31*24*time.Hour))
	require.NoError(t, err)
	assert.Equal(t, disclosure.Closed, w.state().Phase)
	w.replays()
}

func TestConsentsLapse(t *testing.T) {
	w := newWorld(t)
	c := command("short", disclosure.Supply, disclosure.OptIn, t0)
	c.Bind.Expires = t0.Add(time.Hour)
	_, err := w.e.Do(t.Context(), c)
	require.NoError(t, err)
	w.must(disclosure.Supply, 0, disclosure.Authorize)
	w.must(disclosure.Demand, time.Hour, disclosure.OptIn, disclosure.Authorize)
	assert.Equal(t, disclosure.Summarised, w.state().Phase, "the opt-in lapsed on the instant")
	assert.Equal(t, disclosure.ChoiceNone, w.status(disclosure.Supply, time.Hour).Own.Choice)
	w.must(disclosure.Supply, time.Hour, disclosure.OptIn)
	assert.Equal(t, disclosure.Revealed, w.state().Phase)
}

func TestNoHoldNoReveal(t *testing.T) {
	w := newWorld(t)
	w.st.full = true
	for side := range disclosure.Side(2) {
		w.must(side, 0, disclosure.OptIn, disclosure.Authorize)
	}
	assert.Equal(t, disclosure.Summarised, w.state().Phase)
	assert.True(t, w.status(disclosure.Demand, 0).Own.Waiting)
	_, err := w.e.Tick(t.Context(), t0.Add(min1))
	require.NoError(t, err)
	assert.Equal(t, disclosure.Summarised, w.state().Phase)
	w.st.full, w.st.err = false, errors.New("reserver is down")
	_, err = w.e.Tick(t.Context(), t0.Add(min1))
	require.Error(t, err, "the host hears of it")
	w.st.err = nil
	_, err = w.e.Tick(t.Context(), t0.Add(2*min1))
	require.NoError(t, err)
	assert.Equal(t, disclosure.Revealed, w.state().Phase)
	types := w.types()
	assert.Equal(t, "IdentitiesRevealed hold.provisional ", types[len(types)-1])
}

func TestProvisionalHoldLapses(t *testing.T) {
	w := newWorld(t)
	w.reveal()
	next, err := w.e.Tick(t.Context(), t0.Add(72*time.Hour-1))
	require.NoError(t, err)
	assert.Equal(t, t0.Add(72*time.Hour), next)
	_, err = w.e.Tick(t.Context(), next)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Closed, w.state().Phase)
	types := w.types()
	assert.Equal(t, "SessionClosed hold.released expired ", types[len(types)-1])
	require.NoError(t, w.do(disclosure.Supply, disclosure.View, 144*time.Hour-1), "grace")
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.View, 144*time.Hour), disclosure.ErrExpired)
}

func TestAfterTheRevealACloseIsSeenAtOnce(t *testing.T) {
	for _, kind := range []disclosure.Kind{disclosure.Withdraw, disclosure.RevokeAuth, disclosure.Abort} {
		w := newWorld(t)
		w.reveal()
		w.must(disclosure.Supply, min1, kind)
		st := w.status(disclosure.Demand, min1)
		assert.Equal(t, disclosure.Closed, st.Phase, kind)
		assert.Empty(t, st.Own.Leaving, "the reason stays home")
		assert.NotEmpty(t, w.status(disclosure.Supply, min1).Own.Leaving)
		w.must(disclosure.Demand, 2*min1, disclosure.View)
		c := command("s3", disclosure.Demand, disclosure.View, t0.Add(2*min1))
		c.Stage = disclosure.StageContact
		_, err := w.e.Do(t.Context(), c)
		require.ErrorIs(t, err, disclosure.ErrClosed, "later stages stop")
		require.ErrorIs(t, w.do(disclosure.Demand, disclosure.AcceptTerms, 2*min1), disclosure.ErrClosed)
		assert.Contains(t, w.st.calls[len(w.st.calls)-1], "hold.released")
		w.replays()
	}
}

func TestChangedRulesCloseTheSession(t *testing.T) {
	w := newWorld(t)
	w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.Authorize)
	w.r.deny[disclosure.Supply] = true
	assert.True(t, w.status(disclosure.Supply, 0).Own.Suspended)
	w.must(disclosure.Demand, 0, disclosure.OptIn) // the next transition asks again
	s := w.state()
	assert.Equal(t, "policy", s.Sides[disclosure.Supply].Leaving)
	assert.Equal(t, "the rules changed", w.status(disclosure.Supply, min1).Own.Reason)
	left := w.last()
	assert.Equal(t, disclosure.DigestOf([]byte("changed")), left.Policy, "the decision names the rules it used")
	assert.Equal(t, 8, left.Version)
	assert.Empty(t, w.status(disclosure.Demand, min1).Own.Reason)
	assert.Equal(t, disclosure.Summarised, w.status(disclosure.Demand, 29*min1).Phase)
	assert.Equal(t, disclosure.Closed, w.status(disclosure.Demand, 30*min1).Phase)
	w.r.deny[disclosure.Supply] = false // restored: what is closed stays closed
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.OptIn, min1), disclosure.ErrClosed)
	w.must(disclosure.Demand, min1, disclosure.Authorize)
	assert.Zero(t, w.state().RevealedAt)

	w = newWorld(t)
	w.r.deny[disclosure.Demand] = true
	err := w.do(disclosure.Demand, disclosure.OptIn, 0)
	require.ErrorIs(t, err, disclosure.ErrPolicy)
	assert.Empty(t, w.state().Sides[disclosure.Demand].Choice)
}

// last is the latest event of the log.
func (w *world) last() (ev disclosure.Event) {
	w.t.Helper()
	for r, err := range w.log.Read(w.t.Context(), disclosure.StreamOf("s1"), 0) {
		require.NoError(w.t, err)
		ev, err = disclosure.DecodeEvent(r)
		require.NoError(w.t, err)
	}
	return ev
}

// The host says under which rules it aborts; nobody else's word of rules is
// kept with an end.
func TestAnAbortNamesItsRules(t *testing.T) {
	rules := disclosure.DigestOf([]byte("v8"))
	for _, revealed := range []bool{false, true} {
		for kind, want := range map[disclosure.Kind]disclosure.Digest{disclosure.Abort: rules, disclosure.Withdraw: {}} {
			w := newWorld(t)
			if revealed {
				w.reveal()
			}
			c := command("end", disclosure.Supply, kind, t0.Add(min1))
			c.Bind.Policy, c.Reason = rules, "policy v8"
			_, err := w.e.Do(t.Context(), c)
			require.NoError(t, err)
			assert.Equal(t, want, w.last().Bind.Policy)
			assert.Equal(t, "policy v8", w.status(disclosure.Supply, min1).Own.Reason)
			assert.Empty(t, w.status(disclosure.Demand, time.Hour).Own.Reason)
			w.replays()
		}
	}
}

func TestTheOtherSidesRulesAreNotHeard(t *testing.T) {
	w := newWorld(t)
	w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.Authorize)
	w.r.fail[disclosure.Supply] = true
	w.must(disclosure.Demand, 0, disclosure.OptIn, disclosure.Authorize)
	assert.Equal(t, disclosure.Summarised, w.state().Phase)
	require.Error(t, w.do(disclosure.Supply, disclosure.OptIn, 0))
	w.r.fail[disclosure.Supply] = false
	_, err := w.e.Tick(t.Context(), t0)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Revealed, w.state().Phase)
}

func TestAutomaticApprovalCanBeRevoked(t *testing.T) {
	w := newWorld(t)
	w.r.auto = [2]bool{true, true}
	w.must(disclosure.Supply, 0, disclosure.RevokeAuth, disclosure.OptIn)
	w.must(disclosure.Demand, 0, disclosure.OptIn)
	assert.Equal(t, disclosure.Summarised, w.state().Phase)
	w.must(disclosure.Supply, 0, disclosure.Authorize)
	assert.Equal(t, disclosure.Revealed, w.state().Phase)
}

func TestHoursMustAgree(t *testing.T) {
	w := newWorld(t)
	w.reveal()
	w.must(disclosure.Supply, min1, disclosure.AcceptTerms)
	w.must(disclosure.Demand, min1, disclosure.AcceptTerms, disclosure.MarkDone)
	c := command("more", disclosure.Supply, disclosure.MarkDone, t0.Add(min1))
	c.Hours = 3000
	_, err := w.e.Do(t.Context(), c)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Engaged, w.state().Phase)
	assert.EqualValues(t, 3000, w.status(disclosure.Demand, min1).Theirs.Hours)
	w.must(disclosure.Demand, min1, disclosure.Dispute)
	w.must(disclosure.Supply, min1, disclosure.MarkDone)
	assert.Equal(t, disclosure.Completed, w.state().Phase)
	w.replays()
}

func TestSummaryAttachedLater(t *testing.T) {
	log, p := newLog(), proposal("s1")
	sum := p.Summaries[disclosure.Demand]
	p.Summaries[disclosure.Demand] = disclosure.Digest{}
	e := newEngine(t, log, &rules{}, &store{})
	require.NoError(t, e.Propose(t.Context(), p))
	_, err := e.Do(t.Context(), command("a", disclosure.Supply, disclosure.OptIn, t0))
	require.ErrorIs(t, err, disclosure.ErrNotAllowed)
	_, err = e.Do(t.Context(), disclosure.Command{ID: "p", Session: "s1", Side: disclosure.Demand, Kind: disclosure.Publish,
		At: t0, Bind: disclosure.Binding{Summary: sum}})
	require.NoError(t, err)
	_, err = e.Do(t.Context(), command("a", disclosure.Demand, disclosure.OptIn, t0))
	require.NoError(t, err)
}

func TestChoicesAreBounded(t *testing.T) {
	w := newWorld(t)
	for range 8 {
		w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.OptOut)
	}
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.OptIn, 0), disclosure.ErrBudget)
	w.must(disclosure.Supply, 0, disclosure.Withdraw)
}

// TestFailClosed fails every append in turn, in every way. The step is then
// refused and nothing has changed, or it is done, exactly once.
func TestFailClosed(t *testing.T) {
	script := []struct {
		side disclosure.Side
		kind disclosure.Kind
	}{{0, disclosure.OptIn}, {1, disclosure.OptIn}, {0, disclosure.Authorize}, {1, disclosure.Authorize}, {0, disclosure.View},
		{0, disclosure.AcceptTerms}, {1, disclosure.AcceptTerms}, {1, disclosure.Start}, {0, disclosure.MarkDone}, {1, disclosure.MarkDone}, {0, disclosure.Rate}}
	for _, fault := range []disclosuretest.Fault{disclosuretest.Fail, disclosuretest.Conflict, disclosuretest.Lost, disclosuretest.Landed} {
		for at := 2; at <= len(script)+1; at++ {
			w := newWorld(t)
			w.log.Inject = func(n int) disclosuretest.Fault {
				if n == at {
					return fault
				}
				return disclosuretest.None
			}
			for i, step := range script {
				before := w.state()
				c := command(fmt.Sprint(i), step.side, step.kind, t0)
				r, err := w.e.Do(t.Context(), c)
				if fault == disclosuretest.Fail && i == at-2 {
					require.ErrorIs(t, err, disclosuretest.ErrInjected)
					require.Zero(t, r)
					require.Equal(t, before, w.state())
					r, err = w.e.Do(t.Context(), c)
				}
				require.NoError(t, err, "%d %d %s", fault, at, step.kind)
				require.NotZero(t, r)
			}
			require.Equal(t, disclosure.Completed, w.state().Phase)
			require.Len(t, w.log.Batches(), len(script)+1)
			w.replays()
		}
	}
}

func TestConflictsEnd(t *testing.T) {
	w := newWorld(t)
	n := w.log.Appends()
	w.log.Inject = func(int) disclosuretest.Fault { return disclosuretest.Conflict }
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.OptIn, 0), disclosure.ErrConflict)
	assert.Equal(t, 9, w.log.Appends()-n, "one try and eight more")
}

// TestOptInAgainstOptOut lets many goroutines on several engines change their
// minds about one session. At every prefix of the log either all consents
// stand and both are revealed in that batch, or nobody is.
func TestOptInAgainstOptOut(t *testing.T) {
	log := newLog()
	p := proposal("s1")
	p.Flips = 10_000
	r := &rules{auto: [2]bool{true, true}}
	engines := []*disclosure.Engine{newEngine(t, log, r, &store{}), newEngine(t, log, r, &store{})}
	require.NoError(t, engines[0].Propose(t.Context(), p))
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			side := disclosure.Side(i % 2)
			kinds := []disclosure.Kind{disclosure.OptIn, disclosure.OptOut}
			if i%4 < 2 {
				kinds = []disclosure.Kind{disclosure.OptOut, disclosure.OptIn}
			}
			for j, kind := range kinds {
				for {
					_, err := engines[i/2%2].Do(t.Context(), command(fmt.Sprint(i, "/", j), side, kind, t0))
					if errors.Is(err, disclosure.ErrConflict) {
						continue
					}
					if err != nil && !errors.Is(err, disclosure.ErrNotAllowed) {
						t.Errorf("%v", err)
					}
					break
				}
			}
		})
	}
	wg.Wait()
	var choice [2]disclosure.Choice
	reveals := 0
	for _, batch := range log.Batches() {
		for _, rec := range batch {
			if rec.Type == "hold.provisional" {
				continue
			}
			e, err := disclosure.DecodeEvent(rec)
			require.NoError(t, err)
			switch {
			case e.Type == disclosure.ChoiceSealed && e.Kind == disclosure.OptIn:
				choice[e.Side] = disclosure.ChoiceIn
			case e.Type == disclosure.ChoiceSealed:
				choice[e.Side] = disclosure.ChoiceOut
			case e.Type == disclosure.IdentitiesRevealed:
				reveals++
				require.Equal(t, [2]disclosure.Choice{disclosure.ChoiceIn, disclosure.ChoiceIn}, choice)
			}
		}
		both := choice == [2]disclosure.Choice{disclosure.ChoiceIn, disclosure.ChoiceIn}
		require.Equal(t, both, reveals == 1, "both in if and only if revealed")
	}
	require.LessOrEqual(t, reveals, 1)
	a, err := engines[0].State(t.Context(), "s1")
	require.NoError(t, err)
	b, err := engines[1].State(t.Context(), "s1")
	require.NoError(t, err)
	require.Equal(t, a, b)
}

func TestStrangersAndGhostsGetTheSameAnswer(t *testing.T) {
	w := newWorld(t)
	ghost := command("a", disclosure.Supply, disclosure.OptIn, t0)
	ghost.Session = "no-such"
	_, unknown := w.e.Do(t.Context(), ghost)
	stranger := command("a", disclosure.Supply, disclosure.OptIn, t0)
	stranger.Actor = "stranger"
	_, foreign := w.e.Do(t.Context(), stranger)
	assert.Equal(t, disclosure.ErrNotFound, unknown)
	assert.Equal(t, unknown, foreign)
	_, err := w.e.Status(t.Context(), "no-such", disclosure.Supply, t0)
	assert.Equal(t, disclosure.ErrNotFound, err)
	_, err = w.e.State(t.Context(), "no-such")
	assert.Equal(t, disclosure.ErrNotFound, err)
}

func TestHandlesDoNotLinkSessions(t *testing.T) {
	seen := map[disclosure.Handle]bool{}
	for i := range 20 {
		for side := range disclosure.Side(2) {
			h := disclosure.HandleOf(disclosure.SessionID(fmt.Sprint("s", i)), side)
			assert.False(t, seen[h])
			seen[h] = true
		}
	}
}

func TestErasureEndsReading(t *testing.T) {
	w := newWorld(t)
	w.reveal()
	w.log.Erase("boss-d")
	w.e.Reset()
	require.ErrorIs(t, w.do(disclosure.Supply, disclosure.View, min1), disclosure.ErrNotAllowed)

	w = newWorld(t)
	w.must(disclosure.Supply, 0, disclosure.OptIn, disclosure.Authorize)
	w.must(disclosure.Demand, 0, disclosure.OptIn)
	w.log.Erase("buyer")
	w.e.Reset()
	w.must(disclosure.Demand, 0, disclosure.OptIn, disclosure.Authorize)
	assert.Zero(t, w.state().RevealedAt, "an erased session reveals nothing")

	w.log.Erase("supplier") // the offered person: the session itself
	w.e.Reset()
	_, err := w.e.State(t.Context(), "s1")
	assert.ErrorIs(t, err, disclosure.ErrNotFound)
}

func TestProposalsAreChecked(t *testing.T) {
	e := newEngine(t, newLog(), &rules{}, &store{})
	for name, change := range map[string]func(*disclosure.Proposal){
		"same group":    func(p *disclosure.Proposal) { p.Parties[0].Group = "group-d" },
		"no terms":      func(p *disclosure.Proposal) { p.Terms = disclosure.Digest{} },
		"no firm":       func(p *disclosure.Proposal) { p.Parties[1].Firm = "" },
		"no person":     func(p *disclosure.Proposal) { p.Parties[0].Actor = "" },
		"no id":         func(p *disclosure.Proposal) { p.ID = "" },
		"no time":       func(p *disclosure.Proposal) { p.At = time.Time{} },
		"early expiry":  func(p *disclosure.Proposal) { p.HardExpiry = time.Hour },
		"negative slot": func(p *disclosure.Proposal) { p.Slot = -1 },
		"bad plan":      func(p *disclosure.Proposal) { p.Plan = []byte("{") },
	} {
		p := proposal("s1")
		change(&p)
		assert.ErrorIs(t, e.Propose(t.Context(), p), disclosure.ErrInvalid, name)
	}
	denied := newEngine(t, newLog(), &rules{deny: [2]bool{false, true}}, &store{})
	assert.ErrorIs(t, denied.Propose(t.Context(), proposal("s1")), disclosure.ErrPolicy)
	_, err := denied.State(t.Context(), "s1")
	assert.ErrorIs(t, err, disclosure.ErrNotFound)
	spaced := proposal("s2")
	spaced.Plan = []byte(`{ "hours" : 4 }`)
	require.NoError(t, e.Propose(t.Context(), spaced))
	was, err := e.State(t.Context(), "s2")
	require.NoError(t, err)
	e.Reset()
	now, err := e.State(t.Context(), "s2")
	require.NoError(t, err)
	assert.Equal(t, was, now)
}
