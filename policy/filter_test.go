package policy_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// narrowing is what only a decision can tell of a permit.
var narrowing = regexp.MustCompile(`, (authority: grant|quotas: \[[a-z, ]*\]|obligations: \[[a-z, ]*\])`)

// market is the documents of several generated employers, named firm0, firm1, …; plain ones have nothing narrowing.
func (g *generator) market(n int, plain bool) []policy.Source {
	docs := make([]policy.Source, n)
	for i := range docs {
		docs[i] = g.document()
		if plain {
			docs[i].Text = narrowing.ReplaceAll(docs[i].Text, nil)
			docs[i].Text = bytes.ReplaceAll(bytes.ReplaceAll(docs[i].Text, []byte("approval: one"), []byte("approval: auto")), []byte("approval: two"), []byte("approval: auto"))
		}
		docs[i].Text = bytes.Replace(docs[i].Text, []byte("employer: firm\n"), fmt.Appendf(nil, "employer: firm%d\n", i), 1)
	}
	return docs
}

var openToFilters = []string{"price.rate", "request.distance_km"}

func isOpen(name string) bool {
	return strings.HasPrefix(name, "resource.") || slices.Contains(openToFilters, name)
}

// resource is a request about a resource that a search with a request may find.
func (g *generator) resource(search *policy.Request, employers int) *policy.Request {
	r := g.request()
	open := r.Attrs
	r.Action, r.Now, r.Attrs = search.Action, search.Now, policy.Attrs{}
	r.Employer = fmt.Sprintf("firm%d", g.IntN(employers+1))
	r.Withheld = slices.DeleteFunc(r.Withheld, func(name string) bool { return !isOpen(name) })
	for _, name := range search.Withheld {
		if !isOpen(name) {
			r.Withheld = append(r.Withheld, name)
		}
	}
	maps.Copy(r.Attrs, open)
	maps.DeleteFunc(r.Attrs, func(name string, _ policy.Value) bool { return !isOpen(name) })
	for name, v := range search.Attrs {
		if !isOpen(name) {
			r.Attrs[name] = v
		}
	}
	return r
}

// TestFilterLaw holds filters of generated sets against the decision on every resource they are asked about.
func TestFilterLaw(t *testing.T) {
	const employers = 3
	sets, seen := 60, map[string]int{}
	if testing.Short() {
		sets = 12
	}
	schema := policy.BaseSchema()
	for seed := range sets {
		g := &generator{rand.New(rand.NewPCG(uint64(seed), 11))}
		set, err := policy.Compile(schema, g.market(employers, seed%2 == 0)...)
		require.NoError(t, err)
		for range 10 {
			search := g.request()
			q, err := schema.Bind(search)
			require.NoError(t, err)
			f := set.Filter(q, openToFilters...)
			for range 40 {
				r := g.resource(search, employers)
				c, err := schema.Bind(r)
				require.NoError(t, err)
				passes := set.Decide(c)
				allowed, matches := passes.Outcome != policy.Deny, f.Match(c)
				cell, known := set.Cell(r.Employer, r.Category)
				inBitmap := known && f.Allows(cell)
				if allowed {
					require.True(t, matches, "seed %d: a %s filter loses %s of %s", seed, f.Kind(), r.Action, r.Category)
				}
				if matches {
					require.True(t, inBitmap, "seed %d: the bitmap loses %s", seed, r.Category)
				}
				if f.Kind() == policy.Exact {
					require.Equal(t, allowed, matches, "seed %d: %s of %s", seed, r.Action, r.Category)
				}
				seen[fmt.Sprint(f.Kind(), " ", matches, " ", allowed)]++
			}
		}
	}
	for _, want := range []string{"exact true true", "exact false false", "superset true true", "superset true false", "superset false false"} {
		assert.Positive(t, seen[want], "%s: %v", want, seen)
	}
}

