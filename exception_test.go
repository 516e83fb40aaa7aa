package csss_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
	"github.com/deeperpoint/csss/internal/world"
)

// exception is a session that two of three must approve for the employer of
// the person offered, who is none of them; an approval lives fourteen days.
type exception struct {
	*play
	*guided
	lau, dale, orr world.Who
}

const exceptionRule = `deal: {deadline: 504h, hard_expiry: 1080h}
approvals:
  - {id: exception, seats: [operations_director, hr, quality_director], need: 2, expires: 336h, not: [offered_person],
     delegation: {depth: 1}}
quotas:
`

func newException(t *testing.T) *exception {
	t.Helper()
	s := world.K3Story3()
	x := &exception{guided: clientOne(s, s.Need1, world.Local(2026, time.September, 7, 9, 0))}
	hire := func(id, name, role string) world.Who {
		for i := range s.Firms {
			if s.Firms[i].ID == s.Ruiz.Firm {
				s.Firms[i].People = append(s.Firms[i].People, csss.Person{ID: id, Name: name, Roles: []string{role},
					Email: id + "@corrway.example", Phone: "+1-519-555-01" + fmt.Sprint(70+len(s.Firms[i].People))})
			}
		}
		return world.Who{Firm: s.Ruiz.Firm, Person: id}
	}
	x.lau, x.dale, x.orr = hire("usr-lau", "C. Lau", "operations_director"), hire("usr-dale", "M. Dale", "hr"), hire("usr-orr", "P. Orr", "quality_director")
	for i, doc := range s.Policies {
		switch doc.Firm {
		case s.Ruiz.Firm:
			text := bytes.Replace(doc.Text, []byte("quotas:\n"), []byte(exceptionRule), 1)
			s.Policies[i].Text = bytes.Replace(text, []byte("requires: [person_consent], approval: auto"), []byte("requires: [person_consent], approval: exception"), 1)
			require.Contains(t, string(s.Policies[i].Text), "approval: exception")
		case s.Client1.Firm:
			s.Policies[i].Text = bytes.Replace(doc.Text, []byte("zone:"), []byte("deal: {deadline: 504h, hard_expiry: 1080h}\nzone:"), 1)
		}
	}
	x.play = open(t, csss.Config{K: 3, KPeople: 3, Deadline: 21 * 24 * time.Hour, Expiry: 45 * 24 * time.Hour}, s.Canaries())
	require.NoError(t, load(x.x, &s.World))
	x.run(x.scenes()[:3], "")
	return x
}

func (x *exception) approve(w world.Who) {
	x.Helper()
	r, err := x.x.Approve(x.Context(), x.as(w), x.supply, "exception")
	x.ok(w, r, err)
}

// waits is how many of the two votes there are while a person is asked; -1 for
// nobody asked.
func (x *exception) waits(w world.Who) int {
	x.Helper()
	for _, task := range x.inbox(w, csss.Approval) {
		assert.Equal(x, "exception", task.Requirement)
		assert.Equal(x, 2, task.Need)
		return task.Have
	}
	return -1
}

// consent runs the consents of everybody but the offering employer.
func (x *exception) consent() {
	x.Helper()
	for _, s := range x.scenes()[3:] {
		s.do(x.play)
	}
}

func (x *exception) is(phase disclosure.Phase) {
	x.Helper()
	assert.Equal(x, phase, x.phase(x.guide, x.supply))
	assert.Equal(x, phase, x.phase(x.client, x.demand))
	x.isFold()
}

// Two of three approve, the person offered cannot, in nobody's place, and the
// third vote changes nothing.
func TestExceptionNeedsTwoOfThree(t *testing.T) {
	x := newException(t)
	assert.Equal(t, 0, x.waits(x.orr))
	x.approve(x.lau)
	assert.Equal(t, 1, x.waits(x.orr))
	r, err := x.x.Delegate(t.Context(), x.as(x.dale), csss.HandOver{ID: "hr-too", To: x.guide.Person, Until: x.now.AddDate(0, 1, 0)})
	x.ok(x.dale, r, err)
	assert.Equal(t, -1, x.waits(x.guide))
	_, err = x.x.Approve(t.Context(), x.as(x.guide), x.supply, "exception")
	assert.ErrorIs(t, err, csss.ErrNotYours, "separation of duties")
	assert.Equal(t, 1, x.waits(x.orr))
	x.approve(x.lau)
	assert.Equal(t, 1, x.waits(x.orr), "nobody counts twice")
	x.approve(x.dale)
	assert.Equal(t, -1, x.waits(x.orr))
	x.approve(x.orr)
	x.is(disclosure.Summarised)
	x.consent()
	x.revealed(x.client.Firm, x.guide.Firm)
	x.is(disclosure.Revealed)
}

// A vote lives fourteen days, to the second.
func TestExceptionLapses(t *testing.T) {
	for name, c := range map[string]struct {
		last time.Duration // of the last consent, after the votes
		want disclosure.Phase
	}{
		"the last second": {14*24*time.Hour - time.Second, disclosure.Revealed},
		"day 15":          {15 * 24 * time.Hour, disclosure.Summarised},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			x := newException(t)
			x.approve(x.lau)
			x.approve(x.dale)
			x.now = x.now.Add(c.last - 3*time.Hour) // the consents take three
			x.consent()
			if c.want == disclosure.Summarised {
				x.is(c.want)
				assert.Equal(t, 0, x.waits(x.lau), "asked anew")
				x.approve(x.orr)
				x.is(disclosure.Summarised)
				x.approve(x.dale)
			}
			x.revealed(x.client.Firm, x.guide.Firm)
			x.is(disclosure.Revealed)
		})
	}
}

// Whoever approved may take it back before the reveal.
func TestExceptionIsTakenBack(t *testing.T) {
	x := newException(t)
	x.approve(x.lau)
	x.approve(x.dale)
	r, err := x.x.Revoke(t.Context(), x.as(x.dale), x.supply, "second thoughts")
	x.ok(x.dale, r, err)
	x.consent()
	x.is(disclosure.Summarised)
	assert.Equal(t, 1, x.waits(x.orr))
	x.approve(x.orr)
	x.revealed(x.client.Firm, x.guide.Firm)
	x.is(disclosure.Revealed)
}
