package csss_test

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
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

// shopWith loads the second story with the shop's rules changed.
func shopWith(t *testing.T, cfg csss.Config, changes ...string) *deal {
	t.Helper()
	d := newDeal(t, cfg)
	d.must(d.loading()...)
	d.rewrite(d.s.Vance.Firm, changes...)
	return d
}

var versionLine = regexp.MustCompile(`(?m)^version: \d+`)

// rewrite replaces each first text by the second in a firm's rules.
func (d *deal) rewrite(firm string, changes ...string) {
	d.Helper()
	for _, doc := range d.s.Policies {
		if doc.Firm != firm {
			continue
		}
		set, err := d.x.Rules(csss.By{}, firm)
		require.NoError(d, err)
		text := versionLine.ReplaceAll(doc.Text, fmt.Appendf(nil, "version: %d", set.Version(firm)+1))
		for i := 0; i < len(changes); i += 2 {
			require.Contains(d, string(text), changes[i])
			text = bytes.ReplaceAll(text, []byte(changes[i]), []byte(changes[i+1]))
		}
		_, err = d.x.SetPolicy(background, csss.By{At: d.at}, firm, doc.Name, text)
		require.NoError(d, err)
	}
}

// handable lets the shop's approval be handed on twice, and keeps whoever
// published apart from it.
var handable = []string{"need: 1, expires: 72h}", "need: 1, expires: 72h, not: [requester], delegation: {depth: 2}}"}

// away is the owner's word for the shift lead.
func (d *deal) away() csss.HandOver {
	return csss.HandOver{ID: "away", To: d.s.ShiftLead.Person, Requirement: "shift2-release", Until: d.at.AddDate(0, 0, 20),
		Categories: []string{"machine.capacity"}, Bounds: []policy.Bound{{Attr: "request.total", Op: policy.AtMost, Value: int64(60 * time.Hour)}}}
}

func (d *deal) delegate(w world.Who, h csss.HandOver) error {
	_, err := d.x.Delegate(background, w.At(d.at), h)
	return err
}

// almost goes on to where the shop's approval alone is missing.
func (d *deal) almost() {
	d.Helper()
	d.must(d.meeting()...)
	d.must(d.consents()[:3]...)
}

// asked are the approvals that wait for a person.
func (d *deal) asked(w world.Who) (list []csss.Task) {
	d.Helper()
	tasks, err := d.x.Inbox(background, w.At(d.at))
	require.NoError(d, err)
	for _, task := range tasks {
		if task.Kind == csss.Approval {
			list = append(list, task)
		}
	}
	return list
}

func (d *deal) shopApproves(w world.Who) error {
	_, err := d.x.Approve(background, csss.By{Firm: w.Firm, Person: w.Person, ID: "stands in", At: d.at}, d.supply, "shift2-release")
	return err
}

func (d *deal) phase() disclosure.Phase {
	d.Helper()
	s, err := d.x.Status(background, d.s.Vance.At(d.at), d.supply)
	require.NoError(d, err)
	return s.Phase
}

// replays reopens the ledger, which must hold all that was true.
func (d *deal) replays(cfg csss.Config) {
	d.Helper()
	live := d.digest()
	require.NoError(d, d.x.Close())
	d.open(cfg)
	assert.Equal(d, live, d.digest())
}

// The owner is away; the shift lead approves in the owner's place, and the two
// sides meet.
func TestDelegateApproves(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	d := shopWith(t, cfg, handable...)
	require.NoError(t, d.delegate(d.s.Owner, d.away()))
	d.almost()
	d.replays(cfg)
	tasks := d.asked(d.s.ShiftLead)
	require.Len(t, tasks, 1)
	assert.Equal(t, "away", tasks[0].Under)
	assert.Equal(t, "shift2-release", tasks[0].Requirement)
	assert.Empty(t, d.asked(d.s.Owner)[0].Under)
	require.NoError(t, d.shopApproves(d.s.ShiftLead))
	assert.Equal(t, disclosure.Revealed, d.phase())
	require.NoError(t, d.shopApproves(d.s.ShiftLead), "said again")
	d.replays(cfg)
	assert.Equal(t, disclosure.Revealed, d.phase())
}

// A firm has so many hand-overs and grants at a time; what has ended makes
// room. A short test gives the first and the last of them alone.
func TestHandOversAreBounded(t *testing.T) {
	d := shopWith(t, csss.Config{}, handable...)
	for i := range 1001 {
		if testing.Short() && i == 1 {
			csss.Repeat(d.x, d.s.Owner.Firm, 998)
		}
		if testing.Short() && i > 0 && i < 999 {
			continue
		}
		h, g := d.away(), d.standing()
		h.ID, g.ID = fmt.Sprint("h", i), fmt.Sprint("g", i)
		g.AtExpiry, g.Until = "", h.Until
		err, err2 := d.delegate(d.s.Owner, h), d.issue(g)
		if i < 1000 {
			require.NoError(t, errors.Join(err, err2))
			continue
		}
		assert.ErrorContains(t, err, "hand_over: the firm has 1000")
		assert.ErrorContains(t, err2, "grant: the firm has 1000")
	}
	d.at = d.at.AddDate(0, 0, 20)
	require.NoError(t, errors.Join(d.delegate(d.s.Owner, d.away()), d.issue(d.standing())))
	if testing.Short() {
		return // with most of them in the state and not in the log
	}
	again, err := d.x.Replay(background)
	require.NoError(t, err)
	assert.Equal(t, d.digest(), again)
}

