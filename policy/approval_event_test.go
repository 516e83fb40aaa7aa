package policy_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy"
)

// flow builds approval events an hour apart, with ids e0, e1, …
type flow []policy.ApprovalEvent

func (f *flow) add(e policy.ApprovalEvent) string {
	e.ID = fmt.Sprint("e", len(*f))
	if e.At.IsZero() {
		e.At = noon.Add(time.Duration(len(*f)) * time.Hour)
	}
	*f = append(*f, e)
	return e.ID
}

func (f *flow) yes(person string, roles ...string) string {
	return f.add(policy.ApprovalEvent{Kind: policy.ApprovalGranted, Person: person, Roles: roles})
}

func (f *flow) no(person string, roles ...string) string {
	return f.add(policy.ApprovalEvent{Kind: policy.ApprovalDenied, Person: person, Roles: roles})
}

func (f *flow) revoke(person, id string) string {
	return f.add(policy.ApprovalEvent{Kind: policy.ApprovalRevoked, Person: person, Revokes: id})
}

func (f *flow) under(link, person string, yes bool) string {
	kind := policy.ApprovalDenied
	if yes {
		kind = policy.ApprovalGranted
	}
	return f.add(policy.ApprovalEvent{Kind: kind, Person: person, Under: link})
}

// hand adds a hand-over of role "a" that ends in a year and may be passed on.
func (f *flow) hand(parent, from, to string, change ...func(*policy.ApprovalEvent)) string {
	e := policy.ApprovalEvent{Kind: policy.ApprovalDelegated, Person: from, To: to, Roles: []string{"a"}, Under: parent,
		Until: noon.AddDate(1, 0, 0), Depth: 8}
	for _, c := range change {
		c(&e)
	}
	return f.add(e)
}

// trial is the obvious twin of FoldApprovals where person i is the only one to hold role i, or all hold the one role.
func trial(req policy.Requirement, events []policy.ApprovalEvent, distinct bool, now time.Time) policy.Status {
	type said struct {
		person int
		yes    bool
		void   bool
		at     time.Time
	}
	revoked, seen := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		if e.Kind == policy.ApprovalRevoked && !e.At.After(now) {
			revoked[e.Revokes] = true
		}
	}
	var all []said
	for _, e := range events {
		if e.Kind != policy.ApprovalRevoked && !seen[e.ID] && !e.At.After(now) {
			all = append(all, said{int(e.Person[0] - 'p'), e.Kind == policy.ApprovalGranted, revoked[e.ID], e.At})
		}
		seen[e.ID] = true
	}
	seats := len(req.Seats)
	count := func(lapse bool) (yes, no int) {
		var live []said
		for i, s := range all {
			if distinct && s.person >= seats {
				continue
			}
			undone := slices.ContainsFunc(all[i+1:], func(o said) bool { return o.person == s.person && (o.void || o.yes != s.yes) })
			old := lapse && s.yes && !now.Before(s.at.Add(req.Expires))
			again := slices.ContainsFunc(live, func(o said) bool { return o.person == s.person })
			if !s.void && !undone && !old && !again {
				live = append(live, s)
			}
		}
		if req.Ordered {
			for s, from := 0, 0; s < seats; s++ {
				at := slices.IndexFunc(live[from:], func(o said) bool { return o.person == s || !distinct })
				switch {
				case at < 0:
					return yes, 0
				case !live[from+at].yes:
					return yes, seats - s
				}
				yes++
				from += at + 1
			}
			return yes, 0
		}
		for _, s := range live[:min(len(live), seats)] {
			if s.yes {
				yes++
			} else {
				no++
			}
		}
		return yes, no
	}
	yes, no := count(true)
	switch had, _ := count(false); {
	case yes >= req.Need:
		return policy.Satisfied
	case seats-no < req.Need:
		return policy.Rejected
	case had >= req.Need:
		return policy.Expired
	}
	return policy.Pending
}

// inTurn reports whether people appear in the order of their names.
func inTurn(f flow) bool {
	next := byte('p')
	for _, e := range f {
		if e.Person[0] > next {
			return false
		}
		if e.Person[0] == next {
			next++
		}
	}
	return true
}

