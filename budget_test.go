package csss_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/match"
)

// payingAnything sets a ceiling under which every seller of the bazaar fits.
func payingAnything(n *match.Need) { n.Ceiling = match.NewBound(95000) }

// otherMachine is what nobody has, as everybody can read.
func otherMachine(n *match.Need) {
	n.Requires = []match.Requirement{{Property: "machine_type", Op: match.AnyOf, Terms: []string{"wire_edm"}}}
}

// fixed keeps a need's time to a month that began at t: whatever else a group asks
// for is answered once.
func fixed(t time.Time, edits ...func(*match.Need)) func(*match.Need) {
	return func(n *match.Need) {
		n.From, n.Until = t, t.AddDate(0, 2, 0)
		for _, edit := range edits {
			if edit != nil {
				edit(n)
			}
		}
	}
}

// spent requires that the buyer is told which budget of its own is spent.
func (b *bazaar) spent(err error, budget string, limit int, again time.Time) {
	b.Helper()
	require.ErrorIs(b, err, csss.ErrBudget)
	e, ok := errors.AsType[*csss.BudgetError](err)
	require.True(b, ok, "%v", err)
	assert.Equal(b, budget, e.Budget)
	assert.Equal(b, limit, e.Limit)
	assert.True(b, again.Equal(e.Again), "again at %v, not %v", e.Again, again)
}

// reopens closes the exchange and opens its ledger again: whatever was counted
// counts still.
func (b *bazaar) reopens(cfg csss.Config) {
	b.Helper()
	b.isFold()
	require.NoError(b, b.x.Close())
	x, err := csss.Open(b.Context(), cfg)
	require.NoError(b, err)
	b.Cleanup(func() { _ = x.Close() })
	b.x = x
}

// Eight questions about an offer are answered in thirty days, and then one
// more; the ninth reads "no match".
func TestBudgetOfContacts(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	b := newBazaar(t, cfg, 1, 0)
	first := b.now
	for i := range 8 {
		b.now = first.Add(time.Duration(i) * time.Hour)
		require.Equal(t, 1, b.asks(fmt.Sprint("need-", i), fixed(first)), "question %d", i+1)
	}
	b.reopens(cfg)
	last := first.Add(30 * 24 * time.Hour)
	b.now = last.Add(-time.Second)
	n, err := b.asksFor("ninth", fixed(first))
	require.NoError(t, err, "it would tell how many offers are behind what is shown")
	none, err := b.asksFor("none", fixed(first, otherMachine))
	require.NoError(t, err)
	n.Receipt, none.Receipt = csss.Receipt{}, csss.Receipt{}
	assert.Equal(t, everyForm(none), everyForm(n), "it reads like no match")
	b.now = last
	assert.Equal(t, 1, b.matches("ninth"), "the first has lapsed")
	b.isFold()
}

// A group asks about so many needs in a week. It is told, because only what it
// did itself is counted: a need counts once, found or not.
func TestBudgetOfNeeds(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir(), Budgets: csss.Budgets{Needs: 3}}
	b := newBazaar(t, cfg, 1, 0)
	first := b.now
	for i := range 3 {
		b.now = first.Add(time.Duration(i) * time.Hour)
		_, err := b.asksFor(fmt.Sprint("need-", i), fixed(first, [](func(*match.Need)){otherMachine, payingAnything, payingAnything}[i]))
		require.NoError(t, err)
	}
	for range 2 {
		before := b.x.Size()
		_, err := b.asksFor(fmt.Sprint("fourth-", before), nil)
		b.spent(err, "needs", 3, first.Add(7*24*time.Hour))
		assert.Equal(t, before+1, b.x.Size(), "the need is registered, and nothing else happened")
		b.reopens(cfg)
	}
	assert.Equal(t, 7, b.matches("need-1"), "one of the three")
	b.now = first.Add(7*24*time.Hour - time.Second)
	_, err := b.asksFor("early", nil)
	b.spent(err, "needs", 3, first.Add(7*24*time.Hour))
	b.now = first.Add(7 * 24 * time.Hour)
	_, err = b.asksFor("in time", nil)
	require.NoError(t, err)
	_, err = b.asksFor("one too many", nil)
	b.spent(err, "needs", 3, first.Add(7*24*time.Hour+2*time.Hour))
	b.isFold()
}

