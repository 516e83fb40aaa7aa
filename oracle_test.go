package csss_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
)

// This file compares, byte by byte, what one side reads when different things
// happen on the other (A6): types, errors, shapes, words. Handles, ids,
// digests over a nonce and times are masked; durations are not measured.

// setback is something that happens on the shop's side.
type setback struct {
	name string
	cfg  csss.Config
	do   func(d *deal) error
}

// failed drops the receipt of a command.
func failed(_ csss.Receipt, err error) error { return err }

// shopRules publishes version 8 of the shop's rules.
func (d *deal) shopRules(old, with string) error {
	text := strings.ReplaceAll(string(d.policyOf(d.s.Vance.Firm)), "version: 7", "version: 8")
	if !strings.Contains(text, old) {
		return errors.New("the rules read otherwise")
	}
	return d.setPolicy(d.s.Vance.Firm, []byte(strings.ReplaceAll(text, old, with)))
}

func setbacks() []setback {
	return []setback{
		{"no match", csss.Config{}, func(d *deal) error {
			return failed(d.x.Withdraw(background, d.s.Vance.At(d.at), d.s.Offer))
		}},
		{"policy denial", csss.Config{}, func(d *deal) error {
			return d.shopRules("categories: [machine.capacity.shift2]", "categories: [space.storage]")
		}},
		{"exhausted quota", csss.Config{}, func(d *deal) error {
			return failed(d.x.ReportUsage(background, d.s.Vance.At(d.at), "", "machine.capacity.shift2", "2026-W37", 400*match.Hour))
		}},
		{"the certificate is gone", csss.Config{}, func(d *deal) error {
			return failed(d.x.RevokeCredential(background, csss.By{At: d.at}, d.s.Offer, "AS9100D"))
		}},
		{"the price has risen", csss.Config{}, func(d *deal) error {
			o := d.s.Capable
			o.Floor = match.NewBound(15500)
			return failed(d.x.Revise(background, d.s.Vance.At(d.at), o))
		}},
	}
}

// The causes of an empty answer cannot be told apart: nothing fits, the other
// firm's rules deny, its quota is used up, its hours are sold, the budget of
// contacts is spent, the owner of a rare offer keeps silent (first class).
func TestNoMatchHasOneShape(t *testing.T) {
	t.Parallel()
	nothing := func(*deal) error { return nil }
	causes := append(setbacks(),
		setback{"the hours are sold", csss.Config{}, func(d *deal) error { return d.sellTheRest(340) }},
		setback{"spent budget", csss.Config{Budget: 1}, nothing},
		setback{"a silent owner of a rare offer", csss.Config{K: 50, KPeople: 50}, nothing},
	)
	var first string
	for _, cause := range causes {
		d := newDeal(t, cause.cfg)
		d.must(d.loading()...)
		d.must(d.meeting()[0])
		_, _ = d.take(d.meeting()[1]) // a first need, which spends a budget of one
		require.NoError(t, cause.do(d), cause.name)
		d.at = d.s.Registered().Add(time.Hour)
		text := d.asksAgain(cause.name)
		if first == "" {
			first = text
		}
		same(t, first, text, "%q against %q", cause.name, causes[0].name)
	}
}

// asksAgain registers the need once more under another id and returns all that
// the integrator is given.
func (d *deal) asksAgain(cause string) string {
	d.Helper()
	need := d.s.Need
	need.ID = "need-again"
	by := d.s.Requester.At(d.at)
	by.ID = "again"
	r, err := d.x.Register(background, by, need)
	require.NoError(d, err)
	var text strings.Builder
	text.WriteString(masked(r, err))
	by.ID = "match again"
	for range 2 { // the same command gives the same answer
		m, err := d.x.Match(background, by, need.ID)
		require.NoError(d, err)
		require.Empty(d, m.Candidates, cause)
		text.WriteString(masked(m, err))
	}
	m, err := d.x.Candidates(by, need.ID)
	text.WriteString(masked(m, err))
	_, err = d.x.Select(background, d.s.Requester.At(d.at), disclosure.HandleOf("guessed", disclosure.Supply))
	text.WriteString(masked(err))
	for _, who := range []world.Who{d.s.Requester, d.s.Director} {
		tasks, err := d.x.Inbox(background, who.At(d.at))
		text.WriteString(masked(tasks, err))
	}
	return text.String()
}

