package csss_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
	"github.com/deeperpoint/csss/match"
	"github.com/deeperpoint/csss/policy"
)

// standing pre-approves the shop's release of the second shift, up to the
// hours of a quota.
func (d *deal) standing() policy.Grant {
	return policy.Grant{ID: "standing", Role: "operations_director", May: []string{"reveal", "engage"}, Categories: []string{"machine.capacity"},
		Bounds:     []policy.Bound{{Attr: "price.rate", Op: policy.AtLeast, Value: 9500}, {Attr: "request.total", Op: policy.AtMost, Value: int64(60 * time.Hour)}},
		Discharges: []string{"shift2-release"}, Depth: 1, Until: d.at.AddDate(0, 2, 0), AtExpiry: "end"}
}

func (d *deal) issue(g policy.Grant) error {
	_, err := d.x.IssueGrant(background, d.s.Owner.At(d.at), g)
	return err
}

func (d *deal) revoke(w world.Who, id string) error {
	_, err := d.x.RevokeGrant(background, w.At(d.at), id)
	return err
}

// A grant that discharges an approval skips it inside its bounds, and no
// longer once it was taken back.
func TestIssuedGrantSkipsAnApproval(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(d *deal)
		want disclosure.Phase
	}{
		"inside its bounds": {func(d *deal) { require.NoError(d, d.issue(d.standing())) }, disclosure.Revealed},
		"without a grant":   {func(*deal) {}, disclosure.Summarised},
		"fewer hours": {func(d *deal) {
			g := d.standing()
			g.Bounds[1].Value = int64(40 * time.Hour)
			require.NoError(d, d.issue(g))
		}, disclosure.Summarised},
		"another category": {func(d *deal) {
			g := d.standing()
			g.Categories = []string{"machine.capacity.shift1"}
			require.NoError(d, d.issue(g))
		}, disclosure.Summarised},
		"not yet": {func(d *deal) {
			g := d.standing()
			g.From = d.at.Add(time.Hour)
			require.NoError(d, d.issue(g))
		}, disclosure.Summarised},
		"it discharges nothing": {func(d *deal) {
			g := d.standing()
			g.Discharges = nil
			require.NoError(d, d.issue(g))
		}, disclosure.Summarised},
		"taken back": {func(d *deal) {
			require.NoError(d, d.issue(d.standing()))
			assert.ErrorIs(d, d.revoke(d.s.ShiftLead, "standing"), csss.ErrNotYours)
			assert.ErrorIs(d, d.revoke(d.s.Requester, "standing"), csss.ErrNotFound)
			require.NoError(d, d.revoke(d.s.Vance, "standing"))
			assert.ErrorIs(d, d.revoke(d.s.Vance, "standing"), csss.ErrNotFound)
			assert.ErrorIs(d, d.issue(d.standing()), csss.ErrExists)
		}, disclosure.Summarised},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			cfg := csss.Config{Dir: t.TempDir()}
			d := shopWith(t, cfg)
			c.do(d)
			d.almost()
			assert.Equal(t, c.want, d.phase())
			d.replays(cfg)
			assert.Equal(t, c.want, d.phase())
			if c.want == disclosure.Summarised {
				require.NoError(t, d.shopApproves(d.s.Owner), "the approval stands as before")
			}
		})
	}
}

// A grant that was given while the session waits counts at once; taking it
// back before the last consent undoes that.
func TestGrantsCountInASessionThatIsOpen(t *testing.T) {
	d := shopWith(t, csss.Config{})
	d.must(d.meeting()...)
	d.must(d.consents()[:2]...)
	require.Len(t, d.asked(d.s.Owner), 1)
	require.NoError(t, d.issue(d.standing()))
	assert.Empty(t, d.asked(d.s.Owner), "nobody waits for the owner now")
	require.NoError(t, d.revoke(d.s.Owner, "standing"))
	require.Len(t, d.asked(d.s.Owner), 1)
	d.must(d.consents()[2])
	assert.Equal(t, disclosure.Summarised, d.phase())
}