// A group is shown so many candidates a day, then so many fewer, then it is
// told. It is not told how many offers they are: the same one counts again.
func TestBudgetOfSummaries(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir(), Budgets: csss.Budgets{Summaries: 10}}
	b := newBazaar(t, cfg, 1, 0)
	first := b.now
	m, err := b.asksFor("one", fixed(first, payingAnything))
	require.NoError(t, err)
	require.Len(t, m.Candidates, 7)
	b.now = first.Add(time.Hour)
	m, err = b.x.Match(t.Context(), b.as(worker(0, "engineer")), "one")
	require.NoError(t, err)
	assert.Len(t, m.Candidates, 3, "seven of ten are spent")
	b.now = first.Add(24*time.Hour - time.Second)
	_, err = b.asksFor("two", fixed(first, payingAnything))
	b.spent(err, "summaries", 10, first.Add(24*time.Hour))
	b.reopens(cfg)
	_, err = b.x.Match(t.Context(), b.as(worker(0, "engineer")), "two")
	b.spent(err, "summaries", 10, first.Add(24*time.Hour))
	b.now = first.Add(24 * time.Hour)
	m, err = b.x.Match(t.Context(), b.as(worker(0, "engineer")), "two")
	require.NoError(t, err)
	assert.Len(t, m.Candidates, 7, "three of ten are spent")
	b.isFold()
}

// One session about an offer at a time; and after one that was closed, by
// whomever, none for a day. Until then the offer reads like none.
func TestCoolDown(t *testing.T) {
	for _, c := range []struct {
		name   string
		leaves func(b *bazaar) error
	}{
		{"the buyer leaves", func(b *bazaar) error {
			_, err := b.x.WithdrawFrom(b.Context(), b.as(worker(b.buyer, "engineer")), b.demand, "")
			return err
		}},
		{"the seller leaves", func(b *bazaar) error {
			_, err := b.x.WithdrawFrom(b.Context(), b.as(worker(b.shop, "engineer")), b.supply, "")
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := csss.Config{Dir: t.TempDir()}
			b := newBazaar(t, cfg, 1, 0)
			month := fixed(b.now)
			require.Equal(t, 1, b.asks("before", month))
			before := b.demand
			b.now = b.now.Add(20 * time.Minute)
			b.meets(month)
			open := b.demand
			assert.Zero(t, b.asks("meanwhile", month), "a session is open")
			_, err := b.x.Select(t.Context(), b.as(worker(0, "engineer")), before)
			assert.ErrorIs(t, err, csss.ErrUnavailable)

			require.NoError(t, c.leaves(b))
			closes := b.now.Truncate(time.Hour).Add(time.Hour)
			for _, at := range []time.Time{b.now, closes.Add(-time.Second), closes, closes.Add(24*time.Hour - time.Second)} {
				b.now = at
				assert.Zero(t, b.matches("meanwhile"), "%v", at)
				_, err = b.x.Select(t.Context(), b.as(worker(0, "engineer")), before)
				assert.ErrorIs(t, err, csss.ErrUnavailable)
			}
			b.reopens(cfg)
			assert.Zero(t, b.matches("meanwhile"))
			b.now = closes.Add(24 * time.Hour)
			require.Equal(t, 1, b.matches("meanwhile"))
			assert.NotEqual(t, open, b.demand)
			_, err = b.x.Select(t.Context(), b.as(worker(0, "engineer")), b.demand)
			require.NoError(t, err)
			b.isFold()
		})
	}
}

