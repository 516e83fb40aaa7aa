package expr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/deeperpoint/csss/policy/internal/expr"
)

// gen writes random well-typed conditions over the test table, and fills random frames.
type gen struct {
	pick   func(n int) int // 0 to n-1
	locals []string
}

func newGen(r *rand.Rand) *gen { return &gen{pick: r.IntN} }

// genFromBytes draws its choices from data, and zeros when that is used up.
func genFromBytes(data []byte) *gen {
	return &gen{pick: func(n int) int {
		if len(data) == 0 {
			return 0
		}
		b := int(data[0])
		data = data[1:]
		return b % n
	}}
}

func oneOf[T any](g *gen, list ...T) T { return list[g.pick(len(list))] }

func (g *gen) chance(percent int) bool { return g.pick(100) < percent }

var (
	genWords   = []string{"", "a", "b", "ab", "CAD", "remote", "on_site", "é", "x y", `q"'\`}
	genInts    = []int64{0, 1, 2, -1, 7, 9500, -9500, math.MaxInt64, math.MinInt64 + 1}
	genDoubles = []float64{0, 1, 0.5, -0.5, 2.25, 1000000}
	genTimes   = []string{"2026-09-01T08:00:00Z", "2026-09-01T08:00:00.5Z", "2027-01-01T00:00:00-05:00", "1969-12-31T23:59:59.25Z",
		"0001-01-01T00:00:01Z", "9999-12-31T23:59:59Z", "2024-02-29T12:30:45Z"}
	genDurations = []string{"0s", "1h", "2h30m", "-1h", "90s", "1ms", "2540400h10m0.5s"}
)

// truth writes an expression of type bool.
func (g *gen) truth(depth int) string {
	if depth <= 0 {
		return g.atom(0)
	}
	d := depth - 1
	switch g.pick(12) {
	case 0, 1, 2:
		return g.chain(d, " && ")
	case 3, 4:
		return g.chain(d, " || ")
	case 5:
		return "!(" + g.truth(d) + ")"
	case 6:
		return "(" + g.truth(d) + " ? " + g.truth(d) + " : " + g.truth(d) + ")"
	case 7:
		return "(" + g.truth(d) + ")" + oneOf(g, " == ", " != ") + "(" + g.truth(d) + ")"
	}
	return g.atom(depth)
}

func (g *gen) chain(depth int, op string) string {
	parts := make([]string, 2+g.pick(3))
	for i := range parts {
		parts[i] = "(" + g.truth(depth) + ")"
		if depth == 0 && g.chance(70) {
			parts[i] = g.atom(0)
		}
	}
	return strings.Join(parts, op)
}

// atom writes a comparison or another expression of type bool without connectives at its root.
func (g *gen) atom(d int) string {
	switch g.pick(18) {
	case 0, 1:
		return g.text(d) + oneOf(g, " == ", " != ", " < ", " <= ", " > ", " >= ") + g.text(d)
	case 2, 3, 4:
		return g.number(d) + g.order() + g.number(d)
	case 5:
		return g.duration(d) + g.order() + g.duration(d)
	case 6, 7:
		return g.time(d) + g.order() + g.time(d)
	case 8:
		return g.double(d) + g.order() + g.double(d)
	case 9, 10:
		return g.text(d) + " in " + g.list()
	case 11:
		return g.number(d) + " in " + g.numbers()
	case 12:
		return g.text(d) + "." + oneOf(g, "contains", "startsWith", "endsWith") + "(" + g.text(d) + ")"
	case 13:
		return g.text(d) + ".matches(" + oneOf(g, `"^a"`, `"b$"`, `"[a-z]+_site"`, `"."`) + ")"
	case 14:
		return "present(" + oneOf(g, "a.s", "a.l", "a.i", "a.d", "a.now", "a.b", "a.x", "far.s") + ")"
	case 15:
		if len(g.locals) < 2 {
			return g.loop(d)
		}
	case 16:
		return oneOf(g, "true", "false")
	}
	return oneOf(g, "a.b", "a.c", "!a.b")
}

func (g *gen) order() string { return oneOf(g, " == ", " != ", " < ", " <= ", " > ", " >= ") }

func (g *gen) loop(d int) string {
	v := []string{"x", "y"}[len(g.locals)]
	list := g.list()
	g.locals = append(g.locals, v)
	body := g.truth(min(d, 2) - 1)
	g.locals = g.locals[:len(g.locals)-1]
	return list + "." + oneOf(g, "all", "exists", "exists_one") + "(" + v + ", " + body + ")"
}

func (g *gen) ternary(d int, branch func(int) string) string {
	return "(" + g.truth(d-1) + " ? " + branch(d-1) + " : " + branch(d-1) + ")"
}

func (g *gen) text(d int) string {
	if len(g.locals) > 0 && g.chance(40) {
		return oneOf(g, g.locals...)
	}
	switch g.pick(10) {
	case 0, 1, 2:
		return g.quoted()
	case 3:
		if d > 0 {
			return g.ternary(d, g.text)
		}
	case 4:
		if d > 0 && g.chance(30) {
			return "(" + g.text(d-1) + " + " + g.text(d-1) + ")" // for cel-go
		}
	}
	return oneOf(g, "a.s", "a.s", "a.t", "a.u", "far.s")
}

func (g *gen) quoted() string {
	s := oneOf(g, genWords...)
	if g.chance(30) {
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
	}
	return strconv.Quote(s)
}

func (g *gen) list() string {
	switch g.pick(12) {
	case 0, 1, 2:
		return "a.l"
	case 3, 4:
		return "a.m"
	case 5:
		return "[" + g.text(0) + ", a.t]" // for cel-go
	case 6:
		if g.chance(30) {
			return "a.l.filter(z, z != 'a')" // for cel-go
		}
	}
	items := make([]string, 1+g.pick(4))
	if g.chance(5) {
		items = make([]string, 16+g.pick(4))
	}
	for i := range items {
		items[i] = g.quoted()
	}
	return "[" + strings.Join(items, ", ") + "]"
}

func (g *gen) numbers() string {
	items := make([]string, 1+g.pick(3))
	for i := range items {
		items[i] = g.integer()
	}
	return "[" + strings.Join(items, ",") + "]"
}

func (g *gen) integer() string { return strconv.FormatInt(oneOf(g, genInts...), 10) }

func (g *gen) number(d int) string {
	if d > 0 && g.chance(50) {
		d--
		switch g.pick(12) {
		case 0, 1, 2, 3, 4:
			return "(" + g.number(d) + oneOf(g, " + ", " - ", " * ", " / ", " % ") + g.number(d) + ")"
		case 5:
			return "-(" + g.number(d) + ")"
		case 6:
			return g.ternary(d+1, g.number)
		case 7:
			return "size(" + g.text(d) + ")"
		case 8:
			return oneOf(g, "a.l", "a.m", g.list()) + ".size()"
		case 9:
			return g.time(d) + "." + oneOf(g, "getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear",
				"getHours", "getMinutes", "getSeconds", "getMilliseconds") + "(" + g.zone() + ")"
		case 10:
			return g.duration(d) + "." + oneOf(g, "getHours", "getMinutes", "getSeconds", "getMilliseconds") + "()"
		case 11:
			return "int(" + oneOf(g, g.double(d), g.time(d), g.number(d)) + ")"
		}
	}
	if g.chance(40) {
		return g.integer()
	}
	return oneOf(g, "a.i", "a.j", "a.k")
}

// zone writes what an accessor may take. Zones are rare, since cel-go reads them each time.
func (g *gen) zone() string {
	if g.chance(90) {
		return ""
	}
	return oneOf(g, `"America/Toronto"`, "'Asia/Kathmandu'", `"UTC"`)
}

func (g *gen) duration(d int) string {
	if d > 0 && g.chance(30) {
		d--
		switch g.pick(4) {
		case 0:
			return "(" + g.time(d) + " - " + g.time(d) + ")"
		case 1:
			return g.ternary(d+1, g.duration)
		default:
			return "(" + g.duration(d) + oneOf(g, " + ", " - ") + g.duration(d) + ")"
		}
	}
	if g.chance(40) {
		return "duration(" + strconv.Quote(oneOf(g, genDurations...)) + ")"
	}
	return oneOf(g, "a.d", "a.e")
}

func (g *gen) time(d int) string {
	if d > 0 && g.chance(30) {
		d--
		switch g.pick(4) {
		case 0:
			return "(" + g.duration(d) + " + " + g.time(d) + ")"
		case 1:
			return g.ternary(d+1, g.time)
		default:
			return "(" + g.time(d) + oneOf(g, " + ", " - ") + g.duration(d) + ")"
		}
	}
	if g.chance(40) {
		return "timestamp(" + strconv.Quote(oneOf(g, genTimes...)) + ")"
	}
	return oneOf(g, "a.now", "a.end")
}

func (g *gen) double(d int) string {
	if d > 0 && g.chance(40) {
		d--
		switch g.pick(7) {
		case 0:
			return "-(" + g.double(d) + ")"
		case 1:
			return g.ternary(d+1, g.double)
		case 2:
			return "double(" + g.number(d) + ")"
		default:
			return "(" + g.double(d) + oneOf(g, " + ", " - ", " * ", " / ") + g.double(d) + ")"
		}
	}
	if g.chance(40) {
		return fmt.Sprintf("%.2f", oneOf(g, genDoubles...))
	}
	return oneOf(g, "a.x", "a.y")
}

// frame fills every slot with a value, leaves it absent or withholds it.
func (g *gen) frame(f *expr.Frame) {
	f.Reset()
	for i := range f.Table().Len() {
		s := expr.Slot(i)
		switch r := g.pick(20); {
		case r < 3:
		case r < 5:
			f.Withhold(s)
		default:
			g.value(f, s)
		}
	}
}

func (g *gen) value(f *expr.Frame, s expr.Slot) {
	switch f.Table().Attr(s).Kind {
	case expr.String:
		f.SetString(s, oneOf(g, genWords...))
	case expr.Strings:
		list := make([]string, g.pick(4))
		for i := range list {
			list[i] = oneOf(g, genWords...)
		}
		f.SetStrings(s, list)
	case expr.Int:
		f.SetInt(s, oneOf(g, append(genInts, math.MinInt64)...))
	case expr.Duration:
		d, _ := time.ParseDuration(oneOf(g, genDurations...))
		f.SetDuration(s, oneOf(g, d, d, d, math.MaxInt64, math.MinInt64))
	case expr.Time:
		at, _ := time.Parse(time.RFC3339, oneOf(g, genTimes...))
		f.SetTime(s, at)
	case expr.Bool:
		f.SetBool(s, g.chance(50))
	case expr.Double:
		f.SetDouble(s, oneOf(g, append(genDoubles, math.NaN(), math.Inf(-1))...)) // nobody may, and still
	}
}
