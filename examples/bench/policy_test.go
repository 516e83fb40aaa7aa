package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/examples/bench/rules"
	"github.com/deeperpoint/csss/policy"
)

// briefly are flags for a run of a second.
func briefly(more ...string) []string {
	return append([]string{"policy", "-json", "-rules", "30", "-shapes", "7", "-slices", "2", "-seconds", "0.002"}, more...)
}

// objects are the lines of an output by their engine, and the names in order.
func objects(t *testing.T, stdout string) (byName map[string]map[string]any, order []string) {
	t.Helper()
	byName = map[string]map[string]any{}
	for line := range strings.Lines(stdout) {
		var object map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &object), line)
		name := object["engine"].(string)
		byName[name] = object
		order = append(order, name)
		if object["load_ms"] != nil && object["agree"] != nil {
			assert.Equal(t, []string{"engine", "rules", "ns_per_decision", "allocs", "load_ms", "kept_mb", "agree"}, keys(t, line)[:7])
		}
	}
	return byName, order
}

func TestPolicyWritesALineForEachEngine(t *testing.T) {
	code, stdout, stderr := bench(t, briefly()...)
	require.Zero(t, code, stderr)
	lines, order := objects(t, stdout)
	assert.Equal(t, []string{"cel-go", "cel-go-indexed", "csss/bind", "csss/explain", "csss/joint", "csss/filter", "csss/swap", "csss/readers", "csss/shapes", "csss/shapes", "csss"}, order)
	for _, name := range []string{"cel-go", "cel-go-indexed", "csss"} {
		l := lines[name]
		assert.InDelta(t, 30, l["rules"], 0)
		assert.InDelta(t, 7, l["shapes"], 0)
		assert.InDelta(t, 1, l["agree"], 0, name)
		assert.Positive(t, l["ns_per_decision"])
		assert.Positive(t, l["load_ms"])
		assert.GreaterOrEqual(t, l["p99_ns"], l["p50_ns"])
		assert.Equal(t, lines["csss"]["allowed"], l["allowed"])
	}
	ratios := lines["csss"]["ratio_to_engines"].(map[string]any)
	assert.Len(t, ratios, 2)
	assert.InEpsilon(t, lines["cel-go"]["ns_per_decision"].(float64)/lines["csss"]["ns_per_decision"].(float64), ratios["cel-go"], 0.01)

	assert.Equal(t, lines["csss"]["allowed"], lines["csss/bind"]["allowed"])
	assert.Equal(t, lines["csss"]["allowed"], lines["csss/explain"]["allowed"])
	both := lines["csss/joint"]["allowed"].(float64)
	assert.Positive(t, both)
	assert.LessOrEqual(t, both, lines["csss"]["allowed"])
	assert.InEpsilon(t, 2*both/rules.Requests, lines["csss/joint"]["obligations"], 0.01, "one of each side that is permitted")
	filter := lines["csss/filter"]
	assert.Equal(t, "exact", filter["kind"], "no rule has a quota, a grant or an approval")
	assert.Equal(t, filter["allowed"], filter["matched"])
	assert.Positive(t, filter["filter_us"])
	assert.Positive(t, filter["ns_per_candidate"])
	assert.Positive(t, lines["csss/swap"]["swap_ms"])
	assert.Positive(t, lines["csss/readers"]["swaps_per_s"])
	assert.Positive(t, lines["csss/readers"]["decisions_per_s"])
	assert.InDelta(t, 30, lines["csss/shapes"]["shapes"], 0, "no more than there are rules")
}

func TestAFilterThatBreaksItsLawIsAFailure(t *testing.T) {
	yes, no := []bool{true, true}, []bool{true, false}
	assert.NoError(t, lawful(policy.Exact, yes, yes))
	assert.NoError(t, lawful(policy.Superset, yes, no))
	assert.Error(t, lawful(policy.Exact, yes, no))
	assert.Error(t, lawful(policy.Superset, no, yes))
}

func TestPolicyWithoutCELAgreesWithTheRulesThemselves(t *testing.T) {
	code, stdout, stderr := bench(t, briefly("-engines", "cel-go-indexed", "-modes=false")...)
	require.Zero(t, code, stderr)
	lines, order := objects(t, stdout)
	assert.Equal(t, []string{"cel-go-indexed", "csss"}, order)
	for _, l := range lines {
		assert.Equal(t, "plain", l["agree_with"])
		assert.InDelta(t, 1, l["agree"], 0)
	}
}

func TestPolicyPrintsATable(t *testing.T) {
	code, stdout, stderr := bench(t, briefly("-json=false", "-modes=false")...)
	require.Zero(t, code, stderr)
	assert.NotContains(t, stdout, "{")
	assert.Contains(t, stdout, "\ncsss  ")
	assert.Contains(t, stdout, "per decision, csss being 1: cel-go ")
}

func TestAnEngineThatDecidesOtherwiseDisagrees(t *testing.T) {
	b := &policyBench{rules: 30, workload: rules.New(30, 7, 1)}
	allowed, from := b.oracle(nil)
	assert.Equal(t, "plain", from)
	other := &judged{name: "cel-go", shown: rules.Report{Allowed: make([]bool, rules.Requests)}}
	denied, from := b.oracle([]*judged{other})
	assert.Empty(t, from)
	agree, err := rules.Agreement(allowed, denied)
	require.NoError(t, err)
	assert.InDelta(t, 1-float64(countTrue(allowed))/rules.Requests, agree, 1e-9)
}

func TestAnAbsentPolicyPeerIsSkipped(t *testing.T) {
	code, stdout, stderr := bench(t, briefly("-modes=false", "-peers", "sqlite")...)
	require.Zero(t, code, stderr)
	assert.True(t, strings.HasPrefix(stdout, `{"engine":"sqlite","skip":"not a peer of this benchmark: it has cedar-go and opa"}`), stdout)
	assert.Contains(t, stderr, "SKIP sqlite: ")
}

func TestBadPolicyFlagsAreTheCallers(t *testing.T) {
	for _, args := range [][]string{
		{"-rules", "0"}, {"-rules", "x"}, {"-shapes", "0"}, {"-slices", "0"}, {"-seconds", "0"}, {"-seconds", "NaN"}, {"-engines", "opa"}, {"word"},
	} {
		code, stdout, stderr := bench(t, append([]string{"policy"}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout, args)
		assert.NotEmpty(t, stderr, args)
	}
	code, _, stderr := bench(t, "policy", "-h")
	assert.Zero(t, code)
	assert.Contains(t, stderr, "kept_mb")
}
