package disclosure_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/disclosure/disclosuretest"
)

// shelves is a reserver with a stream per offer.
type shelves struct {
	mu   sync.Mutex
	gone map[string]bool // offers without capacity
}

func (s *shelves) record(st *disclosure.State, what string) disclosure.Record {
	return disclosure.Record{Stream: "offer/" + st.Proposal.Offer, Type: what, Data: []byte(what)}
}

func (s *shelves) Reserve(_ context.Context, st disclosure.State, _ time.Time) (disclosure.Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone[st.Proposal.Offer] {
		return disclosure.Record{}, disclosure.ErrNoCapacity
	}
	return s.record(&st, "hold.provisional"), nil
}

func (s *shelves) Firm(_ context.Context, st disclosure.State) (disclosure.Record, error) {
	return s.record(&st, "hold.firmed"), nil
}

func (s *shelves) Release(_ context.Context, st disclosure.State, why string) (disclosure.Record, error) {
	return s.record(&st, "hold.released "+why), nil
}

// wholesale also holds several plans at once.
type wholesale struct{ shelves }

func (s *wholesale) ReserveAll(_ context.Context, all []disclosure.State, _ time.Time) ([]disclosure.Record, error) {
	var out []disclosure.Record
	for i := range all {
		out = append(out, s.record(&all[i], "hold.provisional"))
	}
	return out, nil
}

// trade is a bundle of legs between one buyer and several suppliers.
type trade struct {
	t   testing.TB
	log *disclosuretest.Log
	r   *rules
	res *shelves
	e   *disclosure.Engine
	n   int
}

func leg(id string) disclosure.Proposal {
	p := proposal(disclosure.SessionID(id))
	p.Offer = "offer-" + id
	p.Parties[disclosure.Supply] = disclosure.Party{Firm: "firm-" + id, Actor: "seller-" + id}
	return p
}

func legsOf(ids ...string) (b disclosure.Bundle, ps []disclosure.Proposal) {
	b = disclosure.Bundle{ID: "b", Revision: 1}
	for _, id := range ids {
		b.Legs, ps = append(b.Legs, disclosure.SessionID(id)), append(ps, leg(id))
	}
	return b, ps
}

// newTrade opens a bundle whose employers consent without a vote.
func newTrade(t testing.TB, ids ...string) *trade {
	w := &trade{t: t, log: newLog(), r: &rules{auto: [2]bool{true, true}}, res: &shelves{gone: map[string]bool{}}}
	w.e = newEngine(t, w.log, w.r, w.res)
	b, ps := legsOf(ids...)
	require.NoError(t, w.e.ProposeBundle(t.Context(), b, ps, t0))
	return w
}

func (w *trade) command(id string, side disclosure.Side, kind disclosure.Kind, at time.Duration) disclosure.Command {
	w.n++
	c := command(fmt.Sprint("c", w.n), side, kind, t0.Add(at))
	c.Session, c.Actor = disclosure.SessionID(id), [2]string{"seller-" + id, "buyer"}[side]
	c.Bind = w.state(id).Binding(side)
	return c
}

func (w *trade) do(id string, side disclosure.Side, kind disclosure.Kind, at time.Duration) error {
	w.t.Helper()
	_, err := w.e.Do(w.t.Context(), w.command(id, side, kind, at))
	return err
}

func (w *trade) both(id string, kind disclosure.Kind, at time.Duration) {
	w.t.Helper()
	for side := range disclosure.Side(2) {
		require.NoError(w.t, w.do(id, side, kind, at))
	}
}

func (w *trade) state(id string) disclosure.State {
	w.t.Helper()
	s, err := w.e.State(w.t.Context(), disclosure.SessionID(id))
	require.NoError(w.t, err)
	return s
}

func (w *trade) phases(ids ...string) (out []disclosure.Phase) {
	w.t.Helper()
	for _, id := range ids {
		out = append(out, w.state(id).Phase)
	}
	return out
}

func (w *trade) status(id string, side disclosure.Side, at time.Duration) disclosure.Status {
	w.t.Helper()
	s, err := w.e.Status(w.t.Context(), disclosure.SessionID(id), side, t0.Add(at))
	require.NoError(w.t, err)
	return s
}

