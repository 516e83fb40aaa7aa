package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestGivenTwice(t *testing.T) {
	for text, want := range map[string]string{
		`{"a": 1, "b": {"a": 2}, "c": [{"a": 1}, {"a": 2}]}`:  "",
		`{"a": 1, "b": 2, "a": 1}`:                            "a",
		`{"a": {"b": [1, {"c": 1, "c": 1}], "d": 1}, "e": 1}`: "c",
		`{"a": [], "b": {}, "b": null}`:                       "b",
		`[]`:                                                  "",
	} {
		assert.Equal(t, want, givenTwice(json.NewDecoder(strings.NewReader(text))), text)
	}
}

// A request is read as strictly as a document, and its slips are named alike.
func TestASlipInARequestIsNamed(t *testing.T) {
	for more, want := range map[string]string{
		`"with": {"price.rate": 9400, "price.rate": 9600}`: `key "price.rate" is given twice`,
		`"with": {"counterparty.trust": 1e400}`:            "counterparty.trust: '1e400' is too large a number",
		`"with": {"price.rate": 94.0}`:                     "money is in cents",
	} {
		name := filepath.Join(t.TempDir(), "request.json")
		text := `{"action": "engage", "category": "machine.capacity.shift2", ` + more + `}`
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		code, _, stderr := ctl(t, "explain", name, "-rules", "rules/2-second-shift.yaml")
		assert.Equal(t, 2, code, more)
		assert.Contains(t, stderr, want)
	}
}