// TestFoldApprovalsExhaustively folds every sequence of up to four events of four people: yes, no, take back and deliver
// twice; for all seats up to four, all needs, distinct and equal roles, in any order and in sequence, in time and
// late.
func TestFoldApprovalsExhaustively(t *testing.T) {
	t.Parallel()
	length := 4
	if testing.Short() {
		length = 3
	}
	type shape struct {
		req      policy.Requirement
		distinct bool
	}
	var shapes []shape
	for m := 1; m <= 4; m++ {
		for need := 1; need <= m; need++ {
			for i := range 4 {
				s := shape{policy.Requirement{ID: "x", Need: need, Expires: 150 * time.Minute, Ordered: i > 1}, i%2 == 0}
				for k := range m {
					s.req.Seats = append(s.req.Seats, [...]string{"r0", "r1", "r2", "r3"}[k*(1-i%2)])
				}
				shapes = append(shapes, s)
			}
		}
	}
	people := []string{"p", "q", "r", "s"}
	seen := map[policy.Status]int{}
	var events [2]flow // with distinct roles, with one role
	var walk func()
	walk = func() {
		for _, s := range shapes {
			f := events[1]
			if s.distinct {
				f = events[0]
			} else if !inTurn(f) {
				continue // the same with other names
			}
			for _, now := range []time.Time{noon.Add(3 * time.Hour), noon.Add(4 * time.Hour)} {
				got, want := policy.FoldApprovals(s.req, f, policy.Facts{}, now).Status, trial(s.req, f, s.distinct, now)
				if got != want {
					require.Equal(t, want, got, "%+v at %v: %+v", s.req, now, f)
				}
				seen[got]++
			}
		}
		if len(events[0]) == length {
			return
		}
		grow := func(add func(f *flow, roles ...string)) {
			before := [2]flow{slices.Clip(events[0]), slices.Clip(events[1])}
			add(&events[0])
			add(&events[1], "r0")
			walk()
			events = before
		}
		for i, person := range people {
			role := fmt.Sprint("r", i)
			for _, yes := range []bool{true, false} {
				grow(func(f *flow, roles ...string) {
					if roles == nil {
						roles = []string{role}
					}
					if yes {
						f.yes(person, roles...)
					} else {
						f.no(person, roles...)
					}
				})
			}
		}
		if n := len(events[0]); n > 0 {
			last := events[0][n-1]
			if last.Kind != policy.ApprovalRevoked {
				grow(func(f *flow, _ ...string) { f.revoke(last.Person, last.ID) })
			}
			if n > 1 && events[0][0].Kind != policy.ApprovalRevoked {
				first := events[0][0]
				grow(func(f *flow, _ ...string) { f.revoke(first.Person, first.ID) })
			}
			grow(func(f *flow, _ ...string) { *f = append(*f, (*f)[0]) })
		}
	}
	walk()
	assert.Len(t, seen, 4, "every state was reached: %v", seen)
}

// arbitraryFlow draws events of every kind, among few people, roles and ids.
func arbitraryFlow(r *rapid.T) []policy.ApprovalEvent {
	kinds := []policy.ApprovalKind{policy.ApprovalRequested, policy.ApprovalGranted, policy.ApprovalGranted, policy.ApprovalDenied, policy.ApprovalRevoked,
		policy.ApprovalDelegated, policy.ApprovalDelegated}
	people := []string{"p", "q", "r", "s", ""}
	id := rapid.Map(rapid.IntRange(0, 12), func(i int) string { return fmt.Sprint("e", i) })
	var list []policy.ApprovalEvent
	for i := range rapid.IntRange(0, 12).Draw(r, "events") {
		e := policy.ApprovalEvent{
			ID: fmt.Sprint("e", i), Kind: rapid.SampledFrom(kinds).Draw(r, "kind"), Person: rapid.SampledFrom(people).Draw(r, "person"),
			Roles: rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 2, rapid.ID).Draw(r, "roles"),
			At:    noon.Add(time.Duration(rapid.IntRange(0, 20).Draw(r, "hour")) * time.Hour),
		}
		if rapid.Bool().Draw(r, "chained") {
			e.Under = id.Draw(r, "under")
		}
		switch e.Kind {
		case policy.ApprovalRevoked:
			e.Under, e.Revokes = "", id.Draw(r, "revokes")
		case policy.ApprovalDelegated:
			e.To, e.Depth = rapid.SampledFrom(people).Draw(r, "to"), rapid.IntRange(0, 3).Draw(r, "depth")
			e.Until = e.At.Add(time.Duration(rapid.IntRange(1, 20).Draw(r, "lasts")) * time.Hour)
		}
		list = append(list, e)
	}
	return list
}