// lastBatch returns the types and streams of what was appended last.
func (w *trade) lastBatch() (out []string) {
	batches := w.log.Batches()
	for _, r := range batches[len(batches)-1] {
		out = append(out, r.Stream+" "+r.Type)
	}
	slices.Sort(out)
	return out
}

func same(p disclosure.Phase, n int) []disclosure.Phase {
	return slices.Repeat([]disclosure.Phase{p}, n)
}

// TestBundleRevealsAsAWhole: one leg's silence keeps all unrevealed, and its
// consent reveals all in one batch with all holds.
func TestBundleRevealsAsAWhole(t *testing.T) {
	w := newTrade(t, "a", "b", "c")
	w.both("a", disclosure.OptIn, 0)
	w.both("b", disclosure.OptIn, 0)
	require.NoError(t, w.do("c", disclosure.Demand, disclosure.OptIn, 0))
	assert.Equal(t, same(disclosure.Summarised, 3), w.phases("a", "b", "c"))
	for _, id := range []string{"a", "b"} {
		for side := range disclosure.Side(2) {
			assert.True(t, w.status(id, side, time.Minute).Own.Waiting)
			assert.ErrorIs(t, w.do(id, side, disclosure.View, time.Minute), disclosure.ErrNotAllowed)
		}
	}
	require.NoError(t, w.do("c", disclosure.Supply, disclosure.OptIn, time.Minute))
	assert.Equal(t, same(disclosure.Revealed, 3), w.phases("a", "b", "c"))
	batch := w.lastBatch()
	for _, id := range []string{"a", "b", "c"} {
		assert.Contains(t, batch, "session/"+id+" IdentitiesRevealed")
		assert.Contains(t, batch, "offer/offer-"+id+" hold.provisional")
	}

	// They engage as a whole too.
	w.both("a", disclosure.AcceptTerms, time.Hour)
	w.both("b", disclosure.AcceptTerms, time.Hour)
	require.NoError(t, w.do("c", disclosure.Demand, disclosure.AcceptTerms, time.Hour))
	assert.Equal(t, same(disclosure.Revealed, 3), w.phases("a", "b", "c"))
	require.NoError(t, w.do("c", disclosure.Supply, disclosure.AcceptTerms, time.Hour))
	assert.Equal(t, same(disclosure.Engaged, 3), w.phases("a", "b", "c"))
	assert.Len(t, slices.DeleteFunc(w.lastBatch(), func(s string) bool {
		return !slices.Contains([]string{"offer/offer-a hold.firmed", "offer/offer-b hold.firmed", "offer/offer-c hold.firmed"}, s)
	}), 3)

	// From then on each ends by itself.
	require.NoError(t, w.do("a", disclosure.Supply, disclosure.Withdraw, 2*time.Hour))
	assert.Equal(t, []disclosure.Phase{disclosure.Closed, disclosure.Engaged, disclosure.Engaged}, w.phases("a", "b", "c"))
}

// TestBundleEndsAsAWhole: after the reveal one end, or the lapse of the holds,
// releases all holds in one batch.
func TestBundleEndsAsAWhole(t *testing.T) {
	ends := map[string]func(w *trade) error{
		"withdrawn": func(w *trade) error { return w.do("b", disclosure.Supply, disclosure.Withdraw, time.Hour) },
		"revoked":   func(w *trade) error { return w.do("b", disclosure.Demand, disclosure.RevokeAuth, time.Hour) },
		"aborted":   func(w *trade) error { return w.do("b", disclosure.Supply, disclosure.Abort, time.Hour) },
		"expired": func(w *trade) error {
			_, err := w.e.Tick(w.t.Context(), t0.Add(100*time.Hour))
			return err
		},
	}
	for why, end := range ends {
		t.Run(why, func(t *testing.T) {
			w := newTrade(t, "a", "b", "c")
			for _, id := range []string{"a", "b", "c"} {
				w.both(id, disclosure.OptIn, 0)
			}
			require.Equal(t, same(disclosure.Revealed, 3), w.phases("a", "b", "c"))
			require.NoError(t, end(w))
			assert.Equal(t, same(disclosure.Closed, 3), w.phases("a", "b", "c"))
			assert.Len(t, w.lastBatch(), 6, "an end and a release each")
			st := w.status("a", disclosure.Supply, 101*time.Hour)
			assert.Equal(t, disclosure.Closed, st.Phase)
			assert.Empty(t, st.Own.Leaving, "it is not its own doing")
			assert.NoError(t, w.do("a", disclosure.Supply, disclosure.View, 2*time.Hour), "grace is each leg's")
		})
	}
}

