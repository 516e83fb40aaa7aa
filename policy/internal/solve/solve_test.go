package solve_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/deeperpoint/csss/policy/internal/solve"
)

// truth is the value of a condition: true, false, error, unknown.
type truth byte

// world is a request of the small domain: what is not in it is absent.
type world struct {
	ints     map[string]int64
	texts    map[string]string
	lists    map[string][]string
	bools    map[string]bool
	withheld map[string]bool
}

// eval is the obvious evaluator with the tables of the rule language.
func eval(n *solve.Node, w world) truth {
	switch n.Op {
	case solve.Const:
		return of(n.Yes)
	case solve.Not:
		return map[truth]truth{'T': 'F', 'F': 'T', 'E': 'E', 'U': 'U'}[eval(n.Kids[0], w)]
	case solve.And:
		return fold(n.Kids, w, 'F', 'T')
	case solve.Or:
		return fold(n.Kids, w, 'T', 'F')
	case solve.If:
		switch c := eval(n.Kids[0], w); c {
		case 'T':
			return eval(n.Kids[1], w)
		case 'F':
			return eval(n.Kids[2], w)
		default:
			return c
		}
	}
	return atom(n, w)
}

func fold(kids []*solve.Node, w world, absorbing, neutral truth) truth {
	out := neutral
	for _, k := range kids {
		switch v := eval(k, w); {
		case v == absorbing:
			return absorbing
		case v == 'U', v == 'E' && out != 'U':
			out = v
		}
	}
	return out
}

func of(yes bool) truth {
	if yes {
		return 'T'
	}
	return 'F'
}

func atom(n *solve.Node, w world) truth {
	if w.withheld[n.Slot] || n.Op == solve.Compare && w.withheld[n.Other] {
		return 'U'
	}
	i, isInt := w.ints[n.Slot]
	s, isText := w.texts[n.Slot]
	l, isList := w.lists[n.Slot]
	b, isBool := w.bools[n.Slot]
	if n.Op == solve.Present {
		return of(isInt || isText || isList || isBool)
	}
	if !isInt && !isText && !isList && !isBool {
		return 'E'
	}
	switch n.Op {
	case solve.Truth:
		return of(b)
	case solve.Between:
		return of(slices.ContainsFunc(n.Ranges, func(r solve.Range) bool {
			return r.Min.Compare(solve.Int(i)) <= 0 && r.Max.Compare(solve.Int(i)) >= 0
		}))
	case solve.Among:
		return of(slices.Contains(n.Words, s))
	case solve.Text:
		return of(n.Test.Holds(s))
	case solve.Holds:
		return of(slices.Contains(l, n.Words[0]))
	}
	other, ok := w.ints[n.Other]
	if !ok {
		return 'E'
	}
	order := map[bool]uint8{true: solve.Less, false: solve.Greater}[i < other]
	if i == other {
		order = solve.Equal
	}
	return of(n.Order&order != 0)
}

// worlds is every request of the small domain. Its numbers reach one past the constants of the conditions, and its texts
// hold one that no condition names, so that what is impossible in it is impossible.
func worlds() []world {
	var list []world
	for x := int64(-2); x <= 4; x++ { // -2: absent, 4: withheld
		for y := int64(-2); y <= 4; y++ {
			for _, s := range []string{"-", "?", "", "a", "ab", "b", "ba", "c", "a.x"} {
				for l := -1; l < 5; l++ {
					for b := range 4 {
						list = append(list, worldOf(x, y, s, l, b))
					}
				}
			}
		}
	}
	return list
}

func worldOf(x, y int64, s string, l, b int) world {
	w := world{ints: map[string]int64{}, texts: map[string]string{}, lists: map[string][]string{}, bools: map[string]bool{}, withheld: map[string]bool{}}
	for name, v := range map[string]int64{"x": x, "y": y} {
		if v > -2 {
			w.ints[name] = v
		}
		w.withheld[name] = v == 4
	}
	if s != "-" {
		w.texts["s"] = s
	}
	w.withheld["s"] = s == "?"
	if l >= 0 {
		w.lists["l"] = [][]string{{}, {"a"}, {"b"}, {"a", "b"}, {}}[l]
	}
	w.withheld["l"] = l == 4
	if b > 0 {
		w.bools["b"] = b == 1
	}
	w.withheld["b"] = b == 3
	return w
}