func TestApprovalsDependOnNothingElse(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := arbitraryFlow(r)
		seats := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 4).Draw(r, "seats")
		req := policy.Requirement{ID: "x", Seats: seats, Need: rapid.IntRange(1, len(seats)).Draw(r, "need"),
			Expires: time.Duration(rapid.IntRange(0, 10).Draw(r, "expires")) * time.Hour, Veto: rapid.Bool().Draw(r, "veto"),
			Not: []string{"requester"}, Delegation: policy.Delegation{Depth: rapid.IntRange(0, 3).Draw(r, "deep")},
			Escalate: policy.Escalation{After: 5 * time.Hour, Seats: []string{"c"}}}
		facts := policy.Facts{Requester: "s", Employer: "shop", Binding: [32]byte{1}}
		for i := range events {
			events[i].Binding[0] = 1
		}
		now := noon.Add(time.Duration(rapid.IntRange(0, 24).Draw(r, "now")) * time.Hour)
		want := policy.FoldApprovals(req, events, facts, now)
		same := func(why string, list []policy.ApprovalEvent) {
			require.Equal(r, want, policy.FoldApprovals(req, list, facts, now), why)
		}

		same("replay", events)
		past := slices.DeleteFunc(slices.Clone(events), func(e policy.ApprovalEvent) bool { return e.At.After(now) })
		same("later events do not exist yet", past)
		if len(events) > 0 {
			twice := rapid.IntRange(0, len(events)-1).Draw(r, "twice")
			at := rapid.IntRange(twice+1, len(events)).Draw(r, "again at")
			same("delivered twice", slices.Insert(slices.Clone(events), at, events[twice]))
		}
		at := rapid.IntRange(0, len(events)).Draw(r, "foreign at")
		vote := policy.ApprovalEvent{ID: "foreign", Kind: policy.ApprovalGranted, Person: "z", Roles: []string{"a", "b", "c"}, At: noon}
		for why, change := range map[string]func(*policy.ApprovalEvent){
			"another binding":     func(e *policy.ApprovalEvent) { e.Binding[0] = 2 },
			"no binding":          func(e *policy.ApprovalEvent) { e.Binding[0] = 0 },
			"another requirement": func(e *policy.ApprovalEvent) { e.Requirement, e.Binding[0] = "y", 1 },
			"another employer":    func(e *policy.ApprovalEvent) { e.Employer, e.Binding[0] = "other", 1 },
			"without an id":       func(e *policy.ApprovalEvent) { e.ID, e.Binding[0] = "", 1 },
			"by the requester":    func(e *policy.ApprovalEvent) { e.Person, e.Binding[0] = "s", 1 },
		} {
			e := vote
			change(&e)
			if why != "by the requester" || !slices.ContainsFunc(events, func(e policy.ApprovalEvent) bool { return e.Person == "s" || e.To == "s" }) {
				same(why, slices.Insert(slices.Clone(events), at, e))
			}
		}
		if want.Status == policy.Satisfied {
			require.GreaterOrEqual(r, want.Have, req.Need)
			people := map[string]bool{}
			for _, e := range past {
				people[e.Person] = true
			}
			delete(people, "s")
			delete(people, "")
			require.GreaterOrEqual(r, len(people), req.Need, "as many people as seats")
		}
		if !want.Next.IsZero() {
			require.True(r, want.Next.After(now))
		}
	})
}

// TestApprovalsChangeOnlyWhenTheySay holds Next against every instant before it.
func TestApprovalsChangeOnlyWhenTheySay(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		events := arbitraryFlow(r)
		req := policy.Requirement{ID: "x", Seats: []string{"a", "b"}, Need: 2, Expires: 6 * time.Hour,
			Delegation: policy.Delegation{Depth: 2}, Escalate: policy.Escalation{After: 5 * time.Hour, Seats: []string{"c"}}}
		last := noon.Add(20 * time.Hour)
		a := policy.FoldApprovals(req, events, policy.Facts{}, last)
		for h := range 48 {
			at := last.Add(time.Duration(h) * time.Hour)
			if !a.Next.IsZero() && !at.Before(a.Next) {
				break
			}
			b := policy.FoldApprovals(req, events, policy.Facts{}, at)
			require.Equal(r, [2]any{a.Status, a.Have}, [2]any{b.Status, b.Have}, "%v, next %v", at, a.Next)
		}
	})
}