// A grant of the rules that is taken back lets nobody publish; an engagement
// under one that ends what runs under it ends at the next tick.
func TestRevokedGrantOfTheRules(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	d := shopWith(t, cfg, "may: [publish,", "may: [publish, engage,", "depth: 0,", "depth: 0, at_expiry: end,")
	d.almost()
	require.NoError(t, d.shopApproves(d.s.Owner))
	d.must(d.acceptances()...)
	_, err := d.x.Tick(background, d.at)
	require.NoError(t, err)
	require.Equal(t, disclosure.Engaged, d.phase())
	o, err := d.x.Offer(d.s.Vance.At(d.at), d.s.Offer)
	require.NoError(t, err)
	require.NoError(t, d.revoke(d.s.Owner, "ops-second-shift"))
	_, err = d.x.Revise(background, d.s.Vance.At(d.at), o)
	var denied *csss.DeniedError
	require.ErrorAs(t, err, &denied)
	assert.Contains(t, denied.Error(), "is revoked")
	d.at = d.at.Add(time.Hour)
	_, err = d.x.Tick(background, d.at)
	require.NoError(t, err)
	assert.Equal(t, disclosure.Closed, d.phase())
	d.replays(cfg)
}

// The hours of an issued grant are used up by what was engaged under it.
func TestEngagementsUseUpAGrant(t *testing.T) {
	d := shopWith(t, csss.Config{Window: time.Hour, Budgets: csss.Budgets{CoolDown: time.Hour}}, "\ngrants:", "\n  - {id: standing-total, per: total, unit: duration, max: 80h, key: [resource.category]}\ngrants:")
	g := d.standing()
	g.Quotas = []string{"standing-total"}
	require.NoError(t, d.issue(g))
	d.almost()
	require.Equal(t, disclosure.Revealed, d.phase())
	d.must(d.acceptances()...)
	require.Equal(t, disclosure.Engaged, d.phase())

	ask := func(id string, hours match.Amount) (demand, supply disclosure.Handle) {
		n := d.s.Partial
		n.ID, n.Quantity.Value, n.Partial = id, hours, false
		_, err := d.x.Register(background, d.s.Buyer.At(d.at), n)
		require.NoError(t, err)
		m, err := d.x.Match(background, d.s.Buyer.At(d.at), id)
		require.NoError(t, err)
		require.Len(t, m.Candidates, 1)
		_, err = d.x.Select(background, d.s.Buyer.At(d.at), m.Candidates[0].Handle)
		require.NoError(t, err)
		tasks, err := d.x.Inbox(background, d.s.Vance.At(d.at))
		require.NoError(t, err)
		for _, task := range tasks {
			if task.Kind == csss.Invitation {
				supply = task.Handle
			}
		}
		return m.Candidates[0].Handle, supply
	}
	demand, _ := ask("forty", 40*match.Hour)
	require.Len(t, d.asked(d.s.Owner), 1, "30 h of the grant are left, 40 h need the approval")
	_, err := d.x.WithdrawFrom(background, d.s.Buyer.At(d.at), demand, "")
	require.NoError(t, err)
	d.at = d.at.Add(2 * time.Hour)
	_, err = d.x.Tick(background, d.at)
	require.NoError(t, err)
	_, _ = ask("thirty", 28*match.Hour)
	assert.Empty(t, d.asked(d.s.Owner), "28 h do not")
}

// A link lets its holder act as far as it reaches, and goes with what it hangs
// on.
func TestGrantIsHandedOn(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	d := shopWith(t, cfg, "depth: 0,", "depth: 1,")
	o, err := d.x.Offer(d.s.Vance.At(d.at), d.s.Offer)
	require.NoError(t, err)
	publish := func() error {
		_, err := d.x.Revise(background, d.s.ShiftLead.At(d.at), o)
		return err
	}
	require.ErrorIs(t, publish(), csss.ErrDenied)
	hand := func(w world.Who, parent string, g policy.Grant) error {
		_, err := d.x.HandOnGrant(background, w.At(d.at), parent, g)
		return err
	}
	link := policy.Grant{ID: "lead", Person: d.s.ShiftLead.Person, May: []string{"publish"}, Bounds: []policy.Bound{{Attr: "price.rate", Op: policy.AtLeast, Value: 9600}}}
	var input *csss.InputError
	require.ErrorAs(t, hand(d.s.Owner, "ops-second-shift", link), &input, "the owner does not hold it")
	assert.Equal(t, "grant.parent", input.Field)
	require.NoError(t, hand(d.s.Vance, "ops-second-shift", link))
	require.ErrorIs(t, publish(), csss.ErrDenied, "the link asks for more than 9500")
	o.Floor = match.NewBound(9700)
	require.NoError(t, publish())
	seat := policy.Grant{ID: "seat", Person: d.s.ShiftLead.Person, May: []string{"approve:shift2-release"}}
	require.NoError(t, hand(d.s.Vance, "ops-second-shift", seat))
	d.replays(cfg)

	_, err = d.x.Revise(background, d.s.Vance.At(d.at), o)
	require.NoError(t, err)
	d.almost()
	tasks := d.asked(d.s.ShiftLead)
	require.Len(t, tasks, 1)
	assert.Equal(t, "seat", tasks[0].Under)
	require.NoError(t, d.revoke(d.s.Vance, "seat"))
	assert.ErrorIs(t, d.shopApproves(d.s.ShiftLead), csss.ErrNotYours)
	seat.ID = "seat-again"
	require.NoError(t, hand(d.s.Vance, "ops-second-shift", seat))
	require.NoError(t, d.shopApproves(d.s.ShiftLead))
	assert.Equal(t, disclosure.Revealed, d.phase())
	require.NoError(t, d.revoke(d.s.Owner, "ops-second-shift"))
	require.ErrorIs(t, publish(), csss.ErrDenied)
	d.replays(cfg)
}

