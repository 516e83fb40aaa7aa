package policy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

func TestJoinedSetsAreOne(t *testing.T) {
	schema := policy.BaseSchema()
	doc := func(employer, version string) policy.Source {
		return policy.Source{Text: []byte("apiVersion: csss.policy/v1\nemployer: " + employer + "\nversion: " + version +
			"\nrules:\n  - {id: open, effect: permit, actions: [match], categories: [machine], approval: auto}\n")}
	}
	compile := func(docs ...policy.Source) *policy.Set {
		set, err := policy.Compile(schema, docs...)
		require.NoError(t, err)
		return set
	}
	a, b, newer := compile(doc("a", "1"), doc("c", "1")), compile(doc("b", "1")), compile(doc("a", "2"))
	joined, err := policy.Join(a, b, newer)
	require.NoError(t, err)
	together := compile(doc("a", "2"), doc("b", "1"), doc("c", "1"))
	assert.Equal(t, together.Employers(), joined.Employers())
	for _, employer := range joined.Employers() {
		assert.Equal(t, together.Digest(employer), joined.Digest(employer))
	}
	assert.Equal(t, 1, a.Version("a"), "what was joined is as it was")

	_, err = policy.Join(a, &policy.Set{})
	assert.ErrorIs(t, err, policy.ErrSchemas)
	none, err := policy.Join()
	require.NoError(t, err)
	assert.Empty(t, none.Employers())
}
