package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestALineForEachAttacker(t *testing.T) {
	var out, notes bytes.Buffer
	code := run(t.Context(), []string{"-json", "-n", "1000", "-firms", "30", "-attackers", "storm,sybil,replay"}, &out, &notes)
	require.Zero(t, code, notes.String())
	var got []string
	for line := range strings.Lines(out.String()) {
		var s struct {
			Attacker   string
			Probes     int
			Violations *int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &s))
		assert.Positive(t, s.Probes)
		require.NotNil(t, s.Violations)
		got = append(got, s.Attacker)
	}
	assert.Equal(t, []string{"storm", "sybil", "replay"}, got)
}

func TestTable(t *testing.T) {
	var out, notes bytes.Buffer
	require.Zero(t, run(t.Context(), []string{"-attackers", "sybil", "-notes", "-firms", "0"}, &out, &notes), notes.String())
	assert.Contains(t, out.String(), "violations")
	assert.Contains(t, out.String(), "sybil: ")
}

func TestBadFlags(t *testing.T) {
	for _, args := range [][]string{{"-attackers", "nobody"}, {"-n", "0"}, {"-x"}, {"word"}, {"-firms", "-1"}} {
		var out, notes bytes.Buffer
		assert.Equal(t, 2, run(t.Context(), args, &out, &notes), "%v", args)
		assert.Empty(t, out.String())
		assert.NotEmpty(t, notes.String())
	}
	var out, notes bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"-h"}, &out, &notes))
}