// A search decides by grants that were issued and taken back as by those of the
// rules.
func TestSearchKnowsGrants(t *testing.T) {
	d := shopWith(t, csss.Config{}, "quotas: [shift2-total], approval: auto}", "quotas: [shift2-total], authority: grant, approval: auto}",
		"may: [publish,", "may: [publish, match, summarise,")
	d.must(move{"register", d.s.Requester, func(ctx context.Context, d *deal, by csss.By) (csss.Receipt, error) {
		return d.x.Register(ctx, by, d.s.Need)
	}})
	found := func() int {
		r := d.x.HearPairs(d.at, 1, 1)
		assert.Empty(t, r.Differences)
		return r.Permitted
	}
	all := found()
	require.Positive(t, all)
	require.NoError(t, d.revoke(d.s.Owner, "ops-second-shift"))
	less := found()
	assert.Less(t, less, all)
	g := d.standing()
	g.May, g.Bounds = []string{"match", "summarise"}, nil
	other := g
	other.ID, other.Role, other.Person = "other", "", d.s.ShiftLead.Person
	require.NoError(t, d.issue(other))
	assert.Equal(t, less, found(), "somebody else's grant: the offer is asked about in its publisher's name")
	require.NoError(t, d.issue(g))
	assert.Greater(t, found(), less)
}

func TestGrantsAreChecked(t *testing.T) {
	d := shopWith(t, csss.Config{})
	size := d.x.Size()
	for field, change := range map[string]func(g *policy.Grant){
		"id":             func(g *policy.Grant) { g.ID = "" },
		"role":           func(g *policy.Grant) { g.Person = d.s.ShiftLead.Person },
		"may":            func(g *policy.Grant) { g.May = nil },
		"may[0]":         func(g *policy.Grant) { g.May = []string{"reveals"} },
		"may[1]":         func(g *policy.Grant) { g.May = []string{"reveal", "approve:spend"} },
		"categories":     func(g *policy.Grant) { g.Categories = nil },
		"categories[0]":  func(g *policy.Grant) { g.Categories = []string{"*"} },
		"when":           func(g *policy.Grant) { g.When = "true" },
		"bounds":         func(g *policy.Grant) { g.Bounds[0].Attr = "counterparty.trust" },
		"bounds[0].attr": func(g *policy.Grant) { g.Bounds[0].Attr = "price.currency" },
		"bounds[1].op":   func(g *policy.Grant) { g.Bounds[1].Op = "" },
		"quotas":         func(g *policy.Grant) { g.Quotas = []string{"none"} },
		"discharges[0]":  func(g *policy.Grant) { g.Discharges = []string{"spend"} },
		"depth":          func(g *policy.Grant) { g.Depth = 9 },
		"until":          func(g *policy.Grant) { g.Until = time.Time{} },
		"from":           func(g *policy.Grant) { g.From = g.Until },
		"atExpiry":       func(g *policy.Grant) { g.AtExpiry = "never" },
	} {
		g := d.standing()
		change(&g)
		err := d.issue(g)
		input, ok := errors.AsType[*csss.InputError](err)
		if assert.True(t, ok, "%s: %v", field, err) {
			assert.Equal(t, "grant."+field, input.Field)
		}
	}
	g := d.standing()
	g.ID = "ops-second-shift"
	assert.ErrorIs(t, d.issue(g), csss.ErrExists, "one of the rules")
	g = d.standing()
	g.Role, g.Person = "", d.s.Director.Person
	assert.ErrorIs(t, d.issue(g), csss.ErrNotFound, "another firm's person")
	_, err := d.x.IssueGrant(background, d.s.ShiftLead.At(d.at), d.standing())
	assert.ErrorIs(t, err, csss.ErrNotYours)
	_, err = d.x.IssueGrant(background, csss.By{At: d.at}, d.standing())
	assert.ErrorIs(t, err, csss.ErrNotYours)
	assert.Equal(t, size, d.x.Size())
}