// Match of filters that rest on nothing but conditions is exact, and a category that is closed is not in the bitmap.
func TestFilterIsExactWhereConditionsDecide(t *testing.T) {
	set, err := policy.Compile(nil, policy.Source{Name: "shop.yaml", Text: []byte(`apiVersion: csss.policy/v1
employer: shop
version: 1
rules:
  - {id: sell, effect: permit, actions: [match], categories: [machine], approval: auto, when: 'price.rate >= 9500 && request.mode == "on_site"'}
  - {id: never, effect: forbid, actions: [match], categories: [machine.laser], when: 'counterparty.naics == "336370"'}
  - {id: read, effect: permit, actions: [summarise], categories: [floor], approval: auto}
`)})
	require.NoError(t, err)
	search := &policy.Request{Employer: "anyone", Action: policy.Match, Category: "need", Now: noon, Attrs: policy.Attrs{
		"request.mode": policy.String("on_site"), "counterparty.naics": policy.String("336370"), "price.rate": policy.Int(1)}}
	q, err := set.Schema().Bind(search)
	require.NoError(t, err)
	f := set.Filter(q, "price.rate")
	assert.Equal(t, policy.Exact, f.Kind())
	for _, c := range []struct {
		employer, category string
		rate               int64
		cell, match        bool
	}{
		{"shop", "machine.mill", 9500, true, true},
		{"shop", "machine.mill", 9499, true, false},
		{"shop", "machine.laser.flat", 9900, false, false},
		{"shop", "floor", 9900, false, false},
		{"other", "machine.mill", 9900, false, false},
	} {
		r := *search
		r.Employer, r.Category, r.Attrs = c.employer, c.category, maps.Clone(search.Attrs)
		r.Attrs["price.rate"] = policy.Int(c.rate)
		candidate, err := set.Schema().Bind(&r)
		require.NoError(t, err)
		assert.Equal(t, c.match, f.Match(candidate), "%+v", c)
		cell, ok := set.Cell(c.employer, c.category)
		assert.Equal(t, c.cell, ok && f.Allows(cell), "%+v", c)
	}
	mode := set.Filter(nil)
	assert.False(t, mode.Match(q))
	assert.False(t, mode.Allows(0))
}

func TestFilterAllocatesNothingPerResource(t *testing.T) {
	const rules = 1000
	schema := policy.BaseSchema()
	set, err := policy.Compile(schema, workload(rules, 20)...)
	require.NoError(t, err)
	q, err := schema.Bind(questions(rules, 1)[0])
	require.NoError(t, err)
	f := set.Filter(q, "price.rate")
	candidates := make([]*policy.Query, 0, 64)
	for _, r := range questions(rules, cap(candidates)) {
		c, err := schema.Bind(r)
		require.NoError(t, err)
		candidates = append(candidates, c)
	}
	i := 0
	assert.Zero(t, testing.AllocsPerRun(200, func() { f.Match(candidates[i%len(candidates)]); i++ }))
}

func BenchmarkFilter(b *testing.B) {
	const rules = 10_000
	schema := policy.BaseSchema()
	set, err := policy.Compile(schema, workload(rules, 20)...)
	require.NoError(b, err)
	requests := questions(rules, 512)
	q, err := schema.Bind(requests[0])
	require.NoError(b, err)
	b.Run("make", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			set.Filter(q, "price.rate")
		}
	})
	f := set.Filter(q, "price.rate")
	candidates := make([]*policy.Query, len(requests))
	for i, r := range requests {
		c := *requests[0]
		c.Employer, c.Category = r.Employer, r.Category
		candidates[i], err = schema.Bind(&c)
		require.NoError(b, err)
	}
	b.Run("match", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			f.Match(candidates[i%len(candidates)])
		}
	})
}

// A set with a new document makes the filters that it would make had it been compiled at once, and lays out no more than
// the neighbours of what is new.
func TestFilterAfterANewDocument(t *testing.T) {
	const rules = 4000
	schema := policy.BaseSchema()
	docs := workload(rules, 20)
	set, err := policy.Compile(schema, docs...)
	require.NoError(t, err)
	requests := questions(rules, 300)
	q, err := schema.Bind(requests[0])
	require.NoError(t, err)
	set.Filter(q)
	rounds := 4
	if testing.Short() {
		rounds = 2
	}
	for round := range rounds {
		changed := docs[7*round]
		changed.Text = bytes.ReplaceAll(changed.Text, []byte("effect: forbid"), []byte("effect: permit, approval: auto"))
		changed.Text = append(changed.Text, "  - {id: closed, effect: forbid, categories: [work.c3]}\n"...)
		docs[7*round] = changed
		before := set
		set, err = before.With(changed)
		require.NoError(t, err)
		all, shared := policy.SharedBlocks(before, set)
		require.Greater(t, all, 2)
		require.Equal(t, all-1, shared)
		fresh, err := policy.Compile(schema, docs...)
		require.NoError(t, err)
		matches := 0
		for i, search := range requests[:20] {
			q, err := schema.Bind(search)
			require.NoError(t, err)
			one, other := set.Filter(q, "price.rate"), fresh.Filter(q, "price.rate")
			require.Equal(t, other.Kind(), one.Kind())
			for _, r := range requests[i:] {
				c := *search
				c.Employer, c.Category = r.Employer, r.Category
				candidate, err := schema.Bind(&c)
				require.NoError(t, err)
				require.Equal(t, other.Match(candidate), one.Match(candidate), "%s %s", c.Employer, c.Category)
				here, ok := set.Cell(c.Employer, c.Category)
				require.True(t, ok)
				there, ok := fresh.Cell(c.Employer, c.Category)
				require.True(t, ok)
				require.Equal(t, other.Allows(there), one.Allows(here), "%s %s", c.Employer, c.Category)
				if one.Match(candidate) {
					matches++
				}
			}
		}
		require.Positive(t, matches)
	}
}