// TestBundleNeedsEveryHold: without capacity for one leg there is no reveal of
// any, and nobody sees why; Tick tries again.
func TestBundleNeedsEveryHold(t *testing.T) {
	w := newTrade(t, "a", "b")
	w.res.gone["offer-a"] = true
	w.both("a", disclosure.OptIn, 0)
	w.both("b", disclosure.OptIn, 0)
	assert.Equal(t, same(disclosure.Summarised, 2), w.phases("a", "b"))
	assert.True(t, w.status("b", disclosure.Supply, time.Minute).Own.Waiting)
	w.res.gone["offer-a"] = false
	_, err := w.e.Tick(t.Context(), t0.Add(time.Hour))
	require.NoError(t, err)
	assert.Equal(t, same(disclosure.Revealed, 2), w.phases("a", "b"))
}

// TestTwoLegsOfOneOffer are held only by a reserver that counts them together.
func TestTwoLegsOfOneOffer(t *testing.T) {
	for _, res := range []disclosure.Reserver{&shelves{}, &wholesale{}} {
		w := &trade{t: t, log: newLog(), r: &rules{auto: [2]bool{true, true}}}
		w.e = newEngine(t, w.log, w.r, res)
		b, ps := legsOf("a", "b")
		ps[1].Offer = ps[0].Offer
		require.NoError(t, w.e.ProposeBundle(t.Context(), b, ps, t0))
		w.both("a", disclosure.OptIn, 0)
		w.both("b", disclosure.OptIn, 0)
		_, all := res.(disclosure.BundleReserver)
		want := disclosure.Summarised
		if all {
			want = disclosure.Revealed
		}
		assert.Equal(t, same(want, 2), w.phases("a", "b"))
	}
}

// TestALegIsReplaced: a leg that left is replaced once that is published. The
// buyer consents to the new whole; the other suppliers are not asked again, and
// see nothing of it.
func TestALegIsReplaced(t *testing.T) {
	w := newTrade(t, "a", "b", "c")
	w.both("a", disclosure.OptIn, 0)
	w.both("b", disclosure.OptIn, 0)
	old := w.command("a", disclosure.Demand, disclosure.OptIn, 3*time.Hour)
	require.NoError(t, w.do("c", disclosure.Supply, disclosure.Withdraw, 0))
	before := w.status("a", disclosure.Supply, 3*time.Hour)

	b, ps := legsOf("a", "b", "d")
	b.Revision, ps = 2, ps[2:]
	ps[0].At = t0.Add(2 * time.Hour)
	var early *disclosure.PhaseError
	require.ErrorAs(t, w.e.ProposeBundle(t.Context(), b, ps, t0), &early, "the withdrawal is not published")
	now := t0.Add(2 * time.Hour)
	require.NoError(t, w.e.ProposeBundle(t.Context(), b, ps, now))
	require.NoError(t, w.e.ProposeBundle(t.Context(), b, ps, now), "twice is once")
	assert.ErrorIs(t, w.e.ProposeBundle(t.Context(), disclosure.Bundle{ID: "b", Revision: 4, Legs: b.Legs}, ps, now), disclosure.ErrStale)

	assert.Equal(t, before, w.status("a", disclosure.Supply, 3*time.Hour))
	assert.Equal(t, disclosure.ChoiceNone, w.status("a", disclosure.Demand, 3*time.Hour).Own.Choice)
	assert.True(t, w.state("d").Deadline.Equal(w.state("a").Deadline), "the earliest is everybody's")
	_, err := w.e.Do(t.Context(), old)
	assert.ErrorIs(t, err, disclosure.ErrStale, "a consent to another whole")

	w.both("d", disclosure.OptIn, 3*time.Hour)
	require.NoError(t, w.do("a", disclosure.Demand, disclosure.OptIn, 3*time.Hour))
	assert.Equal(t, same(disclosure.Summarised, 3), w.phases("a", "b", "d"))
	require.NoError(t, w.do("b", disclosure.Demand, disclosure.OptIn, 3*time.Hour))
	assert.Equal(t, same(disclosure.Revealed, 3), w.phases("a", "b", "d"))
	assert.Equal(t, disclosure.Closed, w.state("c").Phase)
}