// A choice can be changed so often and no more; leaving is always free.
func TestBudgetOfFlips(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir(), Budgets: csss.Budgets{Flips: 3}}
	b := newBazaar(t, cfg, 1, 0).meets(nil)
	in := func() error {
		_, err := b.x.OptIn(t.Context(), b.as(worker(1, "engineer")), b.supply)
		return err
	}
	out := func() error {
		_, err := b.x.OptOut(t.Context(), b.as(worker(1, "engineer")), b.supply)
		return err
	}
	require.NoError(t, errors.Join(in(), out(), in(), out()), "taking a yes back is free")
	require.ErrorIs(t, in(), csss.ErrBudget)
	b.reopens(cfg)
	require.ErrorIs(t, in(), csss.ErrBudget)
	assert.Equal(t, disclosure.ChoiceOut, b.own(1, b.supply).Choice, "it stands")
	_, err := b.x.OptIn(t.Context(), b.as(worker(0, "engineer")), b.demand)
	require.NoError(t, err, "the other side has choices of its own")
	_, err = b.x.WithdrawFrom(t.Context(), b.as(worker(1, "engineer")), b.supply, "")
	require.NoError(t, err)
	b.isFold()
}

// talk is one session of the bazaar's buyer.
type talk struct {
	shop           int
	demand, supply disclosure.Handle
}

// talks opens sessions with n sellers for a need, and has everybody consent but
// the seller.
func (b *bazaar) talks(need string, n int, edit func(*match.Need)) (out []talk) {
	b.Helper()
	m, err := b.asksFor(need, edit)
	require.NoError(b, err)
	require.GreaterOrEqual(b, len(m.Candidates), n)
	for _, c := range m.Candidates[:n] {
		_, err := b.x.Select(b.Context(), b.as(worker(b.buyer, "engineer")), c.Handle)
		require.NoError(b, err)
		for i := range b.versions {
			if i == b.buyer {
				continue
			}
			for _, task := range b.inbox(worker(i, "engineer"), csss.Invitation) {
				if !b.known[task.Handle] {
					b.known[task.Handle] = true
					out = append(out, talk{i, c.Handle, task.Handle})
				}
			}
		}
		last := out[len(out)-1]
		b.optIn(b.buyer, last.demand)
		b.approves(worker(b.buyer, "boss"), last.demand, "boss")
		b.approves(worker(last.shop, "boss"), last.supply, "boss")
	}
	require.Len(b, out, n)
	return out
}

func (b *bazaar) phases(talks []talk) (out []disclosure.Phase) {
	b.Helper()
	for _, k := range talks {
		b.mates[[2]string{bazaarFirm(b.buyer), bazaarFirm(k.shop)}] = true
		buyer, seller := b.phase(worker(b.buyer, "engineer"), k.demand), b.phase(worker(k.shop, "engineer"), k.supply)
		assert.Equal(b, buyer, seller)
		out = append(out, buyer)
	}
	return out
}

