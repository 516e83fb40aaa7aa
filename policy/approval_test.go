package policy_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// seatable reports, by trying every order, whether all people can sit at once.
func seatable(seats []string, people [][]string) bool {
	if len(people) == 0 {
		return true
	}
	for i, seat := range seats {
		if seat != "" && slices.Contains(people[0], seat) {
			left := slices.Clone(seats)
			left[i] = ""
			if seatable(left, people[1:]) {
				return true
			}
		}
	}
	return false
}

// statusByTrial is the obvious twin of FoldVotes for unordered requirements without separation of duties.
func statusByTrial(req policy.Requirement, votes []policy.Vote, now time.Time) policy.Status {
	count := func(lapse bool) (yes, no int) {
		var live []policy.Vote
		for i, v := range votes {
			superseded := slices.ContainsFunc(votes[i+1:], func(w policy.Vote) bool {
				return w.Person == v.Person && w.Yes != v.Yes && (!w.Yes || seatable(req.Seats, [][]string{w.Roles}))
			})
			lapsed := lapse && v.Yes && !now.Before(v.At.Add(req.Expires))
			again := slices.ContainsFunc(live, func(w policy.Vote) bool { return w.Person == v.Person })
			if superseded || lapsed || again || !seatable(req.Seats, [][]string{v.Roles}) {
				continue
			}
			live = append(live, v)
		}
		var seated [][]string
		for _, v := range live {
			if seatable(req.Seats, append(slices.Clone(seated), v.Roles)) {
				seated = append(seated, v.Roles)
				if v.Yes {
					yes++
				} else {
					no++
				}
			}
		}
		return yes, no
	}
	yes, no := count(true)
	switch had, _ := count(false); {
	case yes >= req.Need:
		return policy.Satisfied
	case len(req.Seats)-no < req.Need:
		return policy.Rejected
	case had >= req.Need:
		return policy.Expired
	}
	return policy.Pending
}

func TestFoldVotesAgainstTrial(t *testing.T) {
	now, expires := noon, 72*time.Hour
	var ballots []policy.Vote
	for _, person := range []string{"p", "q", "r"} {
		for _, roles := range [][]string{{"a"}, {"a", "b"}, {"b", "c"}} {
			ballots = append(ballots,
				policy.Vote{Person: person, Roles: roles, Yes: true, At: now.Add(-time.Hour)},
				policy.Vote{Person: person, Roles: roles, Yes: true, At: now.Add(-expires)},
				policy.Vote{Person: person, Roles: roles, At: now.Add(-time.Hour)})
		}
	}
	var reqs []policy.Requirement
	for _, seats := range [][]string{{"a"}, {"a", "a"}, {"a", "b"}, {"a", "b", "c"}, {"b", "a", "a"}} {
		for need := 1; need <= len(seats); need++ {
			reqs = append(reqs, policy.Requirement{ID: "x", Seats: seats, Need: need, Expires: expires})
		}
	}
	seen := map[policy.Status]int{}
	check := func(votes []policy.Vote) {
		for i := range votes { // make every vote its own: the same vote twice would be a re-delivery
			votes[i].Binding[0] = byte(i)
		}
		for _, req := range reqs {
			got, want := policy.FoldVotes(req, votes, policy.Facts{}, now).Status, statusByTrial(req, votes, now)
			if got != want {
				require.Equal(t, want, got, "%+v %+v", req, votes)
			}
			seen[got]++
			if again := policy.FoldVotes(req, append(slices.Clone(votes), votes...), policy.Facts{}, now).Status; again != got {
				require.Equal(t, got, again, "re-delivery changes nothing: %+v %+v", req, votes)
			}
		}
	}
	step := 1
	if testing.Short() {
		step = 5
	}
	check(nil)
	for i := range ballots {
		check([]policy.Vote{ballots[i]})
		for j := range ballots {
			check([]policy.Vote{ballots[i], ballots[j]})
			for k := (i + j) % step; k < len(ballots); k += step {
				check([]policy.Vote{ballots[i], ballots[j], ballots[k]})
			}
		}
	}
	assert.Len(t, seen, 4, "every state was reached: %v", seen)
}

// exception is the two-of-three of scenario S4.
func exception() policy.Requirement {
	return policy.Requirement{ID: "travel-exception", Seats: []string{"operations_director", "hr", "quality_director"}, Need: 2,
		Expires: 336 * time.Hour, Not: []string{"offered_person", "requester"}}
}

