package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What the README shows is what the program says: all of it, but where "…" stands
// for lines that are left out.
func TestTheReadmeShowsWhatIsSaid(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, session, found := strings.Cut(string(text), "$ cd examples/policyctl\n")
	require.True(t, found)
	session, _, _ = strings.Cut(session, "```")
	commands := strings.Split(session, "$ go run . ")[1:]
	require.GreaterOrEqual(t, len(commands), 5)
	for _, command := range commands {
		line, shown, _ := strings.Cut(command, "\n")
		if testing.Short() && strings.HasSuffix(line, "-story") {
			continue // opens the seeded market
		}
		_, stdout, stderr := ctl(t, strings.Fields(line)...)
		form := strings.ReplaceAll(regexp.QuoteMeta(shown), "…\n", "(.*\n)+")
		assert.Regexp(t, "^"+form+"$", stdout+stderr, line)
	}
}
