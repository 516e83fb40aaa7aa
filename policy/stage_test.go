package policy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// TestRulesReadNothingBeforeItsStage walks every attribute and step: what is not released is unknown, whether or not the
// request says it and whatever it says.
func TestRulesReadNothingBeforeItsStage(t *testing.T) {
	schema := policy.BaseSchema()
	order := map[policy.Action]int{policy.ProcessExternally: 0}
	for i, a := range policy.Actions() {
		if a != policy.ProcessExternally {
			order[a] = i
		}
	}
	for _, a := range schema.Attributes() {
		set, err := policy.Compile(schema, policy.Source{Name: "shop.yaml", Text: fmt.Appendf(nil, `%srules:
  - {id: open, effect: permit, actions: [%s], categories: [machine], approval: auto}
  - {id: reads, effect: forbid, when: '!present(%s)'}
`, head, "publish, register, match, summarise, reveal, engage, renew, process_externally", a.Name)})
		require.NoError(t, err)
		for _, action := range policy.Actions() {
			released := a.From == "" || order[action] >= order[a.From]
			said := agrees(t, set, ask(action, policy.Attrs{a.Name: sample(a)}))
			assert.Equal(t, released, said.Outcome == policy.Permit, "%s at %s", a.Name, action)
			if !released {
				silent := agrees(t, set, ask(action, nil))
				assert.Equal(t, said, silent, "whether it is said cannot be told")
				assert.Equal(t, set.Explain(ask(action, policy.Attrs{a.Name: sample(a)})), set.Explain(ask(action, nil)))
			}
		}
	}
}

func TestStageMustBeAStepOfADeal(t *testing.T) {
	_, err := policy.NewSchema(policy.Attr("a.b", policy.KindInt).Since("someday"))
	assert.ErrorContains(t, err, "no step of a deal")
	_, err = policy.NewSchema(policy.Attr("a.b", policy.KindInt).Since(policy.ProcessExternally))
	assert.Error(t, err)
	_, err = policy.NewSchema(policy.Attr("a.b", policy.KindInt).Since(policy.Publish))
	assert.NoError(t, err)
}

// sample is a value of an attribute's kind, and the request's own where it has one.
func sample(a policy.Attribute) policy.Value {
	switch {
	case a.Name == "context.now":
		return policy.Time(noon)
	case a.Name == "resource.category":
		return policy.String("machine")
	}
	return map[policy.Kind]policy.Value{
		policy.KindString: policy.String("x"), policy.KindStrings: policy.Strings("x"), policy.KindInt: policy.Int(1),
		policy.KindDuration: policy.Duration(1), policy.KindTime: policy.Time(noon), policy.KindBool: policy.Bool(true),
		policy.KindDouble: policy.Double(0.5),
	}[a.Kind]
}
