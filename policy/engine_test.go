package policy_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// shopVersion is a document that permits in even versions and denies in odd ones.
func shopVersion(employer string, version int) policy.Source {
	effect := [...]string{"effect: permit, approval: auto", "effect: forbid"}[version%2]
	return policy.Source{Name: "shop.yaml", Text: fmt.Appendf(nil, `apiVersion: csss.policy/v1
employer: %s
version: %d
rules:
  - {id: only, actions: [match], categories: [machine], %s}
`, employer, version, effect)}
}

func TestReadersUnderSwapsSeeOneSetEach(t *testing.T) {
	swaps := 400
	if testing.Short() {
		swaps = 100
	}
	schema := policy.BaseSchema()
	set, err := policy.Compile(schema, shopVersion("shop", 2))
	require.NoError(t, err)
	var sets sync.Map // digest of version -> version
	sets.Store(set.Digest("shop"), 2)
	engine := policy.NewEngine(set)
	q, err := schema.Bind(ask(policy.Match, nil))
	require.NoError(t, err)

	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			last := 0
			for {
				select {
				case <-stop:
					return
				default:
				}
				d := engine.Decide(q)
				known, ok := sets.Load(d.Digest())
				if !assert.True(t, ok) || !assert.Equal(t, known, d.Version()) ||
					!assert.Equal(t, d.Version()%2 == 0, d.Outcome == policy.Permit) || !assert.GreaterOrEqual(t, d.Version(), last) {
					return
				}
				last = d.Version()
				j := engine.Set().DecideJoint(q, q)
				supply, demand := j.For(policy.Supply).Own, j.For(policy.Demand).Own
				if !assert.Equal(t, supply.Version(), demand.Version(), "one snapshot for both sides") {
					return
				}
			}
		})
	}
	for version := 3; version < 3+swaps; version++ {
		next, err := engine.Set().With(shopVersion("shop", version))
		require.NoError(t, err)
		sets.Store(next.Digest("shop"), version)
		require.NoError(t, engine.Swap(next))
		time.Sleep(time.Millisecond)
	}
	close(stop)
	readers.Wait()
	assert.Equal(t, 2+swaps, engine.Set().Version("shop"))
}

func TestSwapRefusesWhatIsOlder(t *testing.T) {
	schema := policy.BaseSchema()
	compile := func(docs ...policy.Source) *policy.Set {
		set, err := policy.Compile(schema, docs...)
		require.NoError(t, err)
		return set
	}
	engine := policy.NewEngine(compile(shopVersion("shop", 5), shopVersion("other", 1)))
	first := engine.Set()

	var version *policy.VersionError
	require.ErrorAs(t, engine.Swap(compile(shopVersion("shop", 4), shopVersion("other", 2))), &version)
	assert.Equal(t, policy.VersionError{Have: 5, Got: 4}, *version)
	assert.NotContains(t, version.Error(), "shop")
	assert.Same(t, first, engine.Set(), "a refused set changes nothing")

	changed := shopVersion("shop", 5)
	changed.Text = append(changed.Text, "  - {id: more, effect: forbid}\n"...)
	require.ErrorAs(t, engine.Swap(compile(changed)), &version)
	assert.Equal(t, policy.VersionError{Have: 5, Got: 5}, *version)
	assert.ErrorIs(t, engine.Swap(nil), policy.ErrNoSet)

	same := shopVersion("shop", 5)
	same.Text = append(same.Text, "# a comment\n"...)
	require.NoError(t, engine.Swap(compile(same)))
	assert.Equal(t, []string{"shop"}, engine.Set().Employers(), "other is out of force")
	require.NoError(t, engine.Swap(compile(shopVersion("other", 1))))
	assert.Error(t, engine.Swap(compile(shopVersion("shop", 4))), "versions are remembered after a document has gone")
	require.NoError(t, engine.Update(shopVersion("shop", 6), shopVersion("third", 1)))
	assert.Equal(t, []string{"other", "shop", "third"}, engine.Set().Employers())
	assert.ErrorAs(t, engine.Update(shopVersion("shop", 5)), &version)
	var faults *policy.Errors
	assert.ErrorAs(t, engine.Update(policy.Source{Text: []byte("rules: []")}), &faults)
	assert.Empty(t, policy.NewEngine(nil).Set().Employers())
}

func TestUpdatesOfDifferentEmployersDoNotUndoEachOther(t *testing.T) {
	engine := policy.NewEngine(nil)
	var writers sync.WaitGroup
	for i := range 4 {
		writers.Go(func() {
			for version := 1; version <= 20; version++ {
				assert.NoError(t, engine.Update(shopVersion(fmt.Sprintf("shop-%d", i), version)))
			}
		})
	}
	writers.Wait()
	for _, employer := range engine.Set().Employers() {
		assert.Equal(t, 20, engine.Set().Version(employer))
	}
	assert.Len(t, engine.Set().Employers(), 4)
}

func BenchmarkSwapOneFirm(b *testing.B) {
	schema := policy.BaseSchema()
	set, err := policy.Compile(schema, workload(10_000, 20)...)
	if err != nil {
		b.Fatal(err)
	}
	engine := policy.NewEngine(set)
	text := workload(10, 20)[0].Text
	version := 1
	for b.Loop() {
		version++
		doc := policy.Source{Name: "employer-0.yaml", Text: fmt.Appendf(nil, "apiVersion: csss.policy/v1\nemployer: employer-0\nversion: %d\n%s", version, text[len("apiVersion: csss.policy/v1\nemployer: employer-0\nversion: 1\n"):])}
		if err := engine.Update(doc); err != nil {
			b.Fatal(err)
		}
	}
}