// No more than three reveals of a group wait for their terms at a time, and no
// more than twice what a need asks for is held for it. The next reads like a
// seller who has not answered, to both sides, until there is room again.
func TestBudgetOfHolds(t *testing.T) {
	const revealed, waiting = disclosure.Revealed, disclosure.Summarised
	t.Run("reveals", func(t *testing.T) {
		cfg := csss.Config{Dir: t.TempDir()}
		b := newBazaar(t, cfg, 1, 0)
		all := append(b.talks("one", 2, payingAnything), b.talks("two", 2, payingAnything)...)
		for _, k := range all[:3] {
			b.optIn(k.shop, k.supply)
		}
		require.Equal(t, []disclosure.Phase{revealed, revealed, revealed, waiting}, b.phases(all))
		silent := everyForm(b.status(b.buyer, all[3].demand))
		b.optIn(all[3].shop, all[3].supply)
		require.Equal(t, []disclosure.Phase{revealed, revealed, revealed, waiting}, b.phases(all))
		assert.Equal(t, silent, everyForm(b.status(b.buyer, all[3].demand)), "the buyer cannot tell that its own budget is what is missing")
		b.reopens(cfg)

		_, err := b.x.WithdrawFrom(t.Context(), b.as(worker(0, "engineer")), all[0].demand, "")
		require.NoError(t, err)
		b.optIn(all[3].shop, all[3].supply)
		assert.Equal(t, []disclosure.Phase{disclosure.Closed, revealed, revealed, revealed}, b.phases(all))
		b.isFold()
	})
	t.Run("agreed", func(t *testing.T) {
		b := newBazaar(t, csss.Config{}, 1, 0)
		all := append(b.talks("one", 2, payingAnything), b.talks("two", 2, payingAnything)...)
		for _, k := range all {
			b.optIn(k.shop, k.supply)
		}
		require.Equal(t, []disclosure.Phase{revealed, revealed, revealed, waiting}, b.phases(all))
		s := b.status(b.buyer, all[0].demand)
		for _, side := range []struct {
			who int
			h   disclosure.Handle
		}{{0, all[0].demand}, {all[0].shop, all[0].supply}} {
			_, err := b.x.AcceptTerms(t.Context(), b.as(worker(side.who, "engineer")), side.h, b.terms(all[0].demand))
			require.NoError(t, err)
		}
		require.Equal(t, disclosure.Engaged, b.phases(all)[0], "%v", s.Phase)
		b.optIn(all[3].shop, all[3].supply)
		assert.Equal(t, []disclosure.Phase{disclosure.Engaged, revealed, revealed, revealed}, b.phases(all))
		b.isFold()
	})
	t.Run("hours of a need", func(t *testing.T) {
		b := newBazaar(t, csss.Config{}, 1, 0)
		all := append(b.talks("one", 3, payingAnything), b.talks("two", 1, payingAnything)...)
		for _, k := range all {
			b.optIn(k.shop, k.supply)
		}
		assert.Equal(t, []disclosure.Phase{revealed, revealed, waiting, revealed}, b.phases(all), "20 h, and 20 h; not 20 h more")
		b.isFold()
	})
	t.Run("the hold lapses", func(t *testing.T) {
		b := newBazaar(t, csss.Config{Budgets: csss.Budgets{Holds: 1}}, 1, 0)
		month := fixed(b.now, payingAnything)
		all := b.talks("one", 1, month)
		b.optIn(all[0].shop, all[0].supply)
		revealedAt := b.now
		b.now = revealedAt.Add(60 * time.Hour)
		all = append(all, b.talks("two", 1, month)...)
		b.now = revealedAt.Add(72*time.Hour - time.Second)
		b.optIn(all[1].shop, all[1].supply)
		require.Equal(t, []disclosure.Phase{revealed, waiting}, b.phases(all))
		b.now = revealedAt.Add(72 * time.Hour)
		b.optIn(all[1].shop, all[1].supply)
		assert.Equal(t, []disclosure.Phase{disclosure.Closed, revealed}, b.phases(all), "nobody has ticked meanwhile")
		b.isFold()
	})
}

func (b *bazaar) status(i int, h disclosure.Handle) csss.Status {
	b.Helper()
	s, err := b.x.Status(b.Context(), b.as(worker(i, "engineer")), h)
	require.NoError(b, err)
	return s
}

func (b *bazaar) terms(demand disclosure.Handle) disclosure.Digest {
	b.Helper()
	v, err := b.x.View(b.Context(), b.as(worker(b.buyer, "engineer")), demand, disclosure.StageIdentity)
	require.NoError(b, err)
	return v.Deal.TermsDigest
}

func TestBudgetsAreChecked(t *testing.T) {
	for field, bad := range map[string]csss.Budgets{
		"needs": {Needs: -1}, "summaries": {Summaries: -1}, "cool_down": {CoolDown: -1}, "flips": {Flips: -1}, "holds": {Holds: -1}, "multiple": {Multiple: -1},
	} {
		_, err := csss.Open(t.Context(), csss.Config{Budgets: bad})
		e, ok := errors.AsType[*csss.InputError](err)
		require.True(t, ok, "%s: %v", field, err)
		assert.Equal(t, "config.budgets."+field, e.Field)
	}
}