func TestHandOver(t *testing.T) {
	one := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: 1, Delegation: policy.Delegation{Depth: 2}}
	late := noon.Add(100 * time.Hour)
	until := func(at time.Time) func(*policy.ApprovalEvent) {
		return func(e *policy.ApprovalEvent) { e.Until = at }
	}
	roles := func(list ...string) func(*policy.ApprovalEvent) {
		return func(e *policy.ApprovalEvent) { e.Roles = list }
	}
	cases := []struct {
		name  string
		build func(f *flow)
		facts policy.Facts
		req   func(*policy.Requirement)
		want  policy.Status
	}{
		{"a delegate votes", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{}, nil, policy.Satisfied},
		{"two hands", func(f *flow) { f.under(f.hand(f.hand("", "p", "q"), "q", "r"), "r", true) }, policy.Facts{}, nil, policy.Satisfied},
		{"three hands", func(f *flow) { f.under(f.hand(f.hand(f.hand("", "p", "q"), "q", "r"), "r", "s"), "s", true) }, policy.Facts{}, nil, policy.Pending},
		{"not allowed at all", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{},
			func(r *policy.Requirement) { r.Delegation.Depth = 0 }, policy.Pending},
		{"the giver allows none", func(f *flow) {
			f.under(f.hand(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Depth = 0 }), "q", "r"), "r", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"somebody else votes under it", func(f *flow) { f.under(f.hand("", "p", "q"), "r", true) }, policy.Facts{}, nil, policy.Pending},
		{"somebody else hands on", func(f *flow) { f.under(f.hand(f.hand("", "p", "q"), "s", "r"), "r", true) }, policy.Facts{}, nil, policy.Pending},
		{"a ring", func(f *flow) { f.under(f.hand(f.hand("", "p", "q"), "q", "p"), "p", true) }, policy.Facts{}, nil, policy.Pending},
		{"to oneself", func(f *flow) { f.under(f.hand("", "p", "p"), "p", true) }, policy.Facts{}, nil, policy.Pending},
		{"under nothing", func(f *flow) { f.under("e9", "q", true) }, policy.Facts{}, nil, policy.Pending},
		{"under a link to come", func(f *flow) { f.under("e1", "q", true); f.hand("", "p", "q") }, policy.Facts{}, nil, policy.Pending},
		{"wider than the giver's", func(f *flow) { f.under(f.hand(f.hand("", "p", "q", roles("b")), "q", "r", roles("a", "b")), "r", true) },
			policy.Facts{}, nil, policy.Pending},
		{"narrower than the giver's", func(f *flow) { f.under(f.hand(f.hand("", "p", "q", roles("a", "b")), "q", "r", roles("a")), "r", true) },
			policy.Facts{}, nil, policy.Satisfied},
		{"over", func(f *flow) { f.under(f.hand("", "p", "q", until(late)), "q", true) }, policy.Facts{}, nil, policy.Pending},
		{"not over", func(f *flow) { f.under(f.hand("", "p", "q", until(late.Add(1))), "q", true) }, policy.Facts{}, nil, policy.Satisfied},
		{"the giver's is over", func(f *flow) { f.under(f.hand(f.hand("", "p", "q", until(late)), "q", "r"), "r", true) }, policy.Facts{}, nil, policy.Pending},
		{"without an end", func(f *flow) { f.under(f.hand("", "p", "q", until(time.Time{})), "q", true) }, policy.Facts{}, nil, policy.Pending},
		{"longer than the requirement lets it", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{},
			func(r *policy.Requirement) { r.Delegation.Within = 100 * time.Hour }, policy.Pending},
		{"taken back by the giver", func(f *flow) { h := f.hand("", "p", "q"); f.under(h, "q", true); f.revoke("p", h) }, policy.Facts{}, nil, policy.Pending},
		{"taken back by the employer", func(f *flow) { h := f.hand("", "p", "q"); f.under(h, "q", true); f.revoke("", h) }, policy.Facts{}, nil, policy.Pending},
		{"taken back by a stranger", func(f *flow) { h := f.hand("", "p", "q"); f.under(h, "q", true); f.revoke("z", h) }, policy.Facts{}, nil, policy.Satisfied},
		{"the upper link taken back", func(f *flow) {
			h := f.hand("", "p", "q")
			f.under(f.hand(h, "q", "r"), "r", true)
			f.revoke("p", h)
		}, policy.Facts{}, nil, policy.Pending},
		{"the lower link taken back from above", func(f *flow) {
			l := f.hand(f.hand("", "p", "q"), "q", "r")
			f.under(l, "r", true)
			f.revoke("p", l)
		}, policy.Facts{}, nil, policy.Pending},
		{"the vote taken back from above", func(f *flow) { f.revoke("p", f.under(f.hand("", "p", "q"), "q", true)) }, policy.Facts{}, nil, policy.Pending},
		{"the vote taken back by a stranger", func(f *flow) { f.revoke("z", f.under(f.hand("", "p", "q"), "q", true)) }, policy.Facts{}, nil, policy.Satisfied},
		{"the giver lost the role", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) },
			policy.Facts{RolesNow: map[string][]string{"p": {"b"}, "q": {"a"}}}, nil, policy.Pending},
		{"the delegate left", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{RolesNow: map[string][]string{"p": {"a"}}}, nil, policy.Pending},
		{"both are there", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) },
			policy.Facts{RolesNow: map[string][]string{"p": {"a"}, "q": nil}}, nil, policy.Satisfied},
		{"the requester through a delegate", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{Requester: "p"},
			func(r *policy.Requirement) { r.Not = []string{"requester"} }, policy.Pending},
		{"the requester between", func(f *flow) { f.under(f.hand(f.hand("", "p", "q"), "q", "r"), "r", true) }, policy.Facts{Requester: "q"},
			func(r *policy.Requirement) { r.Not = []string{"requester"} }, policy.Pending},
		{"the requester as a delegate", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{Requester: "q"},
			func(r *policy.Requirement) { r.Not = []string{"requester"} }, policy.Pending},
		{"across employers", func(f *flow) {
			h := f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Employer = "shop" })
			f.under(f.hand(h, "q", "r", func(e *policy.ApprovalEvent) { e.Employer = "other" }), "r", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"across employers, all the way down", func(f *flow) {
			h := f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Employer = "shop" })
			l := f.hand(h, "q", "r", func(e *policy.ApprovalEvent) { e.Employer = "other" })
			f.add(policy.ApprovalEvent{Kind: policy.ApprovalGranted, Person: "r", Under: l, Employer: "other"})
		}, policy.Facts{}, nil, policy.Pending},
		{"a vote dated before the hand-over", func(f *flow) {
			l := f.hand("", "p", "q")
			f.add(policy.ApprovalEvent{Kind: policy.ApprovalGranted, Person: "q", Under: l, At: noon.Add(-1)})
		}, policy.Facts{}, nil, policy.Pending},
		{"a vote across employers", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Employer = "other" }), "q", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"for another requirement", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Requirement = "y" }), "q", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"for another deal", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Binding[0] = 9 }), "q", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"for another category", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Categories = []string{"machine.milling"} }), "q", true)
		}, policy.Facts{Category: "machine"}, nil, policy.Pending},
		{"for its category", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Categories = []string{"machine"} }), "q", true)
		}, policy.Facts{Category: "machine.milling"}, nil, policy.Satisfied},
		{"beyond a bound", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{"price.amount", policy.AtMost, 500}} }), "q", true)
		}, policy.Facts{Attrs: policy.Attrs{"price.amount": policy.Int(501)}}, nil, policy.Pending},
		{"at a bound", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{"price.amount", policy.AtMost, 500}} }), "q", true)
		}, policy.Facts{Attrs: policy.Attrs{"price.amount": policy.Int(500)}}, nil, policy.Satisfied},
		{"a bound on what is not known", func(f *flow) {
			f.under(f.hand("", "p", "q", func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{"price.amount", policy.AtLeast, 0}} }), "q", true)
		}, policy.Facts{}, nil, policy.Pending},
		{"the tighter of two bounds", func(f *flow) {
			bound := func(v int64) func(*policy.ApprovalEvent) {
				return func(e *policy.ApprovalEvent) { e.Bounds = []policy.Bound{{"price.amount", policy.AtMost, v}} }
			}
			f.under(f.hand(f.hand("", "p", "q", bound(500)), "q", "r", bound(900)), "r", true)
		}, policy.Facts{Attrs: policy.Attrs{"price.amount": policy.Int(600)}}, nil, policy.Pending},
		{"a holder and their delegate are one", func(f *flow) { f.yes("p", "a"); f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{},
			func(r *policy.Requirement) { r.Seats, r.Need = []string{"a", "a"}, 2 }, policy.Pending},
		{"two delegates of one holder are one", func(f *flow) {
			f.under(f.hand("", "p", "q"), "q", true)
			f.under(f.hand("", "p", "r"), "r", true)
		}, policy.Facts{}, func(r *policy.Requirement) { r.Seats, r.Need = []string{"a", "a"}, 2 }, policy.Pending},
		{"a delegate of two holders is one", func(f *flow) {
			f.under(f.hand("", "p", "s"), "s", true)
			f.under(f.hand("", "q", "s"), "s", true)
		}, policy.Facts{}, func(r *policy.Requirement) { r.Seats, r.Need = []string{"a", "a"}, 2 }, policy.Pending},
		{"two holders, one through a delegate", func(f *flow) { f.yes("s", "a"); f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{},
			func(r *policy.Requirement) { r.Seats, r.Need = []string{"a", "a"}, 2 }, policy.Satisfied},
		{"the holder's no before the delegate's yes", func(f *flow) { f.no("p", "a"); f.under(f.hand("", "p", "q"), "q", true) }, policy.Facts{}, nil, policy.Rejected},
		{"the holder's no after the delegate's yes", func(f *flow) { f.under(f.hand("", "p", "q"), "q", true); f.no("p", "a") }, policy.Facts{}, nil, policy.Rejected},
		{"the holder's yes over the delegate's no", func(f *flow) { f.under(f.hand("", "p", "q"), "q", false); f.yes("p", "a") }, policy.Facts{}, nil, policy.Satisfied},
		{"delegates differ", func(f *flow) {
			f.under(f.hand("", "p", "q"), "q", true)
			f.under(f.hand("", "p", "r"), "r", false)
		}, policy.Facts{}, nil, policy.Rejected},
	}
	for _, c := range cases {
		var f flow
		c.build(&f)
		req := one
		if c.req != nil {
			c.req(&req)
		}
		assert.Equal(t, c.want, policy.FoldApprovals(req, f, c.facts, late).Status, c.name)
	}
}

