package matchtest

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/deeperpoint/csss/match"
)

// judged runs judge as a sub-test would and returns its verdict.
func judged(t *testing.T, known string, run func(testing.TB)) *recorder {
	return record(t, func(tb testing.TB) { judge(tb, known, run) })
}

func TestKnownFailures(t *testing.T) {
	good := func(tb testing.TB) { tb.Logf("recall is 1") }
	fails := func(tb testing.TB) { tb.Errorf("recall is %v", 0.2); tb.FailNow() }
	panics := func(testing.TB) { panic("out of links") }

	for name, c := range map[string]struct {
		known           string
		run             func(testing.TB)
		failed, skipped bool
		says            string
	}{
		"passes":                   {"", good, false, false, "recall is 1"},
		"fails":                    {"", fails, true, false, "recall is 0.2"},
		"fatal":                    {"", func(tb testing.TB) { tb.Fatal("no"); panic("unreachable") }, true, false, "no"},
		"panics":                   {"", panics, true, false, "panicked: out of links"},
		"skips itself":             {"", func(tb testing.TB) { tb.Skip("no file") }, false, true, "no file"},
		"known, fails":             {"too few links", fails, false, true, "known: too few links\nrecall is 0.2"},
		"known, panics":            {"issue 15", panics, false, true, "known: issue 15\npanicked"},
		"known, passes":            {"too few links", good, true, false, "stale"},
		"known, and skips itself":  {"too few links", func(tb testing.TB) { tb.SkipNow() }, false, true, ""},
		"known, and failed early":  {"x", func(tb testing.TB) { tb.Error("one"); tb.Log("two") }, false, true, "one\ntwo"},
		"known, and says too much": {"x", func(tb testing.TB) { say(tb, 100) }, false, true, "and so on"},
	} {
		r := judged(t, c.known, c.run)
		assert.Equal(t, c.failed, r.Failed(), name)
		assert.Equal(t, c.skipped, r.Skipped(), name)
		assert.Contains(t, r.String(), c.says, name)
		assert.Less(t, strings.Count(r.String(), "\n"), maxLines+6, name)
	}
}

func say(tb testing.TB, times int) {
	for range times {
		tb.Error("wrong")
	}
}

// A panic says where in the index it came from, not where the suite is.
func TestPanicsNameTheirPlace(t *testing.T) {
	r := record(t, func(testing.TB) { match.NewBook().All()[0].ID = "x" })
	assert.Contains(t, r.String(), "TestPanicsNameTheirPlace")
	assert.NotContains(t, r.String(), "debug.Stack")
}

// A panic in a goroutine of a sub-test is its failure, too.
func TestPanicsBesideAreCaught(t *testing.T) {
	r := record(t, func(tb testing.TB) {
		f := &fixture{TB: tb}
		var wg sync.WaitGroup
		f.beside(&wg, func() { panic("beside") })
		wg.Wait()
	})
	assert.True(t, r.Failed())
	assert.Contains(t, r.String(), "panicked: beside")
}

func TestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range tests {
		assert.False(t, seen[test.name], test.name)
		seen[test.name] = true
		assert.True(t, named(test.name))
	}
	assert.False(t, named("recall"))
}