// TestALegSeesNothingOfAnother: whatever happens in one leg before the reveal,
// the status of either side of another, and what it may do, stay the same.
func TestALegSeesNothingOfAnother(t *testing.T) {
	type seen struct {
		status [2]disclosure.Status
		errs   []string
	}
	look := func(moves ...disclosure.Kind) seen {
		w := newTrade(t, "a", "b")
		for _, k := range moves {
			require.NoError(t, w.do("b", disclosure.Supply, k, time.Minute))
		}
		var s seen
		w.n = 100
		for _, k := range disclosure.Kinds() {
			for side := range disclosure.Side(2) {
				if k == disclosure.Abort || k == disclosure.Withdraw {
					continue
				}
				r, err := w.e.Do(t.Context(), w.command("a", side, k, time.Hour))
				s.errs = append(s.errs, fmt.Sprint(k, side, err, r))
				s.status[side] = w.status("a", side, time.Hour)
			}
		}
		return s
	}
	want := look()
	assert.Equal(t, want, look(disclosure.OptIn))
	assert.Equal(t, want, look(disclosure.OptOut))
	assert.Equal(t, want, look(disclosure.Withdraw))
	assert.Equal(t, want, look(disclosure.Deny))
	assert.Equal(t, want, look(disclosure.OptIn, disclosure.RevokeAuth))
}

// TestBundleOfManyEngines: engines over one log, each leg's parties at another,
// neither wait for each other for ever nor reveal a part.
func TestBundleOfManyEngines(t *testing.T) {
	ids := []string{"a", "b", "c"}
	for range 20 {
		w := newTrade(t, ids...)
		var wg sync.WaitGroup
		for i, id := range ids {
			for side := range disclosure.Side(2) {
				e := w.e
				if i > 0 {
					e = newEngine(t, w.log, w.r, w.res)
				}
				c := w.command(id, side, disclosure.OptIn, 0)
				wg.Go(func() {
					for {
						if _, err := e.Do(t.Context(), c); err == nil {
							return
						}
					}
				})
			}
		}
		wg.Wait()
		w.e.Reset()
		assert.Equal(t, same(disclosure.Revealed, 3), w.phases(ids...))
		checkBatches(t, w.log, ids)
	}
}

// TestOnlyAWholeBundleIsReady: a leg that is not known, one of another revision,
// legs in another order and a bundle without one of its legs keep all shut,
// whatever was consented to.
func TestOnlyAWholeBundleIsReady(t *testing.T) {
	w := newTrade(t, "a", "b")
	w.both("a", disclosure.OptIn, 0)
	require.NoError(t, w.do("b", disclosure.Demand, disclosure.OptIn, 0))
	last := w.command("b", disclosure.Supply, disclosure.OptIn, 0)
	yes := disclosure.Verdict{Allowed: true, Satisfied: true, Auto: true}
	env := disclosure.Env{Now: t0, Hold: disclosure.HoldGranted, Verdicts: [2]disclosure.Verdict{yes, yes}}
	reveals := func(change func(legs []disclosure.Leg) []disclosure.Leg) bool {
		t.Helper()
		legs := change([]disclosure.Leg{{State: w.state("a"), Env: env}, {State: w.state("b"), Env: env}})
		at := slices.IndexFunc(legs, func(l disclosure.Leg) bool { return l.State.ID() == "b" })
		events, err := disclosure.Together(legs, at, last)
		require.NoError(t, err)
		require.NotEmpty(t, events[at], "the opt-in itself is accepted")
		n := 0
		for _, evs := range events {
			n += count(slices.ContainsFunc(evs, func(e disclosure.Event) bool { return e.Type == disclosure.IdentitiesRevealed }))
		}
		require.Contains(t, []int{0, 2}, n)
		return n > 0
	}
	assert.True(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { return l }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { l[0].State = disclosure.State{}; return l }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { return l[1:] }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { return append(l, l[0]) }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { slices.Reverse(l); return l }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg {
		b := *l[0].State.Bundle
		b.Revision++
		l[0].State.Bundle = &b
		return l
	}), "one leg has moved on, with all its consents")
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg { l[0].Env.Hold = disclosure.HoldRefused; return l }))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg {
		l[0].Env.Verdicts[disclosure.Demand] = disclosure.Verdict{Allowed: true}
		return l
	}))
	assert.False(t, reveals(func(l []disclosure.Leg) []disclosure.Leg {
		l[0].State.Sides[disclosure.Supply].Expires = t0
		return l
	}), "one leg's opt-in has lapsed")

	alone, err := disclosure.Decide(w.state("b"), last, env)
	require.NoError(t, err)
	assert.Equal(t, disclosure.ChoiceSealed, alone[0].Type)
	assert.False(t, slices.ContainsFunc(alone, func(e disclosure.Event) bool { return e.Type == disclosure.IdentitiesRevealed }), "a leg by itself waits")
}