func TestVotesThroughDelegatesOfThePlainForm(t *testing.T) {
	req := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: 1, Delegation: policy.Delegation{Depth: 1}}
	votes := []policy.Vote{{Person: "q", Via: []string{"p"}, Roles: []string{"a"}, Yes: true, At: noon}}
	assert.Equal(t, policy.Satisfied, policy.FoldVotes(req, votes, policy.Facts{}, noon).Status)
	votes[0].Via = []string{"p", "r"}
	assert.Equal(t, policy.Pending, policy.FoldVotes(req, votes, policy.Facts{}, noon).Status, "too deep")
	req.Delegation.Depth = 2
	req.Not = []string{"requester"}
	assert.Equal(t, policy.Pending, policy.FoldVotes(req, votes, policy.Facts{Requester: "r"}, noon).Status, "the requester between")
	assert.Equal(t, policy.Satisfied, policy.FoldVotes(req, votes, policy.Facts{Requester: "z"}, noon).Status)
}

func TestLongChainsEnd(t *testing.T) {
	var f flow
	link := ""
	for i := range 5000 {
		link = f.hand(link, fmt.Sprint("p", i), fmt.Sprint("p", i+1), func(e *policy.ApprovalEvent) { e.At = noon })
	}
	f.under(link, "p5000", true)
	req := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: 1, Delegation: policy.Delegation{Depth: 8}}
	assert.Equal(t, policy.Pending, policy.FoldApprovals(req, f, policy.Facts{}, noon.AddDate(0, 11, 0)).Status)
}

