package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/disclosure"
)

func TestDisclosureWritesALineForEachCheck(t *testing.T) {
	checks := []string{"states", "mutants", "linearizable", "crash", "probes", "kguard", "rfc9901"}
	if testing.Short() { // both walk every state
		checks = checks[2:]
	}
	code, stdout, stderr := bench(t, "disclosure", "-json", "-checks", strings.Join(checks, ","), "-histories", "50", "-scenarios", "5", "-depth", "2",
		"-probes", "1000", "-attackers", "sybil,replay,peek", "-listings", "2000", "-freezes", "200", "-vectors", "../../disclosure/sdjwt/testdata/rfc9901")
	require.Zero(t, code, stderr)
	var names []string
	for line := range strings.Lines(stdout) {
		assert.Equal(t, []string{"check", "count", "violations", "seconds"}, keys(t, line)[:4])
		var f finding
		require.NoError(t, json.Unmarshal([]byte(line), &f))
		assert.Positive(t, f.Count, line)
		assert.Zero(t, f.Violations, line)
		names = append(names, f.Check)
	}
	assert.Equal(t, checks, names)
}

func TestDisclosureSaysWhatCannotRun(t *testing.T) {
	code, stdout, stderr := bench(t, "disclosure", "-json", "-checks", "rfc9901", "-vectors", t.TempDir())
	assert.Zero(t, code)
	assert.Equal(t, `{"check":"rfc9901","skip":"no examples in the folder of -vectors"}`+"\n", stdout)
	assert.Contains(t, stderr, "SKIP rfc9901")
}

func TestDisclosureRefusesFlags(t *testing.T) {
	for _, args := range [][]string{{"-checks", "nothing"}, {"-attackers", "nobody"}, {"-depth", "0"}, {"-listings", "7"}, {"-freezes", "-1"}, {"word"}} {
		code, stdout, stderr := bench(t, append([]string{"disclosure"}, args...)...)
		assert.Equal(t, 2, code, args)
		assert.Empty(t, stdout)
		assert.NotEmpty(t, stderr)
	}
}

// TestRecountHasTeeth: a text that one employer alone fits is found out.
func TestRecountHasTeeth(t *testing.T) {
	p := populate(200, 1)
	l := p.ls[0]
	var all disclosure.Frozen
	for _, said := range p.sayings(l) {
		all.Fields = append(all.Fields, disclosure.FieldChoice{Field: said.field, Level: said.level, Labels: []string{said.label}})
	}
	assert.Equal(t, 1, p.groups(all, l.Person))
	assert.Greater(t, p.groups(disclosure.Frozen{}, l.Person), 10)
}

func TestSpinLinesAddUp(t *testing.T) {
	f, err := readSpin([]byte(`{"check":"spin","name":"a","states":3,"violations":0}` + "\n" + `{"check":"spin","name":"b","states":4,"violations":1}` + "\n"))
	require.NoError(t, err)
	assert.Equal(t, finding{Count: 7, Violations: 1, Configurations: []string{"a", "b"}, Broken: []string{"b"}}, f)
	_, err = readSpin([]byte("spin: not found\n"))
	assert.Error(t, err)
}