// nodes draws a condition. Only exact ones are decided exactly.
func nodes(t *rapid.T, depth int, exact bool) *solve.Node {
	kind := rapid.IntRange(0, 13).Draw(t, "op")
	if depth == 0 {
		kind = kind % 8
	}
	if exact && (kind == 6 || kind == 7) {
		kind = 0
	}
	sub := func() *solve.Node { return nodes(t, depth-1, exact) }
	several := func() (kids []*solve.Node) {
		for range rapid.IntRange(2, 3).Draw(t, "kids") {
			kids = append(kids, sub())
		}
		return kids
	}
	switch kind {
	case 0, 1:
		order := uint8(rapid.IntRange(1, 6).Draw(t, "order"))
		v := rapid.Int64Range(0, 2).Draw(t, "const")
		return &solve.Node{Op: solve.Between, Slot: pick(t, "x", "y"), Ranges: solve.Ordered(solve.Whole, order, solve.Int(v))}
	case 2:
		return &solve.Node{Op: solve.Among, Slot: "s", Words: [][]string{{"a"}, {"a", "b"}, {"ab", "ba"}, {""}}[rapid.IntRange(0, 3).Draw(t, "words")]}
	case 3:
		return &solve.Node{Op: solve.Holds, Slot: "l", Words: []string{pick(t, "a", "b")}}
	case 4:
		return &solve.Node{Op: solve.Truth, Slot: "b"}
	case 5:
		return &solve.Node{Op: solve.Present, Slot: pick(t, "x", "y", "s", "l", "b")}
	case 6:
		kinds := []solve.TestKind{solve.Prefix, solve.Suffix, solve.Contains, solve.Under}
		return &solve.Node{Op: solve.Text, Slot: "s", Test: solve.Test{Kind: kinds[rapid.IntRange(0, 3).Draw(t, "test")], Arg: pick(t, "a", "b", "ab")}}
	case 7:
		return &solve.Node{Op: solve.Compare, Slot: pick(t, "x", "y"), Other: pick(t, "x", "y"), Order: uint8(rapid.IntRange(1, 6).Draw(t, "order"))}
	case 8, 9:
		return &solve.Node{Op: solve.And, Kids: several()}
	case 10, 11:
		return &solve.Node{Op: solve.Or, Kids: several()}
	case 12:
		return &solve.Node{Op: solve.Not, Kids: []*solve.Node{sub()}}
	}
	return &solve.Node{Op: solve.If, Kids: []*solve.Node{sub(), sub(), sub()}}
}

func pick(t *rapid.T, words ...string) string { return rapid.SampledFrom(words).Draw(t, "word") }

var wanted = map[solve.Want]string{solve.True: "T", solve.False: "F", solve.NotTrue: "FEU", solve.NotFalse: "TEU"}

func reachable(all []world, goals []solve.Goal) bool {
	return slices.ContainsFunc(all, func(w world) bool {
		return !slices.ContainsFunc(goals, func(g solve.Goal) bool {
			return !strings.ContainsRune(wanted[g.Want], rune(eval(g.Node, w)))
		})
	})
}

// TestPossibleIsReachable draws goals and looks for a request in the whole domain that meets them: whatever is reachable
// must be possible, and where conditions compare attributes with constants alone nothing else may be.
func TestPossibleIsReachable(t *testing.T) {
	all := worlds()
	var impossible, possible int
	for _, exact := range []bool{false, true} {
		rapid.Check(t, func(t *rapid.T) {
			var goals []solve.Goal
			for range rapid.IntRange(1, 5).Draw(t, "goals") {
				goals = append(goals, solve.Goal{Node: nodes(t, 2, exact), Want: solve.Want(rapid.IntRange(0, 3).Draw(t, "want"))})
			}
			budget := solve.Budget(100_000)
			got, want := solve.Possible(&budget, goals...), reachable(all, goals)
			if got {
				possible++
			} else {
				impossible++
			}
			if want && !got {
				t.Fatalf("ruled out what there is: %s", show(goals))
			}
			if exact && got && !want {
				t.Fatalf("did not rule out: %s", show(goals))
			}
		})
	}
	assert.Positive(t, impossible)
	assert.Positive(t, possible)
	t.Logf("%d possible, %d not", possible, impossible)
}

func show(goals []solve.Goal) string {
	var b strings.Builder
	for _, g := range goals {
		fmt.Fprintf(&b, "%s wanted of %s; ", wanted[g.Want], words(g.Node))
	}
	return b.String()
}

func words(n *solve.Node) string {
	var kids []string
	for _, k := range n.Kids {
		kids = append(kids, words(k))
	}
	return fmt.Sprintf("(%d %s %s %d %v %v %v %s)", n.Op, n.Slot, n.Other, n.Order, n.Ranges, n.Words, n.Test.Arg, strings.Join(kids, " "))
}

func TestOpaqueConditionIsKnownByItsText(t *testing.T) {
	f := &solve.Node{Op: solve.Opaque, Text: "f(x)", Strict: true, Reads: []string{"x"}}
	other := &solve.Node{Op: solve.Opaque, Text: "g(x)"}
	gone := &solve.Node{Op: solve.Not, Kids: []*solve.Node{{Op: solve.Present, Slot: "x"}}}
	for _, c := range []struct {
		want  bool
		goals []solve.Goal
	}{
		{true, []solve.Goal{{f, solve.True}, {other, solve.False}}},
		{false, []solve.Goal{{f, solve.True}, {f, solve.False}}},
		{false, []solve.Goal{{f, solve.True}, {f, solve.NotTrue}}},
		{true, []solve.Goal{{f, solve.NotTrue}, {f, solve.NotFalse}}},
		{false, []solve.Goal{{f, solve.NotTrue}, {f, solve.NotFalse}, {f, solve.True}}},
		{false, []solve.Goal{{f, solve.True}, {gone, solve.True}}},
		{true, []solve.Goal{{other, solve.True}, {gone, solve.True}}},
		{true, []solve.Goal{{f, solve.NotTrue}, {gone, solve.True}}},
	} {
		budget := solve.Budget(1000)
		assert.Equal(t, c.want, solve.Possible(&budget, c.goals...), show(c.goals))
	}
}

