package expr_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// attrs is the table that the tests of this package use: a few attributes of each kind.
func attrs() []expr.Attr {
	return []expr.Attr{
		{Name: "a.s", Kind: expr.String}, {Name: "a.t", Kind: expr.String}, {Name: "a.u", Kind: expr.String},
		{Name: "a.l", Kind: expr.Strings}, {Name: "a.m", Kind: expr.Strings},
		{Name: "a.i", Kind: expr.Int}, {Name: "a.j", Kind: expr.Int}, {Name: "a.k", Kind: expr.Int},
		{Name: "a.d", Kind: expr.Duration}, {Name: "a.e", Kind: expr.Duration},
		{Name: "a.now", Kind: expr.Time}, {Name: "a.end", Kind: expr.Time},
		{Name: "a.b", Kind: expr.Bool}, {Name: "a.c", Kind: expr.Bool},
		{Name: "a.x", Kind: expr.Double}, {Name: "a.y", Kind: expr.Double},
		{Name: "far.s", Kind: expr.String, Tainted: true},
	}
}

func newTable(t testing.TB) *expr.Table {
	t.Helper()
	table, err := expr.NewTable(attrs())
	require.NoError(t, err)
	return table
}

func slot(t testing.TB, table *expr.Table, name string) expr.Slot {
	t.Helper()
	s, ok := table.Lookup(name)
	require.True(t, ok, name)
	return s
}

func TestTableNumbersAttributesInOrder(t *testing.T) {
	table := newTable(t)
	require.Equal(t, len(attrs()), table.Len())
	for i, a := range attrs() {
		assert.Equal(t, expr.Slot(i), slot(t, table, a.Name))
		assert.Equal(t, a, table.Attr(expr.Slot(i)))
	}
	assert.True(t, slices.IsSorted(table.Names()))
	_, ok := table.Lookup("a")
	assert.False(t, ok)
}

func TestTableRefusesBadRows(t *testing.T) {
	for name, list := range map[string][]expr.Attr{
		"twice":    {{Name: "a.s", Kind: expr.String}, {Name: "a.s", Kind: expr.Int}},
		"empty":    {{Kind: expr.String}},
		"no kind":  {{Name: "a.s"}},
		"bad kind": {{Name: "a.s", Kind: 99}},
		"too many": make([]expr.Attr, 4097),
	} {
		_, err := expr.NewTable(list)
		assert.Error(t, err, name)
	}
}

func TestFrameKeepsWhatIsSetAndNothingElse(t *testing.T) {
	table := newTable(t)
	f := table.NewFrame()
	when := time.Date(2026, 9, 1, 8, 0, 0, 5, time.FixedZone("", -4*3600))
	for range 2 {
		for s := range table.Len() {
			assert.False(t, f.Has(expr.Slot(s)))
			assert.False(t, f.Withheld(expr.Slot(s)))
		}
		f.SetString(slot(t, table, "a.t"), "text")
		f.SetStrings(slot(t, table, "a.m"), []string{"x"})
		f.SetInt(slot(t, table, "a.j"), -7)
		f.SetDuration(slot(t, table, "a.e"), time.Hour)
		f.SetTime(slot(t, table, "a.end"), when)
		f.SetBool(slot(t, table, "a.c"), true)
		f.SetDouble(slot(t, table, "a.y"), 0.5)
		f.Withhold(slot(t, table, "far.s"))

		s, ok := f.String(slot(t, table, "a.t"))
		assert.True(t, ok && s == "text")
		l, ok := f.Strings(slot(t, table, "a.m"))
		assert.True(t, ok && slices.Equal(l, []string{"x"}))
		i, ok := f.Int(slot(t, table, "a.j"))
		assert.True(t, ok && i == -7)
		d, ok := f.Duration(slot(t, table, "a.e"))
		assert.True(t, ok && d == time.Hour)
		at, ok := f.Time(slot(t, table, "a.end"))
		assert.True(t, ok && at.Equal(when) && at.Location() == time.UTC)
		b, ok := f.Bool(slot(t, table, "a.c"))
		assert.True(t, ok && b)
		x, ok := f.Double(slot(t, table, "a.y"))
		assert.True(t, ok && x == 0.5)

		for _, absent := range []string{"a.s", "a.l", "a.i", "a.d", "a.now", "a.b", "a.x", "far.s"} {
			assert.False(t, f.Has(slot(t, table, absent)), absent)
		}
		_, ok = f.String(slot(t, table, "a.s"))
		assert.False(t, ok)
		_, ok = f.Int(slot(t, table, "a.e"))
		assert.False(t, ok, "a duration is not an int")
		assert.True(t, f.Withheld(slot(t, table, "far.s")))
		f.Reset()
	}
}

func TestFrameStatesReplaceEachOther(t *testing.T) {
	table := newTable(t)
	f, s := table.NewFrame(), slot(t, table, "a.s")
	state := func() [2]bool { return [2]bool{f.Has(s), f.Withheld(s)} }
	f.SetString(s, "v")
	assert.Equal(t, [2]bool{true, false}, state())
	f.Withhold(s)
	assert.Equal(t, [2]bool{false, true}, state())
	f.SetString(s, "v")
	assert.Equal(t, [2]bool{true, false}, state())
	f.Unset(s)
	assert.Equal(t, [2]bool{false, false}, state())
	f.Withhold(s)
	f.Unset(s)
	assert.Equal(t, [2]bool{false, false}, state())
}

func TestFrameCopiesAreIndependent(t *testing.T) {
	table := newTable(t)
	s := slot(t, table, "a.s")
	f := table.NewFrame()
	f.SetString(s, "one")
	g, h := f.Clone(), table.NewFrame()
	h.CopyFrom(f)
	f.SetString(s, "two")
	for _, c := range []*expr.Frame{g, h} {
		got, ok := c.String(s)
		assert.True(t, ok && got == "one")
	}
}

func TestFrameRefusesAnotherKind(t *testing.T) {
	table := newTable(t)
	assert.Panics(t, func() { table.NewFrame().SetInt(slot(t, table, "a.s"), 1) })
}

func TestFrameWithManyAttributes(t *testing.T) {
	var list []expr.Attr
	for i := range 200 {
		list = append(list, expr.Attr{Name: "n." + string(rune('a'+i%26)) + string(rune('a'+i/26)), Kind: expr.Int})
	}
	table, err := expr.NewTable(list)
	require.NoError(t, err)
	f := table.NewFrame()
	f.SetInt(64, 7)
	for s := range expr.Slot(200) {
		assert.Equal(t, s == 64, f.Has(s))
	}
}

func TestFrameFillsWithoutAllocating(t *testing.T) {
	table := newTable(t)
	f, list := table.NewFrame(), []string{"x"}
	s, l, i, d := slot(t, table, "a.s"), slot(t, table, "a.l"), slot(t, table, "a.i"), slot(t, table, "a.now")
	now := time.Date(2026, 9, 1, 8, 0, 0, 5, time.UTC)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		f.Reset()
		f.SetString(s, "x")
		f.SetStrings(l, list)
		f.SetInt(i, 1)
		f.SetTime(d, now)
	}))
}
