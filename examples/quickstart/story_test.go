package main

import (
	"bytes"
	"flag"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write testdata/story.txt")

// chance is what differs from run to run: times, random ids, and how much was
// decided and logged on the way.
var chance = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`[0-9.]+ ms`), "N ms"},
	{regexp.MustCompile(`h-[0-9a-f]{20}`), "HANDLE"},
	{regexp.MustCompile(`[0-9a-f]{16}…`), "DIGEST…"},
	{regexp.MustCompile(`\d+ (bytes|KB|files|decisions|filters|commitments|entries verify|ledger entries)`), "N $1"},
	{regexp.MustCompile(`(entry|index|of|size) \d{4}`), "$1 N"},
}

// The story comes out as told, and every word of it is meant.
func TestStory(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, tell(t.Context(), 0, &out))
	got := out.String()
	for _, c := range chance {
		got = c.pattern.ReplaceAllString(got, c.word)
	}
	if *update {
		require.NoError(t, os.WriteFile("testdata/story.txt", []byte(got), 0o600))
	}
	want, err := os.ReadFile("testdata/story.txt")
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}