func TestFieldsOfTheRequestAreAlwaysDefined(t *testing.T) {
	own := &solve.Node{Op: solve.Text, Slot: "s", Own: true, Test: solve.Test{Kind: solve.Under, Arg: "machine"}}
	gone := &solve.Node{Op: solve.Not, Kids: []*solve.Node{{Op: solve.Present, Slot: "s"}}}
	budget := solve.Budget(1000)
	assert.True(t, solve.Possible(&budget, solve.Goal{own, solve.True}, solve.Goal{gone, solve.True}))
	assert.False(t, solve.Possible(&budget, solve.Goal{own, solve.NotTrue}, solve.Goal{own, solve.NotFalse}), "one of the two")
	lathe := &solve.Node{Op: solve.Among, Slot: "s", Words: []string{"machine.lathe"}}
	assert.False(t, solve.Possible(&budget, solve.Goal{own, solve.False}, solve.Goal{lathe, solve.True}), "one value, however it is read")
}

func TestSpentBudgetRulesNothingOut(t *testing.T) {
	n := &solve.Node{Op: solve.Const}
	var budget solve.Budget
	assert.True(t, solve.Possible(&budget, solve.Goal{n, solve.True}))
	budget = 10
	assert.False(t, solve.Possible(&budget, solve.Goal{n, solve.True}))
}

func TestHardGoalsEndWithTheBudget(t *testing.T) {
	var clauses []*solve.Node
	for i := range 60 { // (x0 || y0) && … with everything forbidden at the end: 2^60 ways
		clauses = append(clauses, &solve.Node{Op: solve.Or, Kids: []*solve.Node{
			{Op: solve.Opaque, Text: fmt.Sprint("x", i)}, {Op: solve.Opaque, Text: fmt.Sprint("y", i)}}})
	}
	pigeons := &solve.Node{Op: solve.Or, Kids: []*solve.Node{{Op: solve.Const}, {Op: solve.Const}}}
	budget := solve.Budget(100_000)
	start := time.Now()
	assert.True(t, solve.Possible(&budget, solve.Goal{&solve.Node{Op: solve.And, Kids: clauses}, solve.True}))
	assert.False(t, solve.Possible(&budget, solve.Goal{&solve.Node{Op: solve.And, Kids: append(clauses, pigeons)}, solve.True}), "what has fewest ways goes first")
	assert.Less(t, time.Since(start), 5*time.Second)
}

func TestDoublesAreOrderedByRank(t *testing.T) {
	list := []float64{-math.MaxFloat64, -1, -math.SmallestNonzeroFloat64, 0, math.SmallestNonzeroFloat64, 1, math.MaxFloat64}
	for i := range list[1:] {
		assert.Negative(t, solve.Double(list[i]).Compare(solve.Double(list[i+1])), "%g", list[i])
	}
	assert.Equal(t, solve.Double(0), solve.Double(math.Copysign(0, -1)))
	next, ok := solve.Double(1).After(solve.Whole)
	require.True(t, ok)
	assert.Equal(t, solve.Double(math.Nextafter(1, 2)), next)
}

func TestInstantsAreNanosecondsApart(t *testing.T) {
	at := time.Date(1969, 12, 31, 23, 59, 59, 999_999_999, time.UTC)
	next, ok := solve.Time(at).After(solve.Instant)
	require.True(t, ok)
	assert.Equal(t, solve.Time(at.Add(1)), next)
	before, ok := next.Before(solve.Instant)
	require.True(t, ok)
	assert.Equal(t, solve.Time(at), before)
}

func TestEndsOfTheOrderHaveNoNeighbours(t *testing.T) {
	assert.Empty(t, solve.Ordered(solve.Whole, solve.Greater, solve.Int(math.MaxInt64)))
	assert.Empty(t, solve.Ordered(solve.Whole, solve.Less, solve.Int(math.MinInt64)))
	n := &solve.Node{Op: solve.Between, Slot: "x", Ranges: solve.Ordered(solve.Whole, solve.Less|solve.Equal, solve.Int(math.MaxInt64))}
	budget := solve.Budget(100)
	assert.True(t, solve.Possible(&budget, solve.Goal{n, solve.True}))
	assert.False(t, solve.Possible(&budget, solve.Goal{n, solve.False}))
}