// A candidate that can no longer be selected is just that, whatever happened.
func TestUnavailableHasOneShape(t *testing.T) {
	t.Parallel()
	causes := append(setbacks(),
		setback{"the publisher leaves", csss.Config{}, func(d *deal) error {
			return failed(d.x.Leave(background, d.s.Owner.At(d.at), d.s.Vance.Person))
		}},
		setback{"revised", csss.Config{}, func(d *deal) error {
			return failed(d.x.Revise(background, d.s.Vance.At(d.at), d.s.Capable))
		}},
	)
	var first string
	for _, cause := range causes {
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()[:2]...)
		require.NoError(t, cause.do(d), cause.name)
		size := d.x.Size()
		r, err := d.x.Select(background, d.s.Requester.At(d.at), d.demand)
		require.ErrorIs(t, err, csss.ErrUnavailable, cause.name)
		require.Equal(t, size, d.x.Size())
		text := masked(r, err)
		m, err := d.x.Candidates(d.s.Requester.At(d.at), d.s.Need.ID)
		text += masked(m, err)
		if first == "" {
			first = text
		}
		same(t, first, text, "%q against %q", cause.name, causes[0].name)
	}
}

// half is one side of a deal, for what holds on both.
type half struct {
	handle   func(d *deal) disclosure.Handle
	party    world.Who
	approver world.Who
	told     func(d *deal) string
	in, yes  int // its opt-in and its approval among the deal's consents
}

func halves() [2]half {
	s := world.K3Story2()
	return [2]half{
		disclosure.Supply: {func(d *deal) disclosure.Handle { return d.supply }, s.Vance, s.Owner, (*deal).supplyTold, 2, 3},
		disclosure.Demand: {func(d *deal) disclosure.Handle { return d.demand }, s.Requester, s.Director, (*deal).demandTold, 0, 1},
	}
}

// answer is one way of not saying yes.
type answer struct {
	name string
	do   func(d *deal, h half) error
}

func answers() []answer {
	in := func(d *deal, h half) error { return failed(d.take(d.consents()[h.in])) }
	yes := func(d *deal, h half) error { return failed(d.take(d.consents()[h.yes])) }
	out := func(d *deal, h half) error { return failed(d.x.OptOut(background, h.party.At(d.at), h.handle(d))) }
	refuse := func(d *deal, h half) error {
		return failed(d.x.Refuse(background, h.approver.At(d.at), h.handle(d), "not this quarter"))
	}
	revoke := func(d *deal, h half) error {
		return failed(d.x.Revoke(background, h.approver.At(d.at), h.handle(d), "not this quarter"))
	}
	look := func(d *deal, h half) error {
		_, err := d.x.View(background, h.party.At(d.at), h.handle(d), disclosure.StageSummary)
		return err
	}
	both := func(a, b func(*deal, half) error) func(*deal, half) error {
		return func(d *deal, h half) error { return errors.Join(a(d, h), b(d, h)) }
	}
	return []answer{
		{"silence", func(*deal, half) error { return nil }},
		{"opt-out", out}, {"denial", refuse}, {"a look", look}, {"opt-in alone", in}, {"approval alone", yes},
		{"opt-in and opt-out", both(in, out)}, {"opt-in and denial", both(in, refuse)}, {"approval and revocation", both(yes, revoke)},
	}
}

// watch follows a session with the eyes of one side.
type watch struct {
	*deal
	half
	begin time.Time
	text  string
}

// watching opens a session off the publication slots.
func watching(t *testing.T, cfg csss.Config, h half) *watch {
	t.Helper()
	d := newDeal(t, cfg)
	d.must(d.loading()...)
	d.at = d.at.Add(17 * time.Minute)
	d.must(d.meeting()...)
	return &watch{deal: d, half: h, begin: d.at}
}

// look reads everything that the side can read at these times.
func (w *watch) look(after ...time.Duration) {
	w.Helper()
	for _, a := range after {
		w.at = w.begin.Add(a)
		_, err := w.x.Tick(background, w.at)
		require.NoError(w, err)
		w.text += w.half.told(w.deal)
	}
}

// try gives every command that the side has, and keeps the answers.
func (w *watch) try(round string) {
	w.Helper()
	by := func(who world.Who, id string) csss.By {
		return csss.By{Firm: who.Firm, Person: who.Person, ID: id + round, At: w.at}
	}
	h := w.handle(w.deal)
	say := func(r csss.Receipt, err error) { w.text += masked(r, err) }
	say(w.x.Revive(background, by(w.party, "revive"), h))
	say(w.x.OptIn(background, by(w.party, "in"), h))
	say(w.x.Approve(background, by(w.approver, "yes"), h, ""))
	say(w.x.Start(background, by(w.party, "start"), h))
	say(w.x.AcceptTerms(background, by(w.party, "terms"), h, disclosure.DigestOf(nil)))
	say(w.x.Rate(background, by(w.party, "rate"), h, disclosure.Rating{Stars: 5}))
	_, err := w.x.View(background, by(w.party, "view"), h, disclosure.StageEngagement)
	w.text += masked(err)
}