func TestTwoOfThree(t *testing.T) {
	day0 := time.Date(2026, 10, 1, 13, 0, 0, 0, time.UTC)
	vote := func(person, role string, at time.Time) policy.Vote {
		return policy.Vote{Requirement: "travel-exception", Person: person, Roles: []string{role}, Yes: true, At: at}
	}
	lau, dale, orr := vote("lau", "operations_director", day0), vote("dale", "hr", day0.Add(time.Hour)), vote("orr", "quality_director", day0.Add(2*time.Hour))
	facts := policy.Facts{Requester: "petrov", Offered: "sethi"}
	day5, day14, day15 := day0.AddDate(0, 0, 5), day0.AddDate(0, 0, 14), day0.AddDate(0, 0, 15)
	fold := func(now time.Time, votes ...policy.Vote) policy.Status {
		return policy.FoldVotes(exception(), votes, facts, now).Status
	}
	sethi := vote("sethi", "hr", day0)
	through := vote("kim", "hr", day0)
	through.Via = []string{"sethi"}
	both := lau
	both.Roles = []string{"operations_director", "hr", "quality_director"}
	revoked := dale
	revoked.RevokedAt = day5
	otherDeal := dale
	otherDeal.Binding[0] = 1
	refused := func(v policy.Vote) policy.Vote { v.Yes = false; return v }

	assert.Equal(t, policy.Pending, fold(day5, lau), "one of two")
	assert.Equal(t, policy.Satisfied, fold(day5, lau, dale))
	assert.Equal(t, policy.Satisfied, fold(day5, lau, dale, orr), "a third is harmless")
	assert.Equal(t, policy.Pending, fold(day5, lau, sethi), "the person offered does not approve themselves")
	assert.Equal(t, policy.Pending, fold(day5, lau, through), "nor through a delegate")
	assert.Equal(t, policy.Pending, fold(day5, both), "one person, one seat")
	assert.Equal(t, policy.Pending, fold(day5, lau, lau, lau), "delivered thrice")
	assert.Equal(t, policy.Satisfied, fold(day5.Add(-1), lau, revoked))
	assert.Equal(t, policy.Pending, fold(day5, lau, revoked), "revoked from that moment")
	assert.Equal(t, policy.Satisfied, fold(day14.Add(-1), lau, dale))
	assert.Equal(t, policy.Expired, fold(day14, lau, dale), "granted ≤ t < granted + expires, per vote")
	assert.Equal(t, policy.Expired, fold(day15, lau, dale))
	assert.Equal(t, policy.Satisfied, fold(day15, lau, dale, vote("lau", "operations_director", day14), vote("orr", "quality_director", day14)))
	assert.Equal(t, policy.Pending, fold(day0.Add(-1), lau, dale), "votes to come do not exist yet")
	assert.Equal(t, policy.Rejected, fold(day5, refused(lau), refused(dale)))
	assert.Equal(t, policy.Pending, fold(day5, refused(lau), dale))
	assert.Equal(t, policy.Satisfied, fold(day5, refused(lau), dale, orr))

	facts.Binding[0] = 2
	assert.Equal(t, policy.Pending, fold(day5, lau, otherDeal), "bound to another deal")
	facts.Binding = [32]byte{}
	facts.RolesNow = map[string][]string{"dale": {"hr"}}
	assert.Equal(t, policy.Pending, fold(day5, lau, dale), "a voter who lost the role")
	facts.RolesNow = nil
	facts.Requester = ""
	assert.Equal(t, policy.Pending, fold(day5, lau, dale), "who asked must be known")
	facts.Requester, facts.Hidden = "petrov", true
	assert.Equal(t, policy.Pending, fold(day5, lau, dale), "who is offered must be known")
}

func TestVetoAndOrder(t *testing.T) {
	yes := func(person, role string) policy.Vote {
		return policy.Vote{Person: person, Roles: []string{role}, Yes: true, At: noon}
	}
	no := yes("r", "b")
	no.Yes = false
	veto := policy.Requirement{ID: "x", Seats: []string{"a", "b"}, Need: 1, Veto: true}
	assert.Equal(t, policy.Rejected, policy.FoldVotes(veto, []policy.Vote{yes("p", "a"), no}, policy.Facts{}, noon).Status)
	assert.Equal(t, policy.Satisfied, policy.FoldVotes(veto, []policy.Vote{yes("p", "a"), yes("r", "b")}, policy.Facts{}, noon).Status)

	order := policy.Requirement{ID: "x", Seats: []string{"a", "b"}, Need: 2, Ordered: true}
	assert.Equal(t, policy.Satisfied, policy.FoldVotes(order, []policy.Vote{yes("p", "a"), yes("q", "b")}, policy.Facts{}, noon).Status)
	assert.Equal(t, policy.Pending, policy.FoldVotes(order, []policy.Vote{yes("q", "b"), yes("p", "a")}, policy.Facts{}, noon).Status,
		"by place in the ledger, whatever the clock says")
	assert.Equal(t, policy.Rejected, policy.FoldVotes(order, []policy.Vote{yes("p", "a"), no}, policy.Facts{}, noon).Status)
}

func TestExplainFoldsVotes(t *testing.T) {
	set := load(t, "mississauga-metrology")
	r := &policy.Request{Employer: "mississauga-metrology", Action: policy.Engage, Category: "expertise.metrology", Now: noon,
		Consents: []string{policy.PersonConsent},
		Attrs: policy.Attrs{"request.mode": policy.String("hybrid"), "request.distance_km": policy.Int(146),
			"request.per_week": policy.Duration(6 * time.Hour), "resource.person": policy.String("sethi"), "request.requester": policy.String("petrov")}}
	due := set.Explain(r)
	require.Len(t, due.Due, 1)
	assert.Equal(t, policy.Due{Requirement: "travel-exception", Seats: []string{"operations_director", "hr", "quality_director"},
		Need: 2, Expires: 336 * time.Hour, Not: []string{"offered_person", "requester"}, Tainted: true}, due.Due[0], "it hangs on the distance")

	r.Votes = []policy.Vote{{Person: "lau", Roles: []string{"operations_director"}, Yes: true, At: noon}}
	one := set.Explain(r)
	assert.Equal(t, policy.RequireApproval, one.Outcome)
	assert.Equal(t, 1, one.Due[0].Have)

	r.Votes = append(r.Votes, policy.Vote{Person: "dale", Roles: []string{"hr"}, Yes: true, At: noon})
	assert.Equal(t, policy.Permit, set.Explain(r).Outcome)
	r.Consents = nil
	assert.Equal(t, "person_consent", set.Explain(r).Due[0].Requirement, "no vote of the employer replaces the person's consent")

	r.Votes[0].Yes, r.Votes[1].Yes = false, false
	d := set.Explain(r)
	assert.Equal(t, policy.Deny, d.Outcome)
	assert.Equal(t, []string{"approval:travel-exception"}, ruleNames(d))
	assert.Empty(t, d.Due)
}
