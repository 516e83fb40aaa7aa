package match

// A scale is a unit as a multiple of the base unit of its dimension.
type scale struct {
	dimension string
	factor    float64
}

// scales are the units that requirements convert. A unit that is not here is
// equal only to itself.
var scales = map[string]scale{
	"um": {"length", 0.001},
	"µm": {"length", 0.001},
	"mm": {"length", 1},
	"cm": {"length", 10},
	"m":  {"length", 1000},
	"in": {"length", 25.4},
	"ft": {"length", 304.8},

	"g":  {"mass", 0.001},
	"kg": {"mass", 1},
	"t":  {"mass", 1000},
	"lb": {"mass", 0.45359237},

	"m2":  {"area", 1},
	"ft2": {"area", 0.09290304},

	"kg/m2":  {"load", 1},
	"t/m2":   {"load", 1000},
	"lb/ft2": {"load", 0.45359237 / 0.09290304},

	"W":  {"power", 1},
	"kW": {"power", 1000},
}

// Convert returns v of unit from in unit to, and whether the two measure the
// same thing. The empty unit is a number without one.
func Convert(v float64, from, to string) (float64, bool) {
	if from == to {
		return v, true
	}
	f, okFrom := scales[from]
	t, okTo := scales[to]
	if !okFrom || !okTo || f.dimension != t.dimension {
		return 0, false
	}
	return v * f.factor / t.factor, true
}