func TestEscalation(t *testing.T) {
	req := policy.Requirement{ID: "x", Seats: []string{"a", "b"}, Need: 2, Escalate: policy.Escalation{After: 48 * time.Hour, Seats: []string{"owner"}}}
	asked := policy.ApprovalEvent{ID: "asked", Kind: policy.ApprovalRequested, Person: "p", At: noon}
	opens := noon.Add(48 * time.Hour)
	fold := func(at time.Time, build func(f *flow)) policy.Approval {
		f := flow{asked}
		build(&f)
		return policy.FoldApprovals(req, f, policy.Facts{}, at)
	}
	silence := func(*flow) {}
	before, after := fold(opens.Add(-1), silence), fold(opens, silence)
	assert.Equal(t, policy.Approval{Status: policy.Pending, Seats: []string{"a", "b"}, Next: opens}, before)
	assert.Equal(t, policy.Approval{Status: policy.Pending, Seats: []string{"a", "b", "owner"}, Escalated: true}, after, "silence never approves")
	owner := func(f *flow) { f.yes("o", "owner"); f.yes("p", "a") }
	assert.Equal(t, policy.Pending, fold(opens.Add(-1), owner).Status)
	assert.Equal(t, policy.Satisfied, fold(opens, owner).Status, "a vote that came early is kept")
	assert.Equal(t, policy.Pending, fold(opens, func(f *flow) { f.yes("o", "owner") }).Status, "need stays")
	refused := func(f *flow) { f.no("p", "a"); f.yes("o", "owner"); f.yes("q", "b") }
	assert.Equal(t, policy.Rejected, fold(opens.Add(-1), refused).Status)
	assert.Equal(t, policy.Rejected, fold(opens, refused).Status, "what its own seats refuse stays refused")
	assert.Equal(t, policy.Rejected, fold(opens, func(f *flow) { f.no("p", "a"); f.yes("o", "owner") }).Status, "a refusal is no silence")
	again := func(f *flow) {
		f.add(policy.ApprovalEvent{Kind: policy.ApprovalRequested, Person: "p", At: noon.Add(40 * time.Hour)})
	}
	assert.True(t, fold(opens, again).Escalated, "asking again does not start anew")
	assert.False(t, policy.FoldApprovals(req, nil, policy.Facts{}, opens).Escalated, "nobody asked")
	assert.True(t, policy.FoldApprovals(req, nil, policy.Facts{Requested: noon}, opens).Escalated)
	otherDeal := flow{asked}
	otherDeal[0].Binding[0] = 1
	assert.False(t, policy.FoldApprovals(req, otherDeal, policy.Facts{Binding: [32]byte{2}}, opens).Escalated)
}