func (w *watch) phase() disclosure.Phase {
	w.Helper()
	s, err := w.x.Status(background, w.party.At(w.at), w.handle(w.deal))
	require.NoError(w, err)
	return s.Phase
}

// Before the reveal whatever the other side answers reads as silence. At the
// deadline the session is stale, and reviving it is answered alike (second
// class).
func TestEveryRefusalReadsAsSilence(t *testing.T) {
	t.Parallel()
	for side, watcher := range halves() {
		other := halves()[1-side]
		var first string
		for i, answer := range answers() {
			if testing.Short() && i%3 != 0 {
				continue
			}
			w := watching(t, csss.Config{}, watcher)
			w.must(w.consents()[watcher.in], w.consents()[watcher.yes])
			w.at = w.begin.Add(time.Hour)
			require.NoError(t, answer.do(w.deal, other), answer.name)
			w.look(time.Hour, 12*time.Hour, 24*time.Hour-time.Second, 24*time.Hour, 25*time.Hour)
			require.Equal(t, disclosure.Stale, w.phase(), answer.name)
			w.try(" when stale")
			w.look(25*time.Hour+time.Second, 26*time.Hour)
			require.Equal(t, disclosure.Summarised, w.phase(), "%s: revived", answer.name)
			w.try(" when revived")
			w.look(49*time.Hour, 51*time.Hour)
			w.try(" when stale again")
			w.look(52*time.Hour, 31*24*time.Hour)
			require.Equal(t, disclosure.Closed, w.phase(), answer.name)
			w.try(" when closed")
			if first == "" {
				first = w.text
			}
			same(t, first, w.text, "%v reads %q", disclosure.Side(side), answer.name)
		}
	}
}

// A session that the other side leaves, that its changed rules end, or that
// expires is closed at a publication slot, and that is all one can read (third
// class). A withdrawal is compared with an abort at the same time, and with an
// expiry at the same time.
func TestEveryCloseReadsAlike(t *testing.T) {
	t.Parallel()
	for side, watcher := range halves() {
		other := halves()[1-side]
		nothing := func(*deal) error { return nil }
		leave := func(d *deal) error {
			return failed(d.x.WithdrawFrom(background, other.party.At(d.at), other.handle(d), "sold elsewhere"))
		}
		rules := func(d *deal) error {
			if disclosure.Side(side) == disclosure.Demand {
				return d.shopRules("categories: [machine.capacity.shift2]", "categories: [space.storage]")
			}
			return d.setPolicy(other.party.Firm, withdrawn(d.policyOf(other.party.Firm), "8", "demand.machining"))
		}
		closed := map[string]bool{} // the closed session itself
		for _, pair := range [][2]struct {
			name         string
			early, stale func(d *deal) error
		}{
			{{"withdrawal", leave, nothing}, {"abort", rules, nothing}},
			{{"withdrawal when stale", nothing, leave}, {"expiry", nothing, nothing}},
		} {
			var texts [2]string
			for i, c := range pair {
				w := watching(t, csss.Config{Deadline: 24 * time.Hour, Expiry: 25 * time.Hour}, watcher)
				w.must(w.consents()[watcher.yes])
				w.look(30 * time.Minute)
				require.NoError(t, c.early(w.deal), c.name)
				w.look(31 * time.Minute)
				w.must(w.consents()[watcher.in]) // the step at which changed rules are noticed
				w.look(32 * time.Minute)
				require.Equal(t, disclosure.Summarised, w.phase(), "%s: not before the slot", c.name)
				w.look(time.Hour, 24*time.Hour+44*time.Minute)
				require.NoError(t, c.stale(w.deal), c.name)
				w.look(25*time.Hour, 26*time.Hour)
				require.Equal(t, disclosure.Closed, w.phase(), c.name)
				w.try("")
				texts[i] = w.text
				s, err := w.x.Status(background, w.party.At(w.at), w.handle(w.deal))
				require.NoError(t, err)
				closed[masked(s)] = true
			}
			same(t, texts[0], texts[1], "%v reads %q and %q", disclosure.Side(side), pair[1].name, pair[0].name)
		}
		require.Len(t, closed, 1, "a closed session reads alike, however it came to be")
	}
}

// What a side reads bears the time of its own step, never that of the market's
// latest, which would tell when the other side moved.
func TestCandidatesKeepTheirOwnTime(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()[0])
	by := d.s.Requester.At(d.at)
	m, err := d.x.Match(background, by, d.s.Need.ID)
	require.NoError(t, err)
	d.demand = m.Candidates[0].Handle
	d.must(d.meeting()[2])
	d.at = d.at.Add(time.Hour)
	d.must(d.consents()[2])
	later, err := d.x.Candidates(by, d.s.Need.ID)
	require.NoError(t, err)
	require.Equal(t, m, later)
}