// TestBundleHistories: whatever parties do at three engines at once, after every
// batch of the log the legs stand together.
func TestBundleHistories(t *testing.T) {
	ids := []string{"a", "b", "c"}
	kinds := []disclosure.Kind{disclosure.OptIn, disclosure.OptIn, disclosure.OptIn, disclosure.AcceptTerms, disclosure.AcceptTerms,
		disclosure.OptOut, disclosure.Withdraw, disclosure.RevokeAuth, disclosure.View, disclosure.Expire}
	n := 100
	if testing.Short() {
		n = 10
	}
	var revealed, engaged, ended int
	for seed := range n {
		w := newTrade(t, ids...)
		var wg sync.WaitGroup
		for worker := range 3 {
			e := newEngine(t, w.log, w.r, w.res)
			rng := rand.New(rand.NewPCG(uint64(seed), uint64(worker)))
			wg.Go(func() {
				for i := range 40 {
					id, side, kind := ids[rng.IntN(3)], disclosure.Side(rng.IntN(2)), kinds[rng.IntN(len(kinds))]
					s, err := e.State(t.Context(), disclosure.SessionID(id))
					if err != nil {
						continue
					}
					if willing := rng.IntN(8) > 0; willing && s.Phase == disclosure.Revealed {
						kind = disclosure.AcceptTerms
					} else if willing {
						kind = disclosure.OptIn
					}
					c := command(fmt.Sprint(worker, "/", i), side, kind, s.Proposal.At)
					c.Session, c.Actor, c.Bind = s.ID(), [2]string{"seller-" + id, "buyer"}[side], s.Binding(side)
					_, _ = e.Do(t.Context(), c)
				}
			})
		}
		wg.Wait()
		states := map[string]disclosure.State{}
		for _, batch := range w.log.Batches() {
			for _, r := range batch {
				if ev, err := disclosure.DecodeEvent(r); err == nil {
					states[r.Stream] = disclosure.Evolve(states[r.Stream], ev)
				}
			}
			r, g, now := 0, 0, 0
			for _, s := range states {
				r, g, now = r+count(!s.RevealedAt.IsZero()), g+count(!s.EngagedAt.IsZero()), now+count(s.Phase == disclosure.Revealed)
			}
			for what, x := range map[string]int{"revealed": r, "engaged": g, "between": now} {
				require.Contains(t, []int{0, 3}, x, "%s, seed %d", what, seed)
			}
		}
		for _, s := range states {
			revealed, engaged, ended = revealed+count(!s.RevealedAt.IsZero()), engaged+count(!s.EngagedAt.IsZero()), ended+count(s.Phase == disclosure.Closed && s.EngagedAt.IsZero())
		}
	}
	t.Logf("of %d legs %d were revealed, %d engaged and %d ended before", 3*n, revealed, engaged, ended)
	assert.Positive(t, revealed)
	if !testing.Short() { // enough of them to meet every turn
		assert.Positive(t, engaged)
		assert.Positive(t, ended)
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// checkBatches checks that a reveal and an end of it are in every leg's stream
// within one batch.
func checkBatches(t testing.TB, log *disclosuretest.Log, ids []string) {
	t.Helper()
	for _, batch := range log.Batches() {
		n := map[string]int{}
		for _, r := range batch {
			n[r.Type]++
		}
		for _, typ := range []string{"IdentitiesRevealed", "EngagementAgreed", "hold.provisional", "hold.firmed"} {
			assert.Contains(t, []int{0, len(ids)}, n[typ], typ)
		}
	}
}

// TestBundleSurvivesFaults: whichever append fails, and however, nothing is
// revealed in part, and whoever asks again gets there.
func TestBundleSurvivesFaults(t *testing.T) {
	ids := []string{"a", "b"}
	for _, fault := range []disclosuretest.Fault{disclosuretest.Fail, disclosuretest.Conflict, disclosuretest.Lost, disclosuretest.Landed} {
		for at := 1; at <= 9; at++ {
			w := &trade{t: t, log: newLog(), r: &rules{auto: [2]bool{true, true}}, res: &shelves{gone: map[string]bool{}}}
			w.log.Inject = func(n int) disclosuretest.Fault {
				if n == at {
					return fault
				}
				return disclosuretest.None
			}
			w.e = newEngine(t, w.log, w.r, w.res)
			b, ps := legsOf(ids...)
			again := func(f func() error) {
				if f() != nil {
					w.e = newEngine(t, w.log, w.r, w.res) // and the engine crashed
					require.NoError(t, f())
				}
				checkBatches(t, w.log, ids)
			}
			again(func() error { return w.e.ProposeBundle(t.Context(), b, ps, t0) })
			for _, kind := range []disclosure.Kind{disclosure.OptIn, disclosure.AcceptTerms} {
				for _, id := range ids {
					for side := range disclosure.Side(2) {
						c := w.command(id, side, kind, 0)
						again(func() error { _, err := w.e.Do(t.Context(), c); return err })
					}
				}
			}
			w.e.Reset()
			assert.Equal(t, same(disclosure.Engaged, 2), w.phases(ids...))
		}
	}
}

func TestProposeBundleRefuses(t *testing.T) {
	e := newEngine(t, newLog(), &rules{}, &shelves{})
	b, ps := legsOf("a", "b")
	refuse := func(want error, b disclosure.Bundle, ps []disclosure.Proposal) {
		t.Helper()
		assert.ErrorIs(t, e.ProposeBundle(t.Context(), b, ps, t0), want)
	}
	refuse(disclosure.ErrInvalid, disclosure.Bundle{Revision: 1, Legs: b.Legs}, ps)
	refuse(disclosure.ErrInvalid, disclosure.Bundle{ID: "b", Legs: b.Legs}, ps)
	refuse(disclosure.ErrInvalid, disclosure.Bundle{ID: "b", Revision: 1, Legs: b.Legs[:1]}, ps[:1])
	refuse(disclosure.ErrInvalid, disclosure.Bundle{ID: "b", Revision: 1, Legs: []disclosure.SessionID{"a", "a"}}, ps)
	refuse(disclosure.ErrNotFound, b, ps[:1])
	refuse(disclosure.ErrStale, disclosure.Bundle{ID: "b", Revision: 2, Legs: b.Legs}, ps)
	other := slices.Clone(ps)
	other[1].Parties[disclosure.Demand].Firm = "somebody else"
	refuse(disclosure.ErrInvalid, b, other)
	other = slices.Clone(ps)
	other[1].Slot = time.Minute
	refuse(disclosure.ErrInvalid, b, other)
	p := leg("x")
	p.Bundle = &b
	assert.ErrorIs(t, e.Propose(t.Context(), p), disclosure.ErrInvalid)
	require.NoError(t, e.ProposeBundle(t.Context(), b, ps, t0))
	other = slices.Clone(ps)
	other[0].ID = "another"
	refuse(disclosure.ErrConflict, b, other)
}
