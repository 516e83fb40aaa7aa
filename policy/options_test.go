package policy_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// TestBothEvaluatorsDecideAlike runs the documents' own tests and generated sets on cel-go alone.
func TestBothEvaluatorsDecideAlike(t *testing.T) {
	ours := policy.BaseSchema()
	theirs, err := ours.WithOptions(&policy.Options{Evaluator: policy.CELGo})
	require.NoError(t, err)
	both := func(docs ...policy.Source) (a, b *policy.Set) {
		a, err := policy.Compile(ours, docs...)
		require.NoError(t, err)
		b, err = policy.Compile(theirs, docs...)
		require.NoError(t, err)
		return a, b
	}
	files, err := filepath.Glob("testdata/*.yaml")
	require.NoError(t, err)
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".yaml")
		a, b := both(policy.Source{Name: name, Text: read(t, file)})
		for _, employer := range b.Employers() {
			for _, test := range b.Tests(employer) {
				agrees(t, b, &test.Request)
				assert.Empty(t, test.Expect.Mismatch(b.Explain(&test.Request)), test.Name)
				assert.Equal(t, a.Explain(&test.Request), b.Explain(&test.Request))
			}
		}
	}
	for seed := range uint64(6) {
		g := &generator{rand.New(rand.NewPCG(seed, 99))}
		a, b := both(g.document())
		for range 40 {
			r := g.request()
			assert.Equal(t, a.Explain(r), b.Explain(r))
			agrees(t, b, r)
		}
		assert.Zero(t, a.Stats().Fallbacks)
		assert.Equal(t, b.Stats().Conditions, b.Stats().Fallbacks, "all of it is cel-go's")
	}
	_, err = ours.WithOptions(&policy.Options{Evaluator: 7})
	assert.ErrorContains(t, err, "evaluator 7")
	q, err := ours.Bind(ask(policy.Match, nil))
	require.NoError(t, err)
	set, err := policy.Compile(theirs)
	require.NoError(t, err)
	d := set.Decide(q)
	assert.Equal(t, policy.Decision{}, d, "a query of another schema")
}

func TestStatsCount(t *testing.T) {
	set := load(t, "steelcrest-precision", "corrway-stamping")
	assert.Equal(t, policy.Stats{Employers: 2, Rules: 7, Conditions: 5}, set.Stats())
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return text
}
