package policy_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// shadowed compares two versions of one document.
func shadowed(t *testing.T, active, candidate string, o *policy.ShadowOptions, requests ...*policy.Request) policy.ShadowReport {
	t.Helper()
	schema := policy.BaseSchema()
	return policy.Shadow(compile(t, schema, active), compile(t, schema, candidate), slices.Values(requests), o)
}

func rate(action policy.Action, cents int64) *policy.Request {
	return ask(action, policy.Attrs{"price.rate": policy.Int(cents)})
}

const lend = "  - {id: lend, effect: permit, actions: [match, engage], categories: [machine], approval: %s, when: price.rate >= %d}\n"

func rules(parts ...string) string { return "rules:\n" + fmt.Sprint(parts[0]) + join(parts[1:]) }

func join(parts []string) (s string) {
	for _, p := range parts {
		s += p
	}
	return s
}

const bosses = "approvals:\n  - {id: boss, seats: [owner], need: 1, expires: 72h}\n  - {id: chief, seats: [chief], need: 1, expires: 72h}\n"

func TestShadowBlamesWhatDecides(t *testing.T) {
	cheap := rules(fmt.Sprintf(lend, "auto", 9000))
	dear := rules(fmt.Sprintf(lend, "auto", 9500))
	closed := rules(fmt.Sprintf(lend, "auto", 9000), "  - {id: never, effect: forbid, categories: [machine]}\n")
	boss := bosses + rules(fmt.Sprintf(lend, "boss", 9000))
	chief := bosses + rules(fmt.Sprintf(lend, "chief", 9000))
	capped := "quotas:\n  - {id: little, per: total, unit: duration, max: 1h}\n" +
		rules("  - {id: lend, effect: permit, actions: [match], categories: [machine], approval: auto, quotas: [little]}\n")
	row := func(rule string, old, new policy.Outcome, denied int) policy.Difference {
		return policy.Difference{Employer: "shop", Rule: rule, Old: old, New: new, Count: 1, WouldDeny: denied}
	}
	for _, c := range []struct {
		name, active, candidate string
		want                    []policy.Difference
	}{
		{"the same", cheap, cheap, nil},
		{"a permit that no longer applies", cheap, dear, []policy.Difference{row("lend", policy.Permit, policy.Deny, 1)}},
		{"and the other way round", dear, cheap, []policy.Difference{row("lend", policy.Deny, policy.Permit, 0)}},
		{"a forbid", cheap, closed, []policy.Difference{row("never", policy.Permit, policy.Deny, 1)}},
		{"a forbid that goes", closed, cheap, []policy.Difference{row("never", policy.Deny, policy.Permit, 0)}},
		{"an approval", cheap, boss, []policy.Difference{row("approval:boss", policy.Permit, policy.RequireApproval, 0)}},
		{"another approval", boss, chief, []policy.Difference{row("approval:boss", policy.RequireApproval, policy.RequireApproval, 0),
			row("approval:chief", policy.RequireApproval, policy.RequireApproval, 0)}},
		{"what waits is not carried out", boss, dear, []policy.Difference{row("lend", policy.RequireApproval, policy.Deny, 0)}},
		{"a quota", cheap, capped, []policy.Difference{row("quota:little", policy.Permit, policy.Deny, 1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := shadowed(t, c.active, c.candidate, nil, rate(policy.Match, 9200))
			assert.Equal(t, c.want, got.Differences)
			assert.Equal(t, min(len(c.want), 1), got.Different)
			denied := 0
			for _, d := range c.want {
				denied += d.WouldDeny
			}
			assert.Equal(t, denied, got.WouldDeny)
		})
	}
}

func TestShadowCountsOnlyWhatIsCarriedOut(t *testing.T) {
	calls := 0
	never := &policy.ShadowOptions{Carried: func(*policy.Request) bool { calls++; return calls > 1 }}
	got := shadowed(t, rules(fmt.Sprintf(lend, "auto", 9000)), rules(fmt.Sprintf(lend, "auto", 9500)), never,
		rate(policy.Match, 9600), rate(policy.Match, 9100), rate(policy.Engage, 9200), rate(policy.Engage, 100))
	assert.Equal(t, policy.ShadowReport{Requests: 4, Different: 2, WouldDeny: 1, Differences: []policy.Difference{
		{Employer: "shop", Rule: "lend", Old: policy.Permit, New: policy.Deny, Count: 2, WouldDeny: 1, First: 1}}}, got)
	assert.Equal(t, 2, calls, "asked about what differs, and nothing else")
}

func TestShadowOfNothingAndOfUnusableRequests(t *testing.T) {
	got := shadowed(t, rules(fmt.Sprintf(lend, "auto", 9000)), rules(fmt.Sprintf(lend, "auto", 9500)), nil, nil, &policy.Request{Employer: "other"})
	assert.Equal(t, policy.ShadowReport{Requests: 2}, got)
}

func TestShadowAcrossSchemas(t *testing.T) {
	wider, err := policy.NewSchema(policy.Attr("resource.age", policy.KindInt))
	require.NoError(t, err)
	body := rules(fmt.Sprintf(lend, "auto", 9000))
	r := rate(policy.Match, 9200)
	r.Attrs["resource.age"] = policy.Int(3)
	got := policy.Shadow(compile(t, nil, body), compile(t, wider, body), slices.Values([]*policy.Request{r}), nil)
	assert.Equal(t, []policy.Difference{{Employer: "shop", Rule: "request", Old: policy.Deny, New: policy.Permit, Count: 1}}, got.Differences)
}

// TestShadowAgreesWithExplain compares the counts with two plain explanations of every request.
func TestShadowAgreesWithExplain(t *testing.T) {
	schema := policy.BaseSchema()
	for i := range 40 {
		r := roll(uint64(1000 + i))
		before := r.sections()
		old, new := before.compile(t, schema, 1), r.edited(before).compile(t, schema, 2)
		if old == nil || new == nil {
			continue
		}
		var requests []*policy.Request
		different, denied := 0, 0
		for range 50 {
			req := r.request()
			requests = append(requests, req)
			a, b := old.Explain(req), new.Explain(req)
			if a.Outcome != b.Outcome || fmt.Sprint(dueNames(a)) != fmt.Sprint(dueNames(b)) {
				different++
			}
			if a.Outcome == policy.Permit && b.Outcome == policy.Deny {
				denied++
			}
		}
		got := policy.Shadow(old, new, slices.Values(requests), nil)
		assert.Equal(t, []int{different, denied}, []int{got.Different, got.WouldDeny}, before.text(1))
		rows := 0
		for _, d := range got.Differences {
			rows += d.Count
			assert.NotEmpty(t, d.Rule)
		}
		assert.GreaterOrEqual(t, rows, different, "every difference is blamed on something")
	}
}

func dueNames(x policy.Explanation) (names []string) {
	for _, d := range x.Due {
		names = append(names, d.Requirement)
	}
	return names
}

func BenchmarkShadow(b *testing.B) {
	schema := policy.BaseSchema()
	old, new := compile(b, schema, rules(fmt.Sprintf(lend, "auto", 9000))), compile(b, schema, rules(fmt.Sprintf(lend, "auto", 9001)))
	requests := make([]*policy.Request, 512)
	for i := range requests {
		requests[i] = rate(policy.Match, int64(8000+3*i))
	}
	b.Run("alone", func(b *testing.B) {
		var q policy.Query
		for b.Loop() {
			for _, r := range requests {
				if err := q.Reset(schema, r); err != nil {
					b.Fatal(err)
				}
				old.Decide(&q)
			}
		}
	})
	b.Run("shadowed", func(b *testing.B) {
		for b.Loop() {
			policy.Shadow(old, new, slices.Values(requests), nil)
		}
	})
}

func ExampleShadow() {
	const text = `apiVersion: csss.policy/v1
employer: shop
version: %d
rules:
  - {id: lend, effect: permit, actions: [match], categories: [machine], approval: auto, when: price.rate >= %d}
`
	schema := policy.BaseSchema()
	active, _ := policy.Compile(schema, policy.Source{Text: fmt.Appendf(nil, text, 1, 9000)})
	candidate, _ := policy.Compile(schema, policy.Source{Text: fmt.Appendf(nil, text, 2, 9500)})
	requests := []*policy.Request{rate(policy.Match, 9100), rate(policy.Match, 9900)}
	report := policy.Shadow(active, candidate, slices.Values(requests), nil)
	for _, d := range report.Differences {
		fmt.Printf("%s: %s becomes %s, %d of %d; would deny %d\n", d.Rule, d.Old, d.New, d.Count, report.Requests, d.WouldDeny)
	}
	// Output: lend: permit becomes deny, 1 of 2; would deny 1
}