// Whoever may approve in another's place may refuse in it; the principal's own
// word goes before it.
func TestDelegateRefuses(t *testing.T) {
	d := shopWith(t, csss.Config{}, handable...)
	require.NoError(t, d.delegate(d.s.Owner, d.away()))
	d.almost()
	_, err := d.x.Refuse(background, d.s.ShiftLead.At(d.at), d.supply, "not this month")
	require.NoError(t, err)
	assert.Equal(t, disclosure.Summarised, d.phase())
	_, err = d.x.Approve(background, d.s.Owner.At(d.at), d.supply, "")
	require.NoError(t, err)
	assert.Equal(t, disclosure.Revealed, d.phase())
}

// What a hand-over does not cover, or does not cover any more, lets nobody
// approve.
func TestDelegateApprovesWithinBounds(t *testing.T) {
	hand := func(change func(d *deal, h *csss.HandOver)) func(d *deal) {
		return func(d *deal) {
			h := d.away()
			change(d, &h)
			require.NoError(d, d.delegate(d.s.Owner, h))
			d.almost()
		}
	}
	for name, c := range map[string]func(d *deal){
		"nothing was handed over": (*deal).almost,
		"fewer hours": hand(func(_ *deal, h *csss.HandOver) {
			h.Bounds = []policy.Bound{{Attr: "request.total", Op: policy.AtMost, Value: int64(40 * time.Hour)}}
		}),
		"another category": hand(func(_ *deal, h *csss.HandOver) { h.Categories = []string{"machine.capacity.shift1"} }),
		"it has ended": func(d *deal) {
			h := d.away()
			h.Until = d.at.Add(time.Hour)
			require.NoError(d, d.delegate(d.s.Owner, h))
			d.almost()
			d.at = d.at.Add(2 * time.Hour)
		},
		"taken back": func(d *deal) {
			require.NoError(d, d.delegate(d.s.Owner, d.away()))
			d.almost()
			_, err := d.x.Undelegate(background, d.s.Owner.At(d.at), "away")
			require.NoError(d, err)
		},
		"the giver has left": func(d *deal) {
			require.NoError(d, d.delegate(d.s.Owner, d.away()))
			d.almost()
			_, err := d.x.Leave(background, d.s.Vance.At(d.at), d.s.Owner.Person)
			require.NoError(d, err)
		},
		"the giver is erased": func(d *deal) {
			require.NoError(d, d.delegate(d.s.Owner, d.away()))
			d.almost()
			_, err := d.x.Erase(background, csss.By{At: d.at}, d.s.Owner.Person, "asked for it")
			require.NoError(d, err)
		},
		"whoever published handed it over": func(d *deal) {
			require.NoError(d, d.delegate(d.s.Vance, d.away()))
			d.almost()
		},
		"the rules do not let it be handed on any more": func(d *deal) {
			require.NoError(d, d.delegate(d.s.Owner, d.away()))
			d.almost()
			d.rewrite(d.s.Vance.Firm)
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			d := shopWith(t, csss.Config{}, handable...)
			c(d)
			assert.Empty(t, d.asked(d.s.ShiftLead))
			assert.ErrorIs(t, d.shopApproves(d.s.ShiftLead), csss.ErrNotYours)
			_, err := d.x.Refuse(background, d.s.ShiftLead.At(d.at), d.supply, "")
			assert.ErrorIs(t, err, csss.ErrNotYours)
			assert.Equal(t, disclosure.Summarised, d.phase())
		})
	}
}

