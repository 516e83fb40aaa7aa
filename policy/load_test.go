package policy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy"
)

// searching is a document of n rules that look for a pattern in every topic, each on a category of its own if apart.
func searching(n int, pattern string, apart bool, tests int) string {
	var b strings.Builder
	b.WriteString(head + "rules:\n")
	for i := range n {
		category := "machine"
		if apart {
			category += fmt.Sprintf(".c%d", i)
		}
		fmt.Fprintf(&b, "  - {id: r%d, effect: forbid, actions: [match], categories: [%s], when: 'resource.topics.exists(t, t.matches(\"%s%d$\"))'}\n", i, category, pattern, i)
	}
	if tests > 0 {
		b.WriteString("tests:\n")
	}
	topics := strings.TrimSuffix(strings.Repeat(strings.Repeat("a", 200)+", ", 256), ", ")
	for i := range tests {
		fmt.Fprintf(&b, "  - {name: t%d, action: match, category: machine, with: {resource.topics: [%s]}, expect: {outcome: deny}}\n", i, topics)
	}
	return b.String()
}

// A pattern costs what its program may cost, and the rules that one request meets what they cost together.
func TestPatternsAreChargedForTheirPrograms(t *testing.T) {
	assert.Contains(t, strings.Join(faults(t, searching(1, "(a?){100}a{100}b", false, 0)), "\n"), "steps, at most 1000000")
	assert.Empty(t, faults(t, searching(1, "(a?){10}a{10}b", false, 0)))
	assert.Equal(t, []string{"6:5: rule: the conditions that one request to match machine meets may cost"}, cut(faults(t, searching(40, "(a?){10}a{10}b", false, 0)), " cost"))
	assert.Empty(t, faults(t, searching(40, "(a?){10}a{10}b", true, 0)), "no request meets them all")
}

func cut(lines []string, after string) []string {
	for i, line := range lines {
		if at := strings.Index(line, after); at >= 0 {
			lines[i] = line[:at+len(after)]
		}
	}
	return lines
}

// The worst that fits is decided and analysed; the log says in what time.
func TestWorstDocumentIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIP: -short; it is slow by intent")
	}
	const fits = 4
	require.Empty(t, faults(t, searching(fits, "(a?){10}a{10}b", false, 0)))
	set, err := policy.Compile(nil, policy.Source{Text: []byte(searching(fits, "(a?){10}a{10}b", false, 18))})
	require.NoError(t, err)
	q := bind(t, set, &set.Tests("shop")[0].Request)
	start := time.Now()
	d := set.Decide(q)
	assert.Equal(t, policy.Deny, d.Outcome)
	t.Log("decided in", time.Since(start))
	start = time.Now()
	policy.Analyse(set)
	t.Log("analysed in", time.Since(start))
}