// Those who are asked after a silence do not overturn what the requirement's own seats refuse.
func TestEscalationOverturnsNoRefusal(t *testing.T) {
	escalate := policy.Escalation{After: 48 * time.Hour, Seats: []string{"clerk"}}
	for name, req := range map[string]policy.Requirement{
		"one of one": {Seats: []string{"a"}, Need: 1, Escalate: escalate},
		"one of two": {Seats: []string{"a", "b"}, Need: 1, Escalate: escalate},
		"two of two": {Seats: []string{"a", "b"}, Need: 2, Escalate: escalate},
	} {
		for _, ago := range []time.Duration{40 * time.Hour, time.Hour} {
			var f flow
			refuse := func(person, role string) {
				f.add(policy.ApprovalEvent{Kind: policy.ApprovalDenied, Person: person, Roles: []string{role}, At: noon.Add(-ago)})
			}
			refuse("p", "a")
			if name == "one of two" {
				refuse("q", "b")
			} else {
				f.yes("q", "b")
			}
			f.yes("c", "clerk")
			got := policy.FoldApprovals(req, f, policy.Facts{Requested: noon.Add(-49 * time.Hour)}, noon.Add(9*time.Hour))
			assert.Equal(t, policy.Rejected, got.Status, "%s, %v ago", name, ago)
			assert.True(t, got.Escalated, name)
		}
	}
}

// A person's last word counts. Once it is taken back there is none, and no earlier one comes back.
func TestNothingComesBackWithARevocation(t *testing.T) {
	req := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: 1, Delegation: policy.Delegation{Depth: 1}}
	for name, build := range map[string]func(f *flow){
		"two yeses":          func(f *flow) { f.yes("p", "a"); f.revoke("p", f.yes("p", "a")) },
		"a yes and a no":     func(f *flow) { f.yes("p", "a"); f.revoke("p", f.no("p", "a")) },
		"by the employer":    func(f *flow) { f.yes("p", "a"); f.revoke("", f.yes("p", "a")) },
		"in another's place": func(f *flow) { f.yes("p", "a"); f.revoke("p", f.under(f.hand("", "q", "p"), "p", false)) },
		"of a dead link": func(f *flow) {
			f.yes("p", "a")
			link := f.hand("", "q", "p")
			f.revoke("p", f.under(link, "p", true))
			f.revoke("q", link)
		},
	} {
		var f flow
		build(&f)
		assert.Equal(t, policy.Pending, policy.FoldApprovals(req, f, policy.Facts{}, noon.Add(9*time.Hour)).Status, name)
		f.yes("p", "a")
		assert.Equal(t, policy.Satisfied, policy.FoldApprovals(req, f, policy.Facts{}, noon.Add(9*time.Hour)).Status, "%s, and a new word", name)
	}
	yes := policy.Vote{Person: "p", Roles: []string{"a"}, Yes: true, At: noon.Add(-2 * time.Hour)}
	again := yes
	again.At, again.RevokedAt = noon.Add(-time.Hour), noon
	votes := []policy.Vote{yes, again}
	assert.Equal(t, policy.Satisfied, policy.FoldVotes(req, votes, policy.Facts{}, noon.Add(-1)).Status)
	assert.Equal(t, policy.Pending, policy.FoldVotes(req, votes, policy.Facts{}, noon).Status)
}

// The zero requirement asks nobody, so nobody can satisfy it.
func TestNoNeedIsNotSatisfied(t *testing.T) {
	assert.Equal(t, policy.Rejected, policy.FoldVotes(policy.Requirement{}, nil, policy.Facts{}, noon).Status)
	for _, need := range []int{0, -1} {
		req := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: need}
		assert.Equal(t, policy.Pending, policy.FoldVotes(req, nil, policy.Facts{}, noon).Status)
		assert.Equal(t, policy.Satisfied, policy.FoldVotes(req, []policy.Vote{{Person: "p", Roles: []string{"a"}, Yes: true, At: noon}}, policy.Facts{}, noon).Status)
	}
}

// Events of nobody's are not this employer's.
func TestEventsSayWhoseTheyAre(t *testing.T) {
	req := policy.Requirement{ID: "x", Seats: []string{"a"}, Need: 1}
	var f flow
	f.yes("p", "a")
	for employer, want := range map[string]policy.Status{"": policy.Pending, "other": policy.Pending, "shop": policy.Satisfied} {
		f[0].Employer = employer
		assert.Equal(t, want, policy.FoldApprovals(req, f, policy.Facts{Employer: "shop"}, noon.Add(time.Hour)).Status, employer)
	}
}