// A vote counts as long as what it was given under does.
func TestVoteGoesWithItsHandOver(t *testing.T) {
	cfg := csss.Config{Dir: t.TempDir()}
	d := shopWith(t, cfg, handable...)
	require.NoError(t, d.delegate(d.s.Owner, d.away()))
	d.must(d.meeting()...)
	d.must(d.consents()[:2]...)
	require.NoError(t, d.shopApproves(d.s.ShiftLead))
	_, err := d.x.Undelegate(background, d.s.ShiftLead.At(d.at), "away")
	assert.ErrorIs(t, err, csss.ErrNotYours)
	_, err = d.x.Undelegate(background, d.s.Requester.At(d.at), "away")
	assert.ErrorIs(t, err, csss.ErrNotFound)
	_, err = d.x.Undelegate(background, d.s.Vance.At(d.at), "away")
	require.NoError(t, err, "the operations director may")
	_, err = d.x.Undelegate(background, d.s.Owner.At(d.at), "away")
	assert.ErrorIs(t, err, csss.ErrNotFound)
	require.NoError(t, d.shopApproves(d.s.ShiftLead), "the same command says only what was said then")
	_, err = d.x.Revoke(background, d.s.ShiftLead.At(d.at), d.supply, "")
	assert.ErrorIs(t, err, csss.ErrNotYours, "who does not stand in any more has no say")
	d.must(d.consents()[2])
	assert.Equal(t, disclosure.Summarised, d.phase())
	assert.ErrorIs(t, d.delegate(d.s.Owner, d.away()), csss.ErrExists, "the old vote must not count under a new word")
	d.replays(cfg)
	assert.Equal(t, disclosure.Summarised, d.phase())
	require.NoError(t, d.shopApproves(d.s.Owner))
	assert.Equal(t, disclosure.Revealed, d.phase())
}

// What was taken back stays so when whoever took it back is erased.
func TestErasureBringsNoHandOverBack(t *testing.T) {
	d := shopWith(t, csss.Config{}, handable...)
	require.NoError(t, d.delegate(d.s.Owner, d.away()))
	_, err := d.x.Undelegate(background, d.s.Vance.At(d.at), "away")
	require.NoError(t, err)
	_, err = d.x.Erase(background, csss.By{At: d.at}, d.s.Vance.Person, "asked for it")
	require.NoError(t, err)
	_, err = d.x.Undelegate(background, d.s.Owner.At(d.at), "away")
	assert.ErrorIs(t, err, csss.ErrNotFound)
}

func TestHandOversAreChecked(t *testing.T) {
	d := shopWith(t, csss.Config{}, handable...)
	first := d.away()
	first.Depth = 1
	require.NoError(t, d.delegate(d.s.Owner, first))
	size := d.x.Size()
	for field, change := range map[string]func(h *csss.HandOver){
		"id":                 func(h *csss.HandOver) { h.ID = "two words" },
		"until":              func(h *csss.HandOver) { h.Until = d.at },
		"depth":              func(h *csss.HandOver) { h.Depth = 2 },
		"requirement":        func(h *csss.HandOver) { h.Requirement = "spend" },
		"roles":              func(h *csss.HandOver) { h.Roles = []string{"operations_director"} },
		"to":                 func(h *csss.HandOver) { h.To = d.s.Owner.Person },
		"under":              func(h *csss.HandOver) { h.Under, h.Roles = "away", nil },
		"categories[0]":      func(h *csss.HandOver) { h.Categories = []string{"Machine"} },
		"bounds[0].attr":     func(h *csss.HandOver) { h.Bounds[0].Attr = "request.totals" },
		"bounds[0].op":       func(h *csss.HandOver) { h.Bounds[0].Op = "below" },
		"bounds":             func(h *csss.HandOver) { h.Bounds[0].Attr = "request.distance_km" },
		"":                   func(h *csss.HandOver) { h.ID = "spare" },
		"nobody of the firm": func(h *csss.HandOver) { h.To = d.s.Director.Person },
	} {
		h := d.away()
		h.ID = "second"
		change(&h)
		err := d.delegate(d.s.Owner, h)
		input, ok := errors.AsType[*csss.InputError](err)
		switch {
		case field == "":
			require.NoError(t, err)
			_, err = d.x.Undelegate(background, d.s.Owner.At(d.at), "spare")
			require.NoError(t, err)
			size += 2
		case field == "nobody of the firm":
			assert.ErrorIs(t, err, csss.ErrNotFound)
		case assert.True(t, ok, "%s: %v", field, err):
			assert.Equal(t, "hand_over."+field, input.Field)
			assert.NotContains(t, err.Error(), h.To)
		}
		assert.Equal(t, size, d.x.Size(), field)
	}
	on := csss.HandOver{ID: "third", To: d.s.Vance.Person, Under: "away", Until: d.at.AddDate(0, 1, 0)}
	require.NoError(t, d.delegate(d.s.ShiftLead, on))
	on.ID, on.Under = "fourth", "third"
	on.To = d.s.Owner.Person
	assert.ErrorContains(t, d.delegate(d.s.Vance, on), "hand_over.under", "neither so deep nor back")
	assert.ErrorIs(t, d.delegate(world.Who{Firm: d.s.Vance.Firm, Person: d.s.Director.Person}, d.away()), csss.ErrNotYours)
	_, err := d.x.Undelegate(background, d.s.Owner.At(d.at), "third")
	require.NoError(t, err, "whoever stands above may take it back")
	left, err := d.x.Remaining(d.s.Vance.At(d.at), d.s.Offer)
	require.NoError(t, err)
	assert.Equal(t, 368*match.Hour, left)
}
