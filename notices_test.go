package csss_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss"
	"github.com/deeperpoint/csss/disclosure"
)

// notes is what a host would tell from a cursor on.
func (d *deal) notes(from disclosure.Cursor) (out []csss.Note) {
	d.Helper()
	_, err := d.x.Tick(background, d.at)
	require.NoError(d, err)
	for n, err := range d.x.Notices(background, from) {
		require.NoError(d, err)
		out = append(out, n)
	}
	return out
}

// toldTo is what one firm is told, as it travels.
func toldTo(firm string, notes []csss.Note) string {
	var b strings.Builder
	for _, n := range notes {
		if n.Firm == firm {
			fmt.Fprintf(&b, "%s %v %v\n", n.Encode(), n.Persons, n.Roles)
		}
	}
	return unsalted(b.String())
}

// TestNotices follows the second story: everybody is told what is theirs, from
// any cursor, after reopening too, and nobody's name is in it.
func TestNotices(t *testing.T) {
	dir := t.TempDir()
	d := newDeal(t, csss.Config{Dir: dir})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	invited := d.notes(disclosure.Cursor{})
	require.Len(t, invited, 2)
	for _, n := range invited {
		assert.Equal(t, disclosure.SummariesPublished, n.Type)
		switch n.Firm {
		case d.s.Vance.Firm:
			assert.Equal(t, d.supply, n.Handle)
			assert.Equal(t, []string{d.s.Vance.Person}, n.Persons)
			assert.Equal(t, []string{"operations_director", "owner"}, n.Roles)
		case d.s.Requester.Firm:
			assert.Equal(t, d.demand, n.Handle)
			assert.NotEmpty(t, n.Roles, "whoever approves is told, too")
		default:
			t.Fatal("a stranger")
		}
	}
	d.must(d.consents()...)
	d.must(d.views()...)
	d.must(d.acceptances()...)
	d.must(d.work()...)
	all := d.notes(disclosure.Cursor{})
	assert.Equal(t, invited[0].ID, all[0].ID)
	rest := d.notes(invited[1].Next)
	require.Len(t, rest, len(all)-2)
	kinds := map[disclosure.EventType]int{}
	for _, n := range all {
		kinds[n.Type]++
		for _, text := range []string{string(n.Encode()), everyForm(n)} {
			for _, token := range []string{"Steelcrest Precision", "Gridline Robotics", "R. Vance"} {
				require.NotContains(t, text, token)
			}
		}
	}
	assert.Equal(t, 2, kinds[disclosure.IdentitiesRevealed])
	assert.Equal(t, 2, kinds[disclosure.EngagementAgreed])
	assert.Equal(t, 1, kinds[disclosure.OutcomeRated], "to who rated")
	assert.Equal(t, 4, kinds[disclosure.ChoiceSealed]+kinds[disclosure.AuthorizationSealed], "each to its own side")

	require.NoError(t, d.x.Close())
	d.open(csss.Config{Dir: dir})
	again := d.notes(invited[1].Next)
	require.Len(t, again, len(rest))
	for i := range again {
		assert.Equal(t, rest[i].ID, again[i].ID)
	}
}

// TestNoticesOfARefusal: whatever the shop does before the reveal, the integrator
// is told the same, at the same times.
func TestNoticesOfARefusal(t *testing.T) {
	first := map[string]string{}
	for _, how := range []string{"silence", "opt-in", "opt-out", "denial", "approval", "look"} {
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()...)
		d.must(d.consents()[0])
		vance, owner := d.s.Vance.At(d.at), d.s.Owner.At(d.at)
		var err error
		switch how {
		case "opt-in":
			_, err = d.x.OptIn(background, vance, d.supply)
		case "opt-out":
			_, err = d.x.OptOut(background, vance, d.supply)
		case "denial":
			_, err = d.x.Refuse(background, owner, d.supply, "no")
		case "approval":
			_, err = d.x.Approve(background, owner, d.supply, "")
		case "look":
			_, err = d.x.View(background, vance, d.supply, disclosure.StageSummary)
		}
		require.NoError(t, err, how)
		for _, wait := range []time.Duration{0, 24*time.Hour + 30*time.Minute, 24*time.Hour + 90*time.Minute} {
			d.at = d.s.Registered().Add(wait)
			told := toldTo(d.s.Requester.Firm, d.notes(disclosure.Cursor{}))
			key := fmt.Sprint(wait)
			if first[key] == "" {
				first[key] = told
			}
			same(t, first[key], told, "%s, %s", how, key)
		}
	}
	require.Len(t, first, 3)
}

// TestNoticesOfTheErased: who was erased is told nothing, and nothing is told of
// them.
func TestNoticesOfTheErased(t *testing.T) {
	d := newDeal(t, csss.Config{})
	d.must(d.loading()...)
	d.must(d.meeting()...)
	d.must(d.consents()...)
	_, err := d.x.Erase(background, csss.By{At: d.at}, d.s.Vance.Firm, "wound up")
	require.NoError(t, err)
	for _, n := range d.notes(disclosure.Cursor{}) {
		require.NotEqual(t, d.s.Vance.Firm, n.Firm)
	}
}

// TestNoticesAfterAnErasure: an approver of the other side who is erased takes
// nothing from what a side is told, whether they had voted or not.
func TestNoticesAfterAnErasure(t *testing.T) {
	var first string
	for _, voted := range []bool{false, true} {
		d := newDeal(t, csss.Config{})
		d.must(d.loading()...)
		d.must(d.meeting()...)
		if voted {
			_, err := d.x.Approve(background, d.s.Owner.At(d.at), d.supply, "")
			require.NoError(t, err)
		}
		_, err := d.x.Erase(background, csss.By{At: d.at}, d.s.Owner.Person, "asked for it")
		require.NoError(t, err)
		d.must(d.consents()[:2]...)
		d.at = d.at.AddDate(0, 0, 31)
		told := toldTo(d.s.Requester.Firm, d.notes(disclosure.Cursor{}))
		require.NotEmpty(t, told)
		if first == "" {
			first = told
		}
		same(t, first, told, "voted: %v", voted)
	}
}

// A host's mail loop: tick, tell what is new, keep the cursor.
func ExampleExchange_Notices() {
	x, s := smallMarket()
	defer x.Close()
	demand, _ := revealedDeal(x, s)
	now := s.Registered().Add(4 * time.Hour)
	_, err := x.Tick(background, now)
	check(err)
	var kept disclosure.Cursor // from the host's own storage
	for n, err := range x.Notices(background, kept) {
		check(err)
		if n.Handle == demand { // to the firm that calls the other one so
			fmt.Println(n.Type, n.Own, n.Persons)
		}
		kept = n.Next
	}
	fmt.Println(len(kept.String()) > 0)
	// Output:
	// SummariesPublished false [usr-gridline-robotics-01]
	// ChoiceSealed true [usr-gridline-robotics-01]
	// AuthorizationSealed true [usr-gridline-robotics-01]
	// IdentitiesRevealed false [usr-gridline-robotics-01]
	// true
}
