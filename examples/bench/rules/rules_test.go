package rules_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/rules"
)

func TestAWorkloadIsAMarketOfRules(t *testing.T) {
	w := rules.New(105, 40, 3)
	require.Len(t, w.Rules, 105)
	require.Len(t, w.Requests, rules.Requests)
	shapes := map[string]int{}
	for i, r := range w.Rules {
		assert.Equal(t, i, r.ID)
		assert.Equal(t, i%10 == 9, r.Forbid)
		require.Len(t, r.When, rules.ClauseCount)
		facts := map[rules.Fact]bool{}
		var form strings.Builder
		for _, c := range r.When {
			facts[c.Fact] = true
			form.WriteString(string([]byte{byte(c.Fact), byte(c.Op)}))
		}
		assert.Len(t, facts, rules.ClauseCount, "each clause reads another fact")
		shapes[form.String()]++
	}
	assert.Len(t, shapes, 40)
	assert.Equal(t, "employer-10", w.Rules[104].Employer)
	assert.Equal(t, "work.c4", w.Rules[104].Category)

	allowed := 0
	for i := range w.Requests {
		if w.Allowed(&w.Requests[i]) {
			allowed++
		}
	}
	assert.Greater(t, allowed, rules.Requests/3)
	assert.Less(t, allowed, rules.Requests*2/3)

	assert.Equal(t, w, rules.New(105, 40, 3), "the seed is all there is")
	assert.NotEqual(t, w.Requests, rules.New(105, 40, 4).Requests)
	assert.Len(t, rules.New(3, 40, 3).Rules, 3)
}

func TestClausesMeanWhatTheySay(t *testing.T) {
	text, texts := rules.Value{Text: "CA"}, rules.Value{Texts: []string{"CA", "US"}}
	number := rules.Value{Number: int64(6 * time.Hour)}
	more := rules.Value{Number: int64(7 * time.Hour)}
	for _, c := range []struct {
		clause  rules.Clause
		cel     string
		yes, no rules.Value
	}{
		{rules.Clause{Fact: rules.Country, Op: rules.Equal, Value: text}, `counterparty.country == "CA"`, text, rules.Value{Text: "US"}},
		{rules.Clause{Fact: rules.Country, Op: rules.NotEqual, Value: text}, `counterparty.country != "CA"`, rules.Value{Text: "US"}, text},
		{rules.Clause{Fact: rules.Country, Op: rules.OneOf, Value: texts}, `counterparty.country in ["CA", "US"]`, text, rules.Value{Text: "MX"}},
		{rules.Clause{Fact: rules.Topics, Op: rules.Contains, Value: text}, `"CA" in resource.topics`, texts, rules.Value{Texts: []string{"US"}}},
		{rules.Clause{Fact: rules.Verified, Op: rules.IsTrue}, `counterparty.verified`, rules.Value{Flag: true}, rules.Value{}},
		{rules.Clause{Fact: rules.PerWeek, Op: rules.AtMost, Value: number}, `request.per_week <= duration("6h")`, number, more},
		{rules.Clause{Fact: rules.PerWeek, Op: rules.LessThan, Value: more}, `request.per_week < duration("7h")`, number, more},
		{rules.Clause{Fact: rules.Trust, Op: rules.AtLeast, Value: rules.Value{Number: 50}}, `counterparty.trust >= 0.50`, rules.Value{Number: 50}, rules.Value{Number: 49}},
		{rules.Clause{Fact: rules.Rate, Op: rules.MoreThan, Value: rules.Value{Number: 50}}, `price.rate > 50`, rules.Value{Number: 51}, rules.Value{Number: 50}},
	} {
		assert.Equal(t, c.cel, c.clause.CEL())
		assert.True(t, c.clause.Holds(c.yes), c.cel)
		assert.False(t, c.clause.Holds(c.no), c.cel)
	}
}

func TestAForbidWins(t *testing.T) {
	w := rules.New(10, 1, 1)
	w.Rules[9].Category = "work.c0"
	held := rules.Clause{Fact: rules.Verified, Op: rules.IsTrue}
	w.Rules[0].When, w.Rules[9].When = nil, []rules.Clause{held}
	r := rules.Request{Employer: "employer-0", Category: "work.c0"}
	assert.True(t, w.Allowed(&r))
	r.Values[rules.Verified].Flag = true
	assert.False(t, w.Allowed(&r))
	r.Employer = "employer-1"
	assert.False(t, w.Allowed(&r))
}

// sleeper is an engine that takes its time.
type sleeper struct {
	each time.Duration
	seen *[]int
}

func (s sleeper) Prepare(list []rules.Request) error {
	if len(list) != rules.Requests {
		return errors.New("not all requests")
	}
	return nil
}

