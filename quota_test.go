package csss_test

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
)

// TestBooksOfAFirm: what is booked counts in months and in numbers of
// engagements, too, and walls remember for whom it was. The third story's first
// client takes 3 h in each of eight weeks until 20 November; the second one
// asks for 2 h in each of eight weeks from 23 November on.
func TestBooksOfAFirm(t *testing.T) {
	quota := func(line string) func([]byte) []byte {
		return func(text []byte) []byte {
			text = bytes.Replace(text, []byte("quotas:\n"), fmt.Appendf(nil, "quotas:\n  - {id: extra, %s, key: [resource.person]}\n", line), 1)
			return bytes.Replace(text, []byte("quotas: [guidance-week], requires"), []byte("quotas: [guidance-week, extra], requires"), 1)
		}
	}
	wall := func(line string) func([]byte) []byte {
		return func(text []byte) []byte {
			return bytes.Replace(text, []byte("rules:\n"), fmt.Appendf(nil, "walls:\n  - {id: one-client, key: [resource.person], class: counterparty.country, %s, categories: [expertise]}\nrules:\n", line), 1)
		}
	}
	for _, c := range []struct {
		name    string
		rules   func([]byte) []byte
		running bool // the first engagement still runs
		fits    bool
	}{
		{"16 h a month are enough", quota("per: month, unit: duration, max: 16h"), false, true},
		{"15 h a month are not", quota("per: month, unit: duration, max: 15h"), false, false},
		{"one at a time, and one runs", quota("per: concurrent, unit: count, max: 1"), true, false},
		{"two at a time, and one runs", quota("per: concurrent, unit: count, max: 2"), true, true},
		{"one at a time, and it is over", quota("per: concurrent, unit: count, max: 1"), false, true},
		{"one in all", quota("per: total, unit: count, max: 1"), false, false},
		{"a wall around a client", wall("cooling_off: 4320h"), true, false},
		{"a wall that still cools", wall("cooling_off: 1h"), false, false},
		{"a wall that has cooled", wall("cooling_off: 59m"), false, true},
		{"a wall around two", wall("cooling_off: 4320h, distinct: 2"), true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := world.K3Story3()
			p := inSmall(t, &s.World)
			p.now = s.Registered()
			rules := versioned(rulesIn(&s.World, s.Ruiz.Firm), 2)
			before := rules.Text
			rules.Text = c.rules(before)
			require.NotEqual(t, before, rules.Text)
			p.sets(s, rules)
			one := clientOne(s, s.Need1, p.now)
			p.run(one.scenes(), "")
			one.engage(p)
			if !c.running {
				one.start(p)
				p.now = world.Local(2026, time.November, 20, 16, 0)
				one.complete(p, one.deal(p).Hours)
				p.now = p.now.Add(59 * time.Minute)
			}
			found := p.asks(s.Client2, s.Need2Later).Candidates
			assert.Equal(t, c.fits, len(found) == 1)
			p.isFold()
		})
	}
}

// TestEscalationOpensASeat: whom nobody asked at first may approve once the
// first one has kept silent for long enough, and not before.
func TestEscalationOpensASeat(t *testing.T) {
	s := world.K3Story3()
	p := inSmall(t, &s.World)
	p.now = s.Registered()
	rules := versioned(rulesIn(&s.World, s.Client1.Firm), 2)
	seats := regexp.MustCompile(`id: spend, seats: (\[.*?\])`)
	require.Regexp(t, seats, string(rules.Text))
	rules.Text = seats.ReplaceAll(rules.Text, []byte("id: spend, seats: [treasurer], escalate: {after: 5h, seats: $1}"))
	rules.Text, _, _ = bytes.Cut(rules.Text, []byte("\ntests:"))
	_, err := p.x.SetPolicy(t.Context(), p.as(s.Approver1), rules.Firm, rules.Name, rules.Text)
	require.NoError(t, err)
	g := clientOne(s, s.Need1, p.now)
	p.run(g.scenes(), "the client's employer approves")
	opened := s.Registered()
	p.now = opened.Add(5*time.Hour - time.Second)
	_, err = p.x.Approve(t.Context(), p.as(s.Approver1), g.demand, "spend")
	require.Error(t, err, "it is not the approver's turn")
	assert.Empty(t, p.inbox(s.Approver1, csss.Approval))
	p.now = opened.Add(5 * time.Hour)
	require.Len(t, p.inbox(s.Approver1, csss.Approval), 1)
	r, err := p.x.Approve(t.Context(), p.as(s.Approver1), g.demand, "spend")
	p.ok(s.Approver1, r, err)
	assert.Equal(t, disclosure.Revealed, p.phase(s.Client1, g.demand))
	p.isFold()
}