// Votes cost what they are, whether they have a seat, repeat themselves or are taken back.
func TestManyVotes(t *testing.T) {
	req := policy.Requirement{ID: "x", Seats: []string{"a", "a"}, Need: 2}
	var votes []policy.Vote
	var f flow
	for i := range 10_000 {
		v := policy.Vote{Person: fmt.Sprint("p", i), Roles: []string{"a"}, Yes: true, At: noon, RevokedAt: noon}
		votes = append(votes, v, policy.Vote{Person: fmt.Sprint("q", i), Roles: []string{"none"}, Yes: true, At: noon},
			policy.Vote{Person: "r", Roles: []string{"a"}, Yes: i%2 > 0, At: noon.Add(time.Duration(i))})
		f.add(policy.ApprovalEvent{Kind: policy.ApprovalRevoked, Person: "r", At: noon,
			Revokes: f.add(policy.ApprovalEvent{Kind: policy.ApprovalGranted, Person: "r", Roles: []string{"a"}, At: noon})})
	}
	begin := time.Now()
	assert.Equal(t, 1, policy.FoldVotes(req, votes, policy.Facts{}, noon.Add(time.Hour)).Have)
	assert.Zero(t, policy.FoldApprovals(req, f, policy.Facts{}, noon.Add(time.Hour)).Have)
	t.Log("folded in", time.Since(begin))
}

func TestBallotBindsWhatIsAgreed(t *testing.T) {
	base := policy.Ballot{Request: [32]byte{1}, Terms: [32]byte{2}, Rules: [32]byte{3}, Obligations: []string{"nda", "log"}, Requirement: "x"}
	seen := map[[32]byte]string{base.Digest(): "base"}
	for name, change := range map[string]func(*policy.Ballot){
		"request":     func(b *policy.Ballot) { b.Request[0]++ },
		"terms":       func(b *policy.Ballot) { b.Terms[0]++ },
		"rules":       func(b *policy.Ballot) { b.Rules[0]++ },
		"fewer":       func(b *policy.Ballot) { b.Obligations = []string{"nda"} },
		"joined":      func(b *policy.Ballot) { b.Obligations = []string{"ndalog"} },
		"requirement": func(b *policy.Ballot) { b.Requirement = "y" },
		"moved":       func(b *policy.Ballot) { b.Requirement, b.Obligations = "", []string{"nda", "log", "x"} },
	} {
		b := base
		change(&b)
		other, taken := seen[b.Digest()]
		assert.False(t, taken, "%s is as %s", name, other)
		seen[b.Digest()] = name
	}
	base.Obligations = []string{"log", "nda"}
	assert.Contains(t, seen, base.Digest(), "in any order")
}

func TestStatusAsText(t *testing.T) {
	for _, s := range []policy.Status{policy.Pending, policy.Satisfied, policy.Rejected, policy.Expired} {
		text, err := s.MarshalText()
		require.NoError(t, err)
		var back policy.Status
		require.NoError(t, back.UnmarshalText(text))
		assert.Equal(t, s, back)
	}
	var s policy.Status
	assert.Error(t, s.UnmarshalText([]byte("maybe")))
	assert.Equal(t, "pending", policy.Status(99).String())
}

func ExampleFoldApprovals() {
	noon := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	req := policy.Requirement{ID: "release", Seats: []string{"director"}, Need: 1, Expires: 72 * time.Hour,
		Not: []string{"requester"}, Delegation: policy.Delegation{Depth: 1}}
	events := []policy.ApprovalEvent{
		{ID: "1", Kind: policy.ApprovalDelegated, Person: "dana", Roles: []string{"director"}, To: "eli", At: noon, Until: noon.AddDate(0, 0, 7)},
		{ID: "2", Kind: policy.ApprovalRequested, Person: "kim", At: noon.Add(time.Hour)},
		{ID: "3", Kind: policy.ApprovalGranted, Person: "eli", Under: "1", At: noon.Add(2 * time.Hour)},
		{ID: "4", Kind: policy.ApprovalRevoked, Person: "dana", Revokes: "1", At: noon.Add(30 * time.Hour)},
	}
	for _, hours := range []int{1, 2, 30} {
		a := policy.FoldApprovals(req, events, policy.Facts{Requester: "kim"}, noon.Add(time.Duration(hours)*time.Hour))
		fmt.Println(hours, a.Status, a.Have)
	}
	// Output:
	// 1 pending 0
	// 2 satisfied 1
	// 30 pending 0
}