func (s sleeper) Allowed(i int) bool {
	*s.seen = append(*s.seen, i)
	for begun := time.Now(); time.Since(begun) < s.each; {
	}
	return i%2 == 0
}

func TestARunnerTimesDecisions(t *testing.T) {
	for _, each := range []time.Duration{0, 2 * time.Microsecond, 50 * time.Microsecond} {
		var seen []int
		kept, loads := []byte(nil), 0
		r, err := rules.Open(rules.New(10, 1, 1), func(*rules.Workload) (func() (rules.Engine, error), error) {
			return func() (rules.Engine, error) {
				loads++
				time.Sleep(time.Millisecond)
				kept = make([]byte, 4_000_000)
				return sleeper{each, &seen}, nil
			}, nil
		})
		require.NoError(t, err)
		seen = nil
		for range 3 {
			r.Run(3 * time.Millisecond)
		}
		for i := range seen {
			require.Equal(t, i%rules.Requests, seen[i], "in order, and again from the first")
		}
		report := r.Report()
		assert.Equal(t, 3, loads)
		assert.GreaterOrEqual(t, report.LoadMS, 1.0)
		assert.InDelta(t, 4, report.KeptMB, 0.5)
		assert.Len(t, kept, 4_000_000)
		assert.GreaterOrEqual(t, report.NS, float64(each))
		assert.GreaterOrEqual(t, report.P50, 0.8*float64(each))
		assert.GreaterOrEqual(t, report.P99, report.P50)
		assert.Less(t, report.Allocs, 1.0)
		for i, allowed := range report.Allowed {
			require.Equal(t, i%2 == 0, allowed)
		}
	}
}

func TestWhatCannotBeLoadedIsNotMeasured(t *testing.T) {
	broken := errors.New("broken")
	w := rules.New(10, 1, 1)
	_, err := rules.Open(w, func(*rules.Workload) (func() (rules.Engine, error), error) { return nil, broken })
	assert.ErrorIs(t, err, broken)
	_, err = rules.Open(w, func(*rules.Workload) (func() (rules.Engine, error), error) {
		return func() (rules.Engine, error) { return nil, broken }, nil
	})
	assert.ErrorIs(t, err, broken)
	w.Requests = w.Requests[:3]
	_, err = rules.Open(w, func(*rules.Workload) (func() (rules.Engine, error), error) {
		return func() (rules.Engine, error) { return sleeper{0, new([]int)}, nil }, nil
	})
	assert.EqualError(t, err, "not all requests")
}

func TestAServerOpensRunsAndCloses(t *testing.T) {
	var seen []int
	s := rules.Server{
		Version: func(engine string) string { return engine + " v1" },
		Loaders: map[string]rules.Loader{"x": func(w *rules.Workload) (func() (rules.Engine, error), error) {
			return func() (rules.Engine, error) { return sleeper{0, &seen}, nil }, nil
		}},
	}
	for _, q := range []rules.Ask{{Do: "run", Engine: "x"}, {Do: "open", Engine: "y", Rules: 1, Shapes: 1}, {Do: "open", Engine: "x"}} {
		_, err := s.Answer(q)
		assert.Error(t, err, q)
	}
	open := rules.Ask{Do: "open", Engine: "x", Rules: 10, Shapes: 2, Seed: 1}
	a, err := s.Answer(open)
	require.NoError(t, err)
	assert.Equal(t, rules.Answer{Version: "x v1"}, a)
	_, err = s.Answer(open)
	assert.Error(t, err, "it is open")
	_, err = s.Answer(rules.Ask{Do: "dance", Engine: "x"})
	assert.Error(t, err)
	_, err = s.Answer(rules.Ask{Do: "run", Engine: "x", Seconds: 0.001})
	require.NoError(t, err)
	a, err = s.Answer(rules.Ask{Do: "close", Engine: "x"})
	require.NoError(t, err)
	assert.Positive(t, a.Report.NS)
	_, err = s.Answer(rules.Ask{Do: "close", Engine: "x"})
	assert.Error(t, err, "it is closed")
}

func TestSharesAndQuantiles(t *testing.T) {
	same, err := rules.Agreement([]bool{true, false, true, true}, []bool{true, true, true, true})
	require.NoError(t, err)
	assert.InDelta(t, 0.75, same, 0)
	_, err = rules.Agreement([]bool{true}, nil)
	assert.Error(t, err)
	assert.InDelta(t, 3, rules.Quantile([]float64{5, 1, 3}, 0.5), 0)
	assert.InDelta(t, 5, rules.Quantile([]float64{5, 1, 3}, 1), 0)
	assert.Zero(t, rules.Quantile(nil, 0.5))
}
